"""The start-up report: what is in the backend, where it came from, how long it took."""
