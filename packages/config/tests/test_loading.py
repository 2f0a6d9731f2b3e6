import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from understage.config import (
    ConfigFileNotFoundError,
    ConfigSchema,
    ConfigSourceError,
    ConfigValidationError,
    LoadOptions,
    RemoteConfig,
    load_config,
    parse_config_args,
)
from understage.errors import InputError, NotFoundError


def write(folder: Path, *names: Any) -> None:
    """Writes files that say who they are, and each have a key of their own."""
    for name in names:
        (folder / name).write_text(f"last: {name}\n{''.join(c for c in name if c.isalpha())}: 1\n")


async def load(folder: Path, env: Any = None, **options: Any) -> Any:
    return await load_config(LoadOptions(root_dir=folder, env=env or {}, **options))


ALL = [f"app-config{part}.yaml" for part in ("", ".local", ".a", ".b", ".a.local")]


async def test_the_default_files_are_loaded(tmp_path: Path) -> None:
    """C1: without --config, app-config.yaml and then app-config.local.yaml are read."""
    write(tmp_path, "app-config.yaml", "app-config.local.yaml")
    loaded = await load(tmp_path)
    assert loaded.config.get() == {"last": "app-config.local.yaml", "appconfigyaml": 1, "appconfiglocalyaml": 1}
    assert [source.name for source in loaded.sources] == ["app-config.yaml", "app-config.local.yaml", "env"]
    assert loaded.sources[0].files == (tmp_path / "app-config.yaml",)
    assert loaded.warnings == []


async def test_the_main_file_is_required(tmp_path: Path) -> None:
    """C1, C6: without app-config.yaml there is a NotFoundError with its path, which says what to do."""
    write(tmp_path, "app-config.local.yaml")
    with pytest.raises(NotFoundError, match=f"{tmp_path}/app-config.yaml does not exist; create it") as caught:
        await load(tmp_path)
    assert isinstance(caught.value, ConfigFileNotFoundError)


async def test_only_what_is_named_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C1: with --config only those files are read, the last wins; relative paths start at the working directory."""
    write(tmp_path, "app-config.yaml", "app-config.local.yaml", "x.yaml", "y.yaml")
    monkeypatch.chdir(tmp_path)
    loaded = await load(tmp_path / "elsewhere", argv=["run", "--config", "x.yaml", "--config=y.yaml", "--other"])
    assert loaded.config.get() == {"last": "y.yaml", "xyaml": 1, "yyaml": 1}
    loaded = await load(tmp_path, targets=[str(tmp_path / "y.yaml")], argv=["--config", "x.yaml"])
    assert loaded.config.get("last") == "x.yaml"
    with pytest.raises(ConfigFileNotFoundError, match=f"{tmp_path}/none.yaml does not exist"):
        await load(tmp_path, targets=["none.yaml"])


async def test_backstage_env_adds_files(tmp_path: Path) -> None:
    """C2: an entry adds app-config.<env>.yaml, later ones win, and local files come after all that are not."""
    write(tmp_path, *ALL)
    both = await load(tmp_path, {"BACKSTAGE_ENV": "a, b,"})
    assert [source.name for source in both.sources] == [
        "app-config.yaml",
        "app-config.a.yaml",
        "app-config.b.yaml",
        "app-config.local.yaml",
        "app-config.a.local.yaml",
        "env",
    ]
    assert [s.name for s in (await load(tmp_path, {"BACKSTAGE_ENV": "b,a"})).sources][1:3] == [
        "app-config.b.yaml",
        "app-config.a.yaml",
    ]
    assert len((await load(tmp_path, {"BACKSTAGE_ENV": "local"})).sources) == 3


async def test_backstage_env_is_not_looked_at_with_config_arguments(tmp_path: Path) -> None:
    """C1, C2: files of BACKSTAGE_ENV belong to the defaults, which --config replaces."""
    write(tmp_path, *ALL)
    loaded = await load(tmp_path, {"BACKSTAGE_ENV": "a"}, targets=[str(tmp_path / "app-config.b.yaml")])
    assert [source.name for source in loaded.sources] == ["app-config.b.yaml", "env"]


async def test_backstage_env_without_a_file_is_a_warning(tmp_path: Path) -> None:
    """C2: an entry without any file of its name is worth a warning; one that is no name is an error."""
    write(tmp_path, *ALL)
    loaded = await load(tmp_path, {"BACKSTAGE_ENV": "prod,a"})
    assert [str(warning) for warning in loaded.warnings] == [
        f"BACKSTAGE_ENV names 'prod', but there is no app-config.prod.yaml in {tmp_path}"
    ]
    with pytest.raises(ConfigSourceError, match=r"BACKSTAGE_ENV: '\.\./x' is not a name"):
        await load(tmp_path, {"BACKSTAGE_ENV": "../x"})


async def test_the_environment_beats_all_files(tmp_path: Path) -> None:
    """C3: APP_CONFIG_ variables win over every file, also over those that --config names."""
    write(tmp_path, "app-config.yaml", "app-config.local.yaml")
    env = {"APP_CONFIG_last": "env", "APP_CONFIG_a_b": "1"}
    assert (await load(tmp_path, env)).config.get("last") == "env"
    named = await load(tmp_path, env, targets=[str(tmp_path / "app-config.yaml")])
    assert named.config.get("last") == "env"
    assert named.config.get_number("a.b") == 1


async def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C3: without an environment given, that of the process counts."""
    write(tmp_path, "app-config.yaml")
    monkeypatch.setenv("APP_CONFIG_fromProcess", "yes")
    assert (await load_config(LoadOptions(root_dir=tmp_path))).config.get_boolean("fromProcess") is True


@pytest.mark.parametrize(
    ("url", "remote", "reason"),
    [
        ("http://127.0.0.1:1/x.yaml", None, "remote configuration is not enabled; enable it with RemoteConfig"),
        ("https://x/y", None, "remote configuration is not enabled"),
        ("ftp://x/y.yaml", RemoteConfig(), "only http and https URLs"),
        ("file:///etc/x.yaml", RemoteConfig(), "only http and https URLs"),
    ],
)
async def test_urls_need_remote_loading(tmp_path: Path, url: str, remote: Any, reason: str) -> None:
    """C4: a URL without remote loading enabled is an error, and so is a scheme that cannot be loaded."""
    with pytest.raises(ConfigSourceError, match=reason):
        await load(tmp_path, targets=[url], remote=remote)


@pytest.mark.parametrize(
    ("argv", "targets"),
    [
        ([], []),
        (["--config", "a", "--config=b"], ["a", "b"]),
        (["x", "--config=a=b", "-c", "z", "--configx", "y"], ["a=b"]),
        (["--", "--config", "a"], []),
    ],
)
def test_config_arguments_are_found_among_others(argv: Any, targets: Any) -> None:
    """C1: --config may be repeated, in both forms, and ends at --."""
    assert parse_config_args(argv) == targets


@pytest.mark.parametrize("argv", [["--config"], ["--config="], ["--config", "--other"]])
def test_a_config_argument_needs_a_value(argv: Any) -> None:
    """C1: --config without a value is an error that says what it wants."""
    with pytest.raises(InputError, match="--config needs a value"):
        parse_config_args(argv)


async def test_null_sections_of_a_backstage_configuration_are_absent(tmp_path: Path) -> None:
    """C5: `proxy:` and the like, as the Backstage template has them, load and read as absent."""
    (tmp_path / "app-config.yaml").write_text("proxy:\nscaffolder:\n  # comment\nkubernetes:\n")
    config = (await load(tmp_path)).config
    assert config.get_optional_config("proxy") is None
    assert config.get_optional("scaffolder.defaultAuthor") is None
    assert config.keys() == []


async def test_the_schema_is_checked_at_load(tmp_path: Path) -> None:
    """C53: wrong types fail the load with all problems and places; unknown keys are warnings."""
    (tmp_path / "app-config.yaml").write_text("app:\n  port: x\n  size: y\n  titel: z\n")
    properties = {"port": {"type": "number"}, "size": {"type": "number"}, "title": {}}
    schema = ConfigSchema({"app": {"properties": {"app": {"type": "object", "properties": properties}}}})
    with pytest.raises(ConfigValidationError) as caught:
        await load(tmp_path, schema=schema)
    assert [str(problem.location) for problem in caught.value.problems] == [
        "app-config.yaml:2:9",
        "app-config.yaml:3:9",
    ]
    loaded = await load(tmp_path, {"APP_CONFIG_app_port": "1", "APP_CONFIG_app_size": "2"}, schema=schema)
    assert [str(warning) for warning in loaded.warnings] == [
        "app-config.yaml:4:10: app.titel: unknown key; did you mean 'title'?"
    ]


async def test_a_typical_configuration_loads_within_15_ms(tmp_path: Path) -> None:
    """C6: loading is cheap: 100 lines with substitution, in less than 15 ms of processor time once warm."""
    sections = [f"s{i}:\n  base: ${{B}}\n  nested:\n    - {{a: 1, b: 'x'}}\n    - text: yes\n" for i in range(25)]
    (tmp_path / "app-config.yaml").write_text("".join(sections))
    await load(tmp_path, {"B": "1"})
    spent = []
    for _ in range(3):
        begin = time.process_time()
        await load(tmp_path, {"B": "1"})
        spent.append(time.process_time() - begin)
    assert min(spent) < 0.015


def test_importing_the_package_imports_nothing_heavy() -> None:
    """C6: YAML, JSON Schema and file watching are imported when they are needed, for a fast start."""
    code = "import sys, understage.config; print([name for name in sys.argv[1:] if name in sys.modules])"
    heavy = ["yaml", "jsonschema_rs", "watchfiles", "urllib.request", "pydantic"]
    result = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
