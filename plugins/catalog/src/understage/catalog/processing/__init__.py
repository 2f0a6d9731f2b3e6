"""The engine: processes entities whose turn it is, stores what comes of it, and stitches what is served."""
