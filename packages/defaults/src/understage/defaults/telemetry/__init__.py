"""What tracing and metrics share: when they are on, and what their instruments are called."""
