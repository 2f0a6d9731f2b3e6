"""The software catalog plugin: add it to a backend with `backend.add("understage.catalog")`."""

from understage.catalog.plugin import catalog_plugin as feature

__all__ = ["feature"]
