"""Configuration of Understage: sources, merging, substitution, reading, schemas."""
