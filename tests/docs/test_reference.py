"""The reference is complete: what exists is documented."""

from pathlib import Path

from understage import errors, plugin_api
from understage.cli.main import COMMANDS
from understage.cli.plugin_check.rules import RULES
from understage.plugin_api import ServiceRef, core_services

DOCS = Path(__file__).parents[2] / "docs"


def test_every_core_service_is_documented() -> None:
    """A core service that the reference does not list fails here."""
    page = (DOCS / "reference/core-services.md").read_text()
    refs = {name: ref for name, ref in vars(core_services).items() if isinstance(ref, ServiceRef)}
    assert refs
    missing = [name for name, ref in refs.items() if f"`core_services.{name}` (`{ref.id}`) | {ref.scope} |" not in page]
    assert missing == []


def test_every_command_is_documented() -> None:
    """A command that the reference does not list fails here."""
    page = (DOCS / "reference/command-line.md").read_text()
    assert [command for command in COMMANDS if f"understage {command}" not in page] == []


def test_every_error_class_is_documented() -> None:
    """An error class that the reference does not list fails here."""
    page = (DOCS / "reference/errors.md").read_text()
    classes = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    undocumented = [name for name in classes if f"`{name}" not in page]
    assert undocumented == ["UnderstageError"]


def test_every_page_is_in_the_navigation() -> None:
    """A page that no reader can reach fails here."""
    navigation = (DOCS.parent / "mkdocs.yml").read_text()
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert [page for page in pages if f"- {page}" not in navigation] == []


def test_public_names_have_docstrings() -> None:
    """Everything that plugin authors import says what it is."""
    undocumented = [
        name
        for name in plugin_api.__all__
        if (isinstance(getattr(plugin_api, name), type) or callable(getattr(plugin_api, name)))
        and getattr(getattr(plugin_api, name), "__module__", "").startswith("understage")
        and not getattr(plugin_api, name).__doc__
    ]
    assert undocumented == []


def test_every_plugin_rule_is_documented() -> None:
    """A rule of `understage plugin check` that the reference does not describe, or at another level, fails here."""
    page = (DOCS / "reference/plugin-quality.md").read_text()
    sections = {section.split("\n")[0].lower(): section for section in page.split("\n## ")}
    assert [rule.id for rule in RULES if f"| `{rule.id}` |" not in sections[str(rule.level)]] == []
    assert f"[{len(RULES)} rules]" in (DOCS / "reference/command-line.md").read_text()
