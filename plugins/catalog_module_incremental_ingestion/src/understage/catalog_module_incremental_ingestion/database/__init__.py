"""The module's tables, within the catalog's database."""
