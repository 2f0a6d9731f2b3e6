"""`understage new`: writes backends, plugins and modules that work at once."""
