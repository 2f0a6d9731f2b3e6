"""Entity model, references, extension points and client of the catalog."""
