"""`understage plugin check`: judges plugins and modules by a scale of bronze, silver and gold."""
