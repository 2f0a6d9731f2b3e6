"""The entity model: what a valid entity is, and which relations it has."""
