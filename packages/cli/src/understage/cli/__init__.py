"""The understage command."""
