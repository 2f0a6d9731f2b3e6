"""Backends for tests: what they are made of, and how they are reached."""
