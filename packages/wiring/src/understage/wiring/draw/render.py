"""Renders a report in any of its formats."""

import json
from typing import Literal

from understage.wiring.draw.html import html_page
from understage.wiring.draw.svg import picture
from understage.wiring.draw.tree import text_tree
from understage.wiring.report.model import StartReport

Format = Literal["tree", "json", "html", "svg"]


def render(report: StartReport, format: Format) -> str:  # noqa: A002 - the word that people use
    """Returns a report as text.

    Args:
        report: the report of a backend.
        format: `tree` for a terminal, `json` for programs, `svg` for a picture, `html` for a page with the picture
            and all details; both pictures need nothing but themselves.
    """
    if format == "tree":
        return text_tree(report)
    if format == "json":
        return json.dumps(report.to_json(), indent=2) + "\n"
    return picture(report) if format == "svg" else html_page(report)
