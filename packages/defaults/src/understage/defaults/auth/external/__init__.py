"""External access: tokens of callers that are no plugin and no user of this installation."""
