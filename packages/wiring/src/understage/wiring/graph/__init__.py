"""Who provides what, who needs what, and whether that can work."""
