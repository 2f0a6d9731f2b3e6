"""Explains an entity: where it comes from, what was made of it, why it is not visible, and what it waits for."""
