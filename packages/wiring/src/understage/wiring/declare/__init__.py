"""What was added, and what it registers."""
