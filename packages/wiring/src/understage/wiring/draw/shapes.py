"""The few SVG elements that the pictures are made of."""

from collections.abc import Sequence
from html import escape

CHARACTER_WIDTH = 6.7
STYLE = """
.sheet{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;--ink:#1c2430;--soft:#66758a;--line:#c3cddb;
--paper:#ffffff;--plugin:#eef4fd;--module:#ffffff;--point:#fff3d6;--default:#f1f3f6;--explicit:#dcebff;--loader:#dff5e6;
--reference:#f5effd;--failed:#ffe0de;--bar:#3d7edb;--import:#9aa7b8;--services:#e0a93b;--modules:#5bb58a;--hooks:#a583d6;
background:var(--paper)}
@media (prefers-color-scheme:dark){.sheet{--ink:#e6ebf2;--soft:#94a3b8;--line:#3b4859;--paper:#12171f;--plugin:#1b2635;
--module:#141b26;--point:#40361c;--default:#1e2530;--explicit:#1c3355;--loader:#1c3b29;--reference:#2e2542;--failed:#4d2220}}
.sheet text{fill:var(--ink)}.sheet .soft{fill:var(--soft)}.sheet .title{font-weight:700}
.sheet rect{stroke:var(--line)}.sheet .bar{stroke:none}.sheet path{fill:none;stroke:var(--soft)}
.sheet .grid{stroke:var(--line);stroke-dasharray:2 4}
""".replace("\n", "")


def rect(x: float, y: float, width: float, height: float, *, fill: str, kind: str = "", tip: str = "") -> str:
    """Returns a rectangle; `fill` names a colour of the style sheet, `tip` is shown when the pointer rests on it."""
    inner = f"<title>{escape(tip)}</title>" if tip else ""
    css = f' class="{kind}"' if kind else ""
    return (
        f'<rect{css} x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" rx="4"'
        f' fill="var(--{fill})">{inner}</rect>'
    )


def text(x: float, y: float, content: str, *, kind: str = "", width: float | None = None, anchor: str = "start") -> str:
    """Returns a line of text; what does not fit into `width` is cut and shown when the pointer rests on it."""
    shown, tip = content, ""
    if width is not None and len(content) * CHARACTER_WIDTH > width:
        shown = content[: max(int(width / CHARACTER_WIDTH) - 1, 1)] + "…"
        tip = f"<title>{escape(content)}</title>"
    css = f' class="{kind}"' if kind else ""
    at = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{css}{at} x="{x:.1f}" y="{y:.1f}">{escape(shown)}{tip}</text>'


def curve(x1: float, y1: float, x2: float, y2: float, *, bend: float) -> str:
    """Returns a curved line between two points on the same side, bulging by `bend`."""
    return f'<path d="M{x1:.1f},{y1:.1f} C{x1 + bend:.1f},{y1:.1f} {x2 + bend:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"/>'


def vertical(x: float, y1: float, y2: float) -> str:
    """Returns a vertical grid line."""
    return f'<path class="grid" d="M{x:.1f},{y1:.1f} V{y2:.1f}"/>'


def sheet(width: float, height: float, elements: Sequence[str], label: str) -> str:
    """Returns a complete SVG document."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sheet" role="img" aria-label="{escape(label)}"'
        f' width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"<style>{STYLE}</style>\n" + "\n".join(elements) + "\n</svg>\n"
    )
