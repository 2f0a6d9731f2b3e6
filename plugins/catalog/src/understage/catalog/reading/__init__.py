"""Reading entity files: YAML documents and file targets."""
