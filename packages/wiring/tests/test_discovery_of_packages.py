from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import config_from_data
from understage.errors import InputError
from understage.plugin_api import create_service_factory, create_service_ref
from understage.wiring import BackendStartupError, create_discovery_feature_loader, discovery_feature_loader
from understage.wiring.load.discovery import InstalledFeature, PackageSelection, installed_features, read_selection

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[InstalledFeature]:
    """Three importable features: two plugins and a module of the first."""
    monkeypatch.syspath_prepend(str(tmp_path))
    source = (
        "from understage.plugin_api import create_backend_plugin, create_backend_module\n"
        "async def init() -> None: ...\n"
    )
    for name in ("alpha", "beta"):
        (tmp_path / f"acme_{name}_found.py").write_text(
            f"{source}@create_backend_plugin(plugin_id='{name}')\ndef feature(env): env.register_init(init)\n"
        )
    (tmp_path / "acme_alpha_module_found.py").write_text(
        f"{source}@create_backend_module(plugin_id='alpha', module_id='m')\ndef feature(env): env.register_init(init)\n"
    )
    return [
        InstalledFeature("acme-alpha", "plugin", "acme_alpha_found"),
        InstalledFeature("acme-alpha-module", "module", "acme_alpha_module_found:feature"),
        InstalledFeature("Acme_Beta", "plugin", "acme_beta_found"),
    ]


async def loaded(world: "World", packages: Any, found: Sequence[InstalledFeature], *features: Any) -> list[str]:
    """Starts a backend that discovers features, and returns its plugins and modules."""
    world.config = {"backend": {"packages": packages}} if packages is not None else {}
    loader = create_discovery_feature_loader(find=lambda: found, always_excluded=["acme-never*"])
    result = await world.backend(loader, *features).start()
    return [
        name
        for plugin in sorted(result.plugins, key=lambda plugin: plugin.plugin_id)
        for name in (plugin.plugin_id, *(f"{plugin.plugin_id}.{module.module_id}" for module in plugin.modules))
    ]


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        (None, []),
        ({}, []),
        ("all", ["alpha", "alpha.m", "beta"]),
        ({"include": ["acme-alpha"]}, ["alpha"]),
        ({"include": ["acme-alpha*"]}, ["alpha", "alpha.m"]),
        ({"include": ["ACME.beta"]}, ["beta"]),
        ({"include": []}, []),
        ({"exclude": ["acme-beta"]}, ["alpha", "alpha.m"]),
        ({"include": ["acme-*"], "exclude": ["*-module"]}, ["alpha", "beta"]),
    ],
)
async def test_the_configuration_chooses_packages(
    world: "World", installed: list[InstalledFeature], packages: Any, expected: list[str]
) -> None:
    """D30, D31: `all`, or include and exclude with `*`, exclude last; nothing is loaded if it is absent or empty."""
    assert await loaded(world, packages, installed) == expected


async def test_each_find_is_logged(world: "World", installed: list[InstalledFeature]) -> None:
    """D30: each feature that is found is logged with its package."""
    await loaded(world, "all", installed)
    found = [metadata["package"] for _, message, metadata in world.logger.entries if message.startswith("Found")]
    assert found == ["acme-alpha", "acme-alpha-module", "Acme_Beta"]


async def test_what_was_added_is_skipped(world: "World", installed: list[InstalledFeature]) -> None:
    """D30: a feature that was added already is skipped and logged, and is no duplicate."""
    names = await loaded(world, "all", installed, world.plugin("alpha"), world.module("alpha", "m"))
    assert names == ["alpha", "alpha.m", "beta"]
    assert {"alpha", "alpha.m"} <= set(world.journal)
    assert world.logger.messages("info").count("Skipped an installed feature: it was added already") == 2


async def test_a_service_that_was_added_is_skipped(
    world: "World", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D30: a service that was added already is skipped like a plugin."""
    ref = create_service_ref(str, id="test.found", scope="root")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "acme_found_service.py").write_text(
        "from understage.plugin_api import create_service_factory, create_service_ref\n"
        "@create_service_factory(service=create_service_ref(str, id='test.found', scope='root'))\n"
        "def feature() -> str: raise AssertionError\n"
    )

    @create_service_factory(service=ref)
    def factory() -> str:
        return "mine"

    await loaded(world, "all", [InstalledFeature("acme-x", "x", "acme_found_service")], factory)
    assert "Skipped an installed feature: it was added already" in world.logger.messages("info")


async def test_a_feature_announced_twice_under_one_name_is_one(
    world: "World", installed: list[InstalledFeature]
) -> None:
    """D30: two entry points with the same value are the same feature."""
    again = InstalledFeature("acme-alpha", "again", "acme_alpha_found")
    assert await loaded(world, {"include": ["acme-alpha"]}, [installed[0], again]) == ["alpha"]


async def test_a_plugin_found_in_two_places_fails(world: "World", installed: list[InstalledFeature]) -> None:
    """D30, W62: two packages that announce the same plugin id are a duplicate."""
    other = InstalledFeature("acme-other", "plugin", "acme_alpha_found:feature")
    with pytest.raises(BackendStartupError, match="plugin 'alpha' was added 2 times"):
        await loaded(world, "all", [installed[0], other])


async def test_some_packages_are_never_loaded(world: "World") -> None:
    """D30: packages excluded in code are left out whatever the configuration says."""
    never = InstalledFeature("acme-never-ever", "plugin", "acme_never_imported")
    assert await loaded(world, "all", [never]) == []


@pytest.mark.parametrize("value", ["some", 3, ["all"], {"includes": []}])
def test_other_values_are_refused(value: Any) -> None:
    """D30: any other value is an error that names the key and what was expected."""
    with pytest.raises(InputError, match=r"backend\.packages: expected 'all', or an object with 'include'"):
        read_selection(config_from_data({"backend": {"packages": value}}))


def test_entry_points_are_read_once_each() -> None:
    """D31: entry points of the group announce features; the same one in two places of the path counts once."""
    point = EntryPoint("plugin", "acme.plugin:feature", "understage.features")
    assert installed_features([point, point]) == [InstalledFeature("", "plugin", "acme.plugin:feature")]


def test_the_environment_is_the_default() -> None:
    """D31: without further ado the installed distributions are looked at."""
    assert all(feature.value for feature in installed_features())
    assert discovery_feature_loader.feature_type == "loader"


names = st.text(st.sampled_from("abc-_."), min_size=1, max_size=8)


@given(names, st.lists(names, max_size=3), st.lists(names, max_size=3))
def test_exclude_always_wins(package: str, include: list[str], exclude: list[str]) -> None:
    """D30: whatever is included, an excluded package is out, and `*` matches every name."""
    assert package not in PackageSelection((*include, package), (*exclude, package))
    assert package in PackageSelection(("*",), ())
    assert (package in PackageSelection((package,), ())) is True
