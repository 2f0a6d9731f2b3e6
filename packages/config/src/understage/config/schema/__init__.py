"""Schemas of configuration: what keys there are, of which types, and who may see them."""
