"""The rules, in the order in which they are shown."""

from collections.abc import Sequence

from understage.cli.plugin_check.rule import Level, Rule
from understage.cli.plugin_check.rules.announcements import check_entry_point, check_feature, check_schema
from understage.cli.plugin_check.rules.boundaries import check_boundaries
from understage.cli.plugin_check.rules.documents import check_changelog, check_readme
from understage.cli.plugin_check.rules.failures import check_errors
from understage.cli.plugin_check.rules.logs import check_logging
from understage.cli.plugin_check.rules.metadata import check_metadata, check_versions
from understage.cli.plugin_check.rules.migrations import check_migrations
from understage.cli.plugin_check.rules.testing import check_tests
from understage.cli.plugin_check.rules.tools import check_async, check_docstrings, check_types

RULES: Sequence[Rule] = (
    Rule("feature", Level.BRONZE, "the package has a feature that a backend can add", check_feature),
    Rule("entry-point", Level.BRONZE, "the feature is announced to backends", check_entry_point),
    Rule("metadata", Level.BRONZE, "pyproject.toml says what the package is", check_metadata),
    Rule("versions", Level.BRONZE, "versions of the framework have an upper bound", check_versions),
    Rule("readme", Level.BRONZE, "the README says how to add it", check_readme),
    Rule("tests", Level.BRONZE, "tests start a backend", check_tests),
    Rule("boundaries", Level.SILVER, "only public libraries are imported", check_boundaries),
    Rule("config-schema", Level.SILVER, "configuration that is read has a schema", check_schema),
    Rule("migrations", Level.SILVER, "tables come from numbered migrations", check_migrations),
    Rule("errors", Level.SILVER, "failures are errors with a meaning, and none is swallowed", check_errors),
    Rule("async", Level.SILVER, "nothing blocks the event loop", check_async),
    Rule("logging", Level.SILVER, "logs go through the logger service", check_logging),
    Rule("types", Level.GOLD, "everything is typed, strictly", check_types),
    Rule("docstrings", Level.GOLD, "public names say what they are", check_docstrings),
    Rule("changelog", Level.GOLD, "a changelog says what changes", check_changelog),
)
