"""Postgres, through asyncpg."""
