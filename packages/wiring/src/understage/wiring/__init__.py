"""The container of Understage: registration, dependency graph, start and stop."""
