"""Entity providers: how they are connected, and the built-in one."""
