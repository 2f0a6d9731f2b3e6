"""A report as a picture: the backend with its plugins, modules, extension points and services, and a time line."""

from understage.wiring.draw.map import draw_map
from understage.wiring.draw.shapes import sheet
from understage.wiring.draw.timeline import draw_timeline
from understage.wiring.report.model import StartReport

WIDTH = 1160.0


def picture(report: StartReport) -> str:
    """Returns a report as an SVG document.

    Args:
        report: the report of a backend.
    """
    elements, height = draw_map(report, WIDTH)
    timeline, total = draw_timeline(report, WIDTH, height)
    return sheet(WIDTH, total + 16, [*elements, *timeline], "What is in the backend, and how it started")
