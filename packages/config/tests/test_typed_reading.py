from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest

from understage.config import (
    ConfigError,
    ConfigValidationError,
    Frontend,
    LoadOptions,
    Secret,
    config_from_data,
    load_config,
)


class Limits(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    max_age: timedelta
    burst: int = 5


class Server(msgspec.Struct, rename="camel"):
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    base_url: Frontend[str] = "http://localhost"
    debug: bool = False
    ratio: float = 0.5
    mode: Literal["a", "b"] = "a"
    token: Secret[str] | None = None
    tags: list[str] = []
    limits: dict[str, Limits] = {}
    listen: str | Limits = ""


@dataclass
class Plain:
    name: str
    ports: list[int] = field(default_factory=list)


class Modern(pydantic.BaseModel):
    name: str
    port: int = 1


def test_a_section_is_read_into_a_struct() -> None:
    """C30, C32: camelCase keys, numbers and booleans written as text, durations in every form, nulls as defaults."""
    data = {
        "port": "7007", "baseUrl": "http://x", "debug": "yes", "ratio": "0.25", "mode": "b", "token": None,
        "tags": ["x"],
        "limits": {"/a": {"maxAge": "5 m"}, "/b": {"maxAge": {"hours": 1}, "burst": 2.0}, "/c": None}, "listen": "lo",
    }  # fmt: skip
    assert config_from_data({"server": data}).read(Server, "server") == Server(
        port=7007, base_url="http://x", debug=True, ratio=0.25, mode="b", token=None, tags=["x"], listen="lo",
        limits={"/a": Limits(timedelta(minutes=5)), "/b": Limits(timedelta(hours=1), 2)},
    )  # fmt: skip


def test_unions_are_read_by_the_shape_of_the_value() -> None:
    """C30: a union of text and object takes either."""
    config = config_from_data({"port": 1, "listen": {"maxAge": "PT1M"}})
    assert config.read(Server).listen == Limits(timedelta(minutes=1))


def test_an_absent_section_reads_as_its_defaults() -> None:
    """C5: what is missing or null is an empty section to a model."""
    config = config_from_data({"server": None})
    assert config.read(WithDefaults, "server") == config.read(WithDefaults, "other.deep") == WithDefaults()


class WithDefaults(msgspec.Struct):
    size: int = 3


async def test_all_problems_are_listed_with_their_places(tmp_path: Path) -> None:
    """C31: a typed reading names key, file, line and column of everything that is wrong, at once."""
    (tmp_path / "app-config.yaml").write_text(
        "server:\n  port: x\n  debug: maybe\n  tags: one\n  limits:\n    /a:\n      maxage: 1\n  listen: 5\n"
    )
    config = (await load_config(LoadOptions(root_dir=tmp_path, env={}))).config
    with pytest.raises(ConfigValidationError) as caught:
        config.read(Server, "server")
    assert [str(problem) for problem in caught.value.problems] == [
        "app-config.yaml:2:9: server.port: expected a number, got a string ('x')",
        "app-config.yaml:3:10: server.debug: expected a boolean, got a string ('maybe')",
        "app-config.yaml:4:9: server.tags: expected an array, got a string ('one')",
        "app-config.yaml:7:15: server.limits./a.maxage: unknown key; known are burst, maxAge",
        "app-config.yaml:6:5: server.limits./a.maxAge: required value is missing",
    ]
    assert str(caught.value).startswith("the configuration is not valid, 5 problems:\n  app-config.yaml:2:9: ")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"port": 0}, r"^mock-config: port: expected `int` >= 1"),
        ({"port": 1.5}, r"^mock-config: port: expected `int`, got `float`"),
        ({"port": 1, "mode": "z"}, r"^mock-config: mode: invalid enum value 'z'"),
        ({"port": 1, "listen": 5}, r"^mock-config: listen: expected `str \| object`, got `int`"),
        ({"port": 1, "tags": [1]}, r"^mock-config: tags\[0\]: expected a string, got a number \(1\)"),
        ({}, r"^port: required value is missing|^mock-config: port: required value is missing"),
        ({"port": True}, r"^mock-config: port: expected a number, got a boolean"),
    ],
)
def test_one_problem_is_an_error_of_its_own(data: Any, error: str) -> None:
    """C31: constraints, choices and unions are checked too, and their errors name the key."""
    with pytest.raises(ConfigError, match=error):
        config_from_data(data).read(Server)


class Login(msgspec.Struct):
    pin: Secret[int]


def test_secret_fields_are_not_quoted() -> None:
    """C31, C50: the error for a field that a model marks as secret does not show the value."""
    with pytest.raises(ConfigError, match=r"^mock-config: pin: expected a number, got a string$"):
        config_from_data({"pin": "hunter2"}).read(Login)


def test_dataclasses_are_read() -> None:
    """C30: a dataclass is a model as well."""
    assert config_from_data({"p": {"name": "x", "ports": ["1", 2]}}).read(Plain, "p") == Plain("x", [1, 2])
    with pytest.raises(ConfigError, match=r"^mock-config: p\.name: required value is missing$"):
        config_from_data({"p": {"ports": []}}).read(Plain, "p")


def test_pydantic_models_are_read() -> None:
    """C30: a pydantic model is a model as well, with the same places in its errors."""
    assert config_from_data({"p": {"name": "x", "port": "5"}}).read(Modern, "p") == Modern(name="x", port=5)
    with pytest.raises(ConfigValidationError) as caught:
        config_from_data({"p": {"port": "q"}}).read(Modern, "p")
    assert [problem.key for problem in caught.value.problems] == ["p.name", "p.port"]


def test_other_types_are_read() -> None:
    """C30: lists and dicts of models are models."""
    config = config_from_data({"all": [{"name": "x"}], "by": {"/k": {"name": "y"}}})
    assert config.read(list[Plain], "all") == [Plain("x")]
    assert config.read(dict[str, Plain], "by") == {"/k": Plain("y")}
    with pytest.raises(ConfigError, match="all: expected an object, got an array"):
        config.read(Plain, "all")


def test_reading_a_section_through_a_view_keeps_the_full_key() -> None:
    """C31: errors name the full key, also when a view of a section reads."""
    view = config_from_data({"a": {"list": [{"port": "x"}]}}).get_config("a").get_config_array("list")[0]
    with pytest.raises(ConfigError, match=r"a\.list\[0\]\.port: expected a number"):
        view.read(Server)
