"""The catalog's tables and queries, a function for each query."""
