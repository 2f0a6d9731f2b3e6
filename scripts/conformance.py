"""Makes docs/reference/conformance.md from docs/reference/rules.toml and the docstrings of the tests.

A test names the rules it covers by id in its docstring ("W62: neither copy ..."); a line that starts with
"deviation:" says where and why we differ. `--check` fails if the file is stale or a rule has neither test nor
deviation.
"""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs/reference/conformance.md"
RULE = re.compile(r"\b([A-Z])(\d{1,3})(?:-(?:\1)?(\d{1,3}))?\b")
AREAS = {
    "W": "Wiring",
    "S": "Core services",
    "H": "HTTP",
    "A": "Authentication",
    "C": "Configuration",
    "T": "Testing kit",
    "D": "Discovery and metadata",
    "P": "The auth plugin",
    "E": "The events plugin",
    "K": "The catalog",
}


def named_rules(text: str) -> set[str]:
    """Returns the rule ids in a docstring, ranges such as W90-W93 spelled out."""
    found = set()
    for letter, first, last in RULE.findall(text):
        found |= {f"{letter}{number}" for number in range(int(first), int(last or first) + 1)}
    return found


def tests_by_rule() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Returns for each rule the tests that name it, and the deviations that they state."""
    tests: dict[str, list[str]] = defaultdict(list)
    deviations: dict[str, list[str]] = defaultdict(list)
    for path in sorted(ROOT.glob("*/**/test_*.py")):
        if ".venv" in path.parts or "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test"):
                continue
            docstring = ast.get_docstring(node) or ""
            for rule in named_rules(docstring):
                tests[rule].append(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
                for line in docstring.splitlines():
                    if line.strip().lower().startswith("deviation:"):
                        deviations[rule].append(line.strip()[len("deviation:") :].strip())
    return tests, deviations


def render() -> tuple[str, list[str]]:
    """Returns the page and the rules that nothing covers."""
    declared = tomllib.loads((ROOT / "docs/reference/rules.toml").read_text())
    tests, stated = tests_by_rule()
    lines = [
        "# Conformance",
        "",
        "Each rule of the backend system that Understage keeps, the tests that fail without it, and where we differ.",
        "Made by `make conformance` from `rules.toml` and the tests' docstrings; do not edit.",
    ]
    uncovered = []
    area = ""
    for rule, title in declared["rules"].items():
        if rule[0] != area:
            area = rule[0]
            lines += ["", f"## {AREAS[area]}", "", "| rule | what | tests | deviation |", "|---|---|---|---|"]
        differs = list(dict.fromkeys([declared["deviations"].get(rule, ""), *stated.get(rule, [])]))
        covering = tests.get(rule, [])
        if not covering and rule not in declared["deviations"]:
            uncovered.append(rule)
        shown = "<br>".join(f"`{test}`" for test in covering[:4])
        more = f"<br>and {len(covering) - 4} more" if len(covering) > 4 else ""
        lines.append(f"| {rule} | {title} | {shown}{more} | {'; '.join(filter(None, differs))} |")
    return "\n".join(lines) + "\n", uncovered


def main() -> int:
    """Writes the page, or checks it."""
    page, uncovered = render()
    if uncovered:
        print(f"rules without a test or a stated deviation: {', '.join(uncovered)}", file=sys.stderr)
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_text() != page:
            print("docs/reference/conformance.md is stale: run `make conformance`", file=sys.stderr)
            return 1
        return 1 if uncovered else 0
    TARGET.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
