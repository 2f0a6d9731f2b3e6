"""The start-up report as a text tree, as JSON, and as a picture."""

from understage.wiring.draw.render import Format, render

__all__ = ["Format", "render"]
