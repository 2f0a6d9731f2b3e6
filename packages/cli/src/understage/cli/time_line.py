"""The time line of a start as text."""

from understage.wiring import StartReport
from understage.wiring.draw.timeline import timeline_bars

_LONGEST_LABEL = 34
_SHORTEST_BAR_AREA = 20


def text_time_line(report: StartReport, width: int) -> str:
    """Returns a line for each phase, root service, plugin and module, with a bar from its begin to its end.

    Args:
        report: the report of a backend; of one that was only inspected nothing is shown.
        width: how many columns there are.
    """
    bars = timeline_bars(report)
    if report.phases is None or not bars:
        return ""
    label_width = min(max(len(bar.label) for bar in bars), _LONGEST_LABEL)
    area = max(width - label_width - 12, _SHORTEST_BAR_AREA)
    scale = area / max(report.phases.total_ms, 1.0)
    lines = ["time line"]
    for bar in bars:
        milliseconds = sum(part for _, part in bar.parts)
        begin = min(round(bar.start_ms * scale), area - 1)
        length = max(min(round(milliseconds * scale), area - begin), 1)
        drawn = (" " * begin + "━" * length).ljust(area)
        lines.append(f"{_fitted(bar.label, label_width)} {drawn} {milliseconds:6.1f} ms")
    return "\n".join(lines) + "\n"


def _fitted(label: str, width: int) -> str:
    return label.ljust(width) if len(label) <= width else label[: width - 1] + "…"
