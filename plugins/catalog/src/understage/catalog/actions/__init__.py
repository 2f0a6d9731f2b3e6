"""What the catalog offers to be done by assistants, templates and other plugins."""
