"""The stop: hooks, signals, process-wide handlers."""
