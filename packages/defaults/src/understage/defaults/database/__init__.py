"""The database service: a database for each plugin, on Postgres or SQLite."""

from understage.defaults.database.factory import database_service_factory

__all__ = ["database_service_factory"]
