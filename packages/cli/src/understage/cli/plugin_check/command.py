"""`understage plugin`: what concerns a plugin's source."""

import click

from understage.cli.plugin_check.project import find_project
from understage.cli.plugin_check.report import json_report, text_report
from understage.cli.plugin_check.rule import Level, judge, reached
from understage.cli.plugin_check.rules import RULES


@click.group()
def plugin() -> None:
    """Judges plugins and modules."""


@plugin.command()
@click.argument("target", default=".", metavar="[PATH|IMPORT_NAME]")
@click.option(
    "--level",
    "wanted",
    type=click.Choice([str(level) for level in Level if level]),
    default=str(Level.BRONZE),
    show_default=True,
    help="The exit code is 1 below this level.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(target: str, wanted: str, as_json: bool) -> None:
    """Judges the source of a plugin or module by a scale of bronze, silver and gold."""
    project = find_project(target)
    verdicts = judge(project, RULES)
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(json_report(project, verdicts))))
    else:
        click.echo(text_report(project, verdicts), nl=False)
    if reached(verdicts) < Level[wanted.upper()]:
        raise SystemExit(1)
