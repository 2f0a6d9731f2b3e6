"""SQLite: connections in worker threads of their own."""
