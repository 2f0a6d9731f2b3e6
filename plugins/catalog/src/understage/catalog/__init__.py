"""The software catalog plugin."""
