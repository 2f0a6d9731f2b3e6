import json
import logging
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, ConfigSchema, config_from_data
from understage.config.location import SourceLocation
from understage.config.node import from_plain
from understage.config.reader import Config
from understage.config.state import ConfigState
from understage.defaults.root_logger import DefaultRootLogger, LogFormat, LogOutput, create_root_logger
from understage.defaults.root_logger.factory import choose_format
from understage.defaults.root_logger.stdlib_bridge import StdlibBridge, route_stdlib_logging
from understage.errors import InputError, NotFoundError


class Lines:
    """Collects what a logger writes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def __call__(self, line: bytes) -> None:
        self.written.append(line)

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written]

    def messages(self) -> list[str]:
        return [entry["message"] for entry in self.entries()]

    def text(self) -> str:
        return b"".join(self.written).decode()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    return Lines()


def logger_with(lines: Lines, data: dict[str, Any] | None = None, log_format: LogFormat = "json") -> DefaultRootLogger:
    return create_root_logger(config_from_data({"backend": {"logger": data or {}}}), LogOutput(log_format, write=lines))


def test_an_entry_is_one_line_of_json(lines: Lines) -> None:
    """S1, S2: an entry is a JSON line with level, message, time, the service's name and the caller's values."""
    logger_with(lines).info("Listening\non all", port=7007, tags={"a"}, path=Path("x"))
    assert lines.text().count("\n") == 1
    (entry,) = lines.entries()
    assert list(entry)[:3] == ["level", "message", "timestamp"]
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "level": "info",
        "message": "Listening\non all",
        "service": "backstage",
        "port": 7007,
        "tags": ["a"],
        "path": "x",
    }


def test_levels_have_the_names_that_node_writes(lines: Lines) -> None:
    """S1: the four methods write the levels error, warn, info and debug."""
    logger = logger_with(lines, {"level": "debug"})
    for method in (logger.error, logger.warning, logger.info, logger.debug):
        method("m")
    assert [entry["level"] for entry in lines.entries()] == ["error", "warn", "info", "debug"]


def test_children_add_their_values(lines: Lines) -> None:
    """S1, S4: a child's values are in each of its entries, a grandchild has both, and an entry's own value wins."""
    child = logger_with(lines).child(plugin="catalog", type="initialization")
    child.child(task="refresh").info("Ready", type="taskManager")
    (entry,) = lines.entries()
    assert (entry["plugin"], entry["task"], entry["type"]) == ("catalog", "refresh", "taskManager")


def test_values_cannot_hide_the_entrys_own(lines: Lines) -> None:
    """S1: values called level, message or timestamp are kept under other names."""
    logger_with(lines).info("Mail sent", message="Hi", level=3, timestamp=5)
    (entry,) = lines.entries()
    assert (entry["message"], entry["level"]) == ("Mail sent", "info")
    assert (entry["message_"], entry["level_"], entry["timestamp_"]) == ("Hi", 3, 5)


@pytest.mark.parametrize(
    ("environment", "configured", "expected"),
    [
        (None, None, "info"),
        (None, "warn", "warn"),
        ("debug", "warn", "debug"),
        ("ERROR", None, "error"),
        ("", "error", "error"),
    ],
)
def test_level(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, environment: str | None, configured: str | None, expected: str
) -> None:
    """S2: LOG_LEVEL wins over backend.logger.level, which wins over info."""
    if environment is not None:
        monkeypatch.setenv("LOG_LEVEL", environment)
    logger = logger_with(lines, {"level": configured} if configured else None)
    for method in (logger.debug, logger.info, logger.warning, logger.error):
        method("m")
    assert lines.entries()[0]["level"] == expected


def test_an_unknown_level_is_an_error(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """S2: a level that does not exist stops the start and says which exist."""
    with pytest.raises(ConfigError, match=r"backend\.logger\.level: .*loud"):
        logger_with(lines, {"level": "loud"})
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(InputError, match="LOG_LEVEL: unknown log level 'loud'; expected one of none, error, warn"):
        logger_with(lines)


@pytest.mark.parametrize(
    ("environment", "is_terminal", "expected"),
    [
        ({"NODE_ENV": "production"}, True, "json"),
        ({"UNDERSTAGE_ENV": "production"}, True, "json"),
        ({}, False, "json"),
        ({}, True, "coloured"),
        ({"NO_COLOR": "1"}, True, "text"),
        ({"NODE_ENV": "development"}, False, "text"),
        ({"NODE_ENV": "development", "FORCE_COLOR": "1"}, False, "coloured"),
        ({"NODE_ENV": "development"}, True, "coloured"),
    ],
)
def test_format(environment: dict[str, str], is_terminal: bool, expected: str) -> None:
    """S2: production writes JSON lines, development and terminals text, in colours where a person reads them."""
    assert choose_format(environment, is_terminal=is_terminal) == expected


def test_text_is_readable(lines: Lines) -> None:
    """S2: as text an entry shows time, plugin, level, message and values, and a traceback on lines of its own."""
    logger = logger_with(lines, log_format="text").child(plugin="catalog")
    logger.warning("Slow", seconds=1.5, reason="many rows", empty="")
    try:
        raise NotFoundError("no such thing")
    except NotFoundError as error:
        logger.error("Failed", error=error)
    first, second, *rest = lines.text().splitlines()
    assert first.split(" ", 1)[1] == 'catalog warn Slow seconds=1.5 reason="many rows" empty=""'
    assert second.split(" ", 1)[1] == 'catalog error Failed error="NotFoundError: no such thing"'
    assert rest[0] == "Traceback (most recent call last):"


def test_text_in_colours(lines: Lines) -> None:
    """S2: coloured text wraps each part in terminal codes and leaves the message plain."""
    logger_with(lines, log_format="coloured").error("Failed")
    assert "\x1b[36mbackstage\x1b[0m \x1b[31merror\x1b[0m Failed" in lines.text()


def test_meta_is_in_every_entry(lines: Lines) -> None:
    """S3: backend.logger.meta is merged into every entry, and may rename the service."""
    logger_with(lines, {"meta": {"service": "portal", "region": "eu"}}).info("m", region="us")
    (entry,) = lines.entries()
    assert (entry["service"], entry["region"]) == ("portal", "us")


@pytest.mark.parametrize(
    ("matchers", "written"),
    [
        ({"plugin": "catalog"}, {"catalog 200"}),
        ({"plugin": "/^cat/"}, {"catalog 200"}),
        ({"plugin": ["search", "/^cat/"]}, {"catalog 200", "search 404"}),
        ({"status": 404}, {"search 404", "auth 404"}),
        ({"status": "/404/"}, set()),
        ({"status": [200, 404], "plugin": "auth"}, {"auth 404"}),
        ({"absent": "x"}, set()),
        ({"flag": 1}, set()),
        ({"flag": True}, {"auth 404"}),
        ({}, {"catalog 200", "search 404", "auth 404"}),
    ],
)
def test_overrides(lines: Lines, matchers: dict[str, Any], written: set[str]) -> None:
    """S3: entries whose fields all match an override's texts, patterns, values or lists have that override's level."""
    logger = logger_with(lines, {"level": "error", "overrides": [{"matchers": matchers, "level": "debug"}]})
    logger.debug("catalog 200", plugin="catalog", status=200)
    logger.debug("search 404", plugin="search", status=404)
    logger.debug("auth 404", plugin="auth", status=404, flag=True)
    assert set(lines.messages()) == written


def test_the_first_override_that_matches_decides(lines: Lines) -> None:
    """S3: an override may also silence entries, and of two that match the first counts."""
    overrides = [{"matchers": {"plugin": "noisy"}, "level": "error"}, {"matchers": {}, "level": "debug"}]
    logger = logger_with(lines, {"overrides": overrides})
    logger.warning("dropped", plugin="noisy")
    logger.debug("kept", plugin="other")
    logger.error("failed", plugin="noisy")
    assert lines.messages() == ["kept", "failed"]


def test_a_bad_pattern_names_its_place(lines: Lines) -> None:
    """S3: a pattern that is no regular expression stops the start and names its key."""
    with pytest.raises(
        ConfigError, match=r"mock-config.*backend\.logger\.overrides\[0\]\.matchers\.plugin: not a regular"
    ):
        logger_with(lines, {"overrides": [{"matchers": {"plugin": "/(/"}, "level": "info"}]})


def test_configuration_changes_apply_at_once(lines: Lines) -> None:
    """S2, S3: a changed level applies without a restart; one that is not valid is logged and the old one kept."""
    source = SourceLocation("app-config.yaml")
    state = ConfigState(from_plain({"backend": {"logger": {"level": "warn"}}}, source), ("app-config.yaml",))
    logger = create_root_logger(Config(state), LogOutput(write=lines))
    child = logger.child(plugin="catalog")
    child.info("dropped")
    state.replace(from_plain({"backend": {"logger": {"level": "info"}}}, source), ())
    child.info("kept")
    state.replace(from_plain({"backend": {"logger": {"level": "loud"}}}, source), ())
    child.info("kept too")
    assert lines.messages() == [
        "kept",
        "The logger keeps its previous configuration; the new one cannot be used",
        "kept too",
    ]


def test_an_error_is_written_with_its_traceback(lines: Lines) -> None:
    """S1: an exception passed as error= appears with name, message and traceback, causes included."""
    try:
        try:
            raise OSError("disk full")
        except OSError as error:
            raise NotFoundError("no file", error) from error
    except NotFoundError as error:
        logger_with(lines).error("Failed", error=error, other=ValueError("x"))
    (entry,) = lines.entries()
    assert entry["error"] == "NotFoundError: no file; caused by OSError: disk full"
    assert entry["other"] == "ValueError: x"
    assert entry["stack"].startswith("Traceback (most recent call last)")
    assert "test_root_logger.py" in entry["stack"]
    assert "OSError: disk full" in entry["stack"]


@dataclass
class Account:
    name: str
    note: str


def test_redactions_mask_everywhere(lines: Lines) -> None:
    """S5: added texts are masked in messages, nested values, keys, objects and tracebacks, for all loggers."""
    logger = logger_with(lines)
    child = logger.child(plugin="catalog", context="hunter22")
    logger.add_redactions(["hunter22", 'qu"o\\te\nü'])
    try:
        raise ValueError("bad hunter22")
    except ValueError as error:
        child.error(
            "login hunter22 failed",
            error=error,
            nested={"list": ["x-hunter22-y", {"hunter22": 1}], "quoted": 'a qu"o\\te\nü b'},
            account=Account("hunter22", "n"),
        )
    (entry,) = lines.entries()
    assert "hunter22" not in lines.text()
    assert entry["message"] == "login *** failed"
    assert entry["nested"] == {"list": ["x-***-y", {"***": 1}], "quoted": "a *** b"}
    assert entry["account"] == "Account(name='***', note='n')"
    assert "ValueError: bad ***" in entry["stack"]


def test_redactions_mask_text_output(lines: Lines) -> None:
    """S5: text output is masked as JSON lines are."""
    logger = logger_with(lines, log_format="text")
    logger.add_redactions(['p"w d'])
    logger.info('a p"w d', value={"x": 'p"w d'})
    assert 'p"w' not in lines.text().replace("\\", "")
    assert 'a *** value={"x":"***"}' in lines.text()


def test_redacted_numbers_leave_valid_json(lines: Lines) -> None:
    """S5: a number that shows a secret is masked as a text, and the line stays valid JSON."""
    logger = logger_with(lines)
    logger.add_redactions(["4711", "info", "el"])
    logger.info("m", count=14711, other=3, level_of="info")
    (entry,) = lines.entries()
    assert (entry["count"], entry["other"], entry["level"], entry["level_of"]) == ("1***", 3, "info", "***")


def test_secrets_of_the_configuration_are_masked(lines: Lines) -> None:
    """S5: values that a schema declares secret are masked, and again after a change of the configuration."""
    secret = {"type": "object", "properties": {"token": {"type": "string", "visibility": "secret"}}}
    schema = ConfigSchema({"acme": {"type": "object", "properties": {"acme": secret}}})
    source = SourceLocation("app-config.yaml")
    state = ConfigState(from_plain({"acme": {"token": "first-token"}}, source), ())
    logger = create_root_logger(Config(state), LogOutput(write=lines), schema)
    logger.info("first-token second-token")
    state.replace(from_plain({"acme": {"token": "second-token"}}, source), ())
    logger.info("first-token second-token")
    assert lines.messages() == ["*** second-token", "*** ***"]


def test_trivial_secrets_are_not_masked(lines: Lines) -> None:
    """S5: empty texts and single characters are no secrets; surrounding white space is not part of one."""
    logger = logger_with(lines)
    logger.add_redactions(["", "x", "  ", "\n", "s3cret\n"])
    logger.info("max s3cret")
    assert lines.messages() == ["max ***"]


def test_the_longest_secret_wins(lines: Lines) -> None:
    """S5: where one secret starts another, nothing of the longer one remains."""
    logger = logger_with(lines)
    logger.add_redactions(["pass"])
    logger.add_redactions(["password1"])
    logger.info("password1 pass")
    assert lines.messages() == ["*** ***"]


class Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_logging_never_raises(lines: Lines) -> None:
    """S1: what JSON cannot hold is described instead: cycles, surrogates, huge numbers, broken objects."""
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    logger = logger_with(lines)
    logger.info("a", cycle=cycle)
    logger.info("b \ud800", big=2**70, small=-(2**70))
    logger.info("c", broken=Unshowable(), nan=float("nan"), keys={1: 2, None: 3})
    logger.info("d", error=Unshowable(), frozen=MappingProxyType({"x": 1}))
    assert [message[0] for message in lines.messages()] == ["a", "b", "c", "d"]
    assert lines.entries()[3]["frozen"] == {"x": 1}
    assert lines.entries()[1]["big"] == str(2**70)
    assert lines.entries()[2]["broken"] == "<Unshowable that cannot be shown: RuntimeError>"


@given(
    st.lists(st.text(min_size=2), max_size=3),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_every_line_is_json_without_secrets(secrets: list[str], value: object) -> None:
    """S5: whatever is logged, the line is valid JSON and no text in it holds a secret."""
    lines = Lines()
    logger = DefaultRootLogger(LogOutput(write=lines))
    logger.add_redactions(secrets)
    logger.info("m", value=value, text="".join(secrets))
    (entry,) = lines.entries()
    for secret in secrets:
        stripped = secret.strip().encode("utf-8", "replace").decode()
        if len(stripped) > 1 and stripped not in "***":
            assert stripped not in entry["text"].replace("***", "\x00")


def test_standard_logging_is_routed(lines: Lines) -> None:
    """S1: records of the standard library's loggers become entries, with level, logger name and exception."""
    output = LogOutput(write=lines)
    root = logging.getLogger()
    before = root.level
    try:
        route_stdlib_logging(LogOutput())
        route_stdlib_logging(output)
        library = logging.getLogger("acme.library")
        library.debug("dropped")
        library.warning("%s is %d", "x", 3)
        try:
            raise ValueError("boom")
        except ValueError:
            library.exception("failed")
        bridges = [handler for handler in root.handlers if isinstance(handler, StdlibBridge)]
    finally:
        root.setLevel(before)
        root.handlers = [handler for handler in root.handlers if not isinstance(handler, StdlibBridge)]
    assert len(bridges) == 1
    first, second = lines.entries()
    assert (first["level"], first["message"], first["logger"]) == ("warn", "x is 3", "acme.library")
    assert (second["error"], second["level"]) == ("ValueError: boom", "error")
    assert "ValueError: boom" in second["stack"]


def test_standard_output_gets_the_lines(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """S2: entries are written to standard output, a line each, at once."""
    logger = DefaultRootLogger(LogOutput())
    logger.info("one")
    logger.info("two")
    captured = capfdbinary.readouterr()
    assert [json.loads(line)["message"] for line in captured.out.splitlines()] == ["one", "two"]
    assert captured.err == b""


def test_a_closed_output_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """S1: when standard output is closed, logging does nothing and does not raise."""
    stream = (tmp_path / "out").open("w")
    stream.close()
    monkeypatch.setattr("sys.stdout", stream)
    DefaultRootLogger(LogOutput()).info("lost")
    assert (tmp_path / "out").read_text() == ""
