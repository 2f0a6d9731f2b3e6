import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from msgspec.structs import replace

from understage.plugin_api import (
    PluginMetadata,
    create_backend_feature_loader,
    create_extension_point,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import BackendStartupError, StartReport
from understage.wiring.draw import Format, render
from understage.wiring.draw.timeline import timeline_bars

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World

slow_ref = create_service_ref(str, id="test.slow", scope="root")
fast_ref = create_service_ref(str, id="test.fast")
Slow = Annotated[str, slow_ref]
Fast = Annotated[str, fast_ref]
point = create_extension_point(str, id="a.point")
module_point = create_extension_point(str, id="a.module-point")
SVG = "{http://www.w3.org/2000/svg}"


@create_service_factory(service=slow_ref)
def slow_factory() -> str:
    return "default"


@create_service_factory(service=slow_ref)
def slow_override() -> str:
    return "override"


@create_service_factory(service=fast_ref)
def fast_factory(plugin: PluginMetadata, slow: Slow) -> str:
    return plugin.id + slow


@create_backend_feature_loader()
def loader() -> list[Any]:
    return [fast_factory, slow_factory]


async def use(fast: Fast) -> None:
    del fast


async def fails() -> None:
    raise ValueError("no <database>")


def features(world: "World") -> list[Any]:
    """Returns features of every kind: an override, a loader, ordered modules, and a module without its plugin."""
    return [
        slow_override,
        loader,
        world.plugin("a", use, points={point: ""}),
        world.module("a", "provider", points={module_point: ""}),
        world.module("a", "consumer", deps={"point": point, "other": module_point, "fast": fast_ref}),
        world.module("absent", "orphan"),
        world.plugin("b"),
    ]


async def started(world: "World") -> StartReport:
    """Returns the report of a started backend."""
    backend = world.backend(*features(world), defaults=[slow_factory])
    await backend.start()
    return await backend.inspect()


async def failed(world: "World") -> StartReport:
    """Returns the report of a backend of which a plugin and a module failed."""
    backend = world.backend(world.plugin("a", fails), world.plugin("b"), world.module("b", "m", fails))
    with pytest.raises(BackendStartupError):
        await backend.start()
    return await backend.inspect()


async def test_the_report_tells_what_is_there(world: "World") -> None:
    """The report has every plugin, module, extension point, service, loader, override and orphan, with its place."""
    report = await started(world)
    plugin = report.plugins[0]
    assert (plugin.plugin_id, plugin.provides, plugin.needs_services) == ("a", ("a.point",), ("test.fast",))
    consumer = next(module for module in plugin.modules if module.module_id == "consumer")
    assert (consumer.needs_extension_points, consumer.needs_services) == (("a.point", "a.module-point"), ("test.fast",))
    provider = next(module for module in plugin.modules if module.module_id == "provider")
    assert (provider.provides, provider.waits_for) == (("a.module-point",), ("consumer",))
    assert [(entry.id, entry.module_id, entry.consumers) for entry in report.extension_points] == [
        ("a.point", None, ("consumer",)),
        ("a.module-point", "provider", ("consumer",)),
    ]
    (override,) = report.overrides()
    assert (override.id, override.source) == ("test.slow", "explicit")
    assert override.overrides == str(slow_factory.location)
    fast = next(service for service in report.services if service.id == "test.fast")
    assert (fast.source, fast.loader, fast.needs) == (
        "loader",
        str(loader.location),
        ("core.pluginMetadata", "test.slow"),
    )
    assert [(instance.plugin_id, instance.requested_by) for instance in fast.instances] == [
        ("a", "module 'consumer' of plugin 'a'")
    ]
    assert [(entry.found, entry.ignored) for entry in report.loaders] == [(2, ("test.slow",))]
    assert [(orphan.plugin_id, orphan.module_id) for orphan in report.orphans] == [("absent", "orphan")]


async def test_the_report_tells_how_long_things_took(world: "World") -> None:
    """Phases add up to no more than the whole, and each plugin and module has times within it."""
    report = await started(world)
    assert report.outcome == "success"
    assert report.phases is not None
    parts = report.phases.prepare_ms + report.phases.root_services_ms + report.phases.plugins_ms
    assert 0 < parts <= report.phases.total_ms
    for plugin in report.plugins:
        assert plugin.times is not None
        assert 0 < plugin.times.started_ms <= plugin.times.ended_ms <= report.phases.total_ms
        for module in plugin.modules:
            assert module.times is not None
            assert module.times.total_ms <= plugin.times.total_ms


async def test_inspecting_starts_nothing(world: "World") -> None:
    """W12: inspecting imports, registers and validates, but creates no service and runs no init."""
    backend = world.backend(*features(world), defaults=[slow_factory])
    report = await backend.inspect()
    assert world.journal == []
    assert (report.outcome, report.phases) == (None, None)
    assert all(plugin.times is None for plugin in report.plugins)
    assert all(not service.instances for service in report.services)
    started_report = await started(world)
    assert [plugin.plugin_id for plugin in report.plugins] == [plugin.plugin_id for plugin in started_report.plugins]
    assert [service.id for service in report.services] == [service.id for service in started_report.services]


async def test_problems_are_in_the_report(world: "World") -> None:
    """What aborts a start is listed, and what fails a plugin or module is told there."""
    report = await world.backend(17, world.plugin("a")).inspect()
    assert report.problems[0].startswith("InvalidFeatureError: 17 is no feature")
    failure = await failed(world)
    assert failure.outcome == "failure"
    assert failure.plugins[0].failure == "ValueError: no <database>"
    assert failure.plugins[1].modules[0].failure == "ValueError: no <database>"


async def test_the_log_has_a_line_for_each_plugin(world: "World") -> None:
    """At the end of a start the log has its length, and a line for each plugin."""
    await started(world)
    lines = world.logger.messages("info")
    assert re.fullmatch(r"Started after \d+ ms \(prepare \d+, root services \d+, plugins \d+\)", lines[0])
    assert sorted(line.split(":")[0] for line in lines[1:]) == ["a", "b"]
    assert any("test.slow" in message for message in world.logger.messages("debug"))


async def test_the_log_tells_that_a_start_failed(world: "World") -> None:
    """The report of a failed start says so, and marks the plugin that failed."""
    report = await failed(world)
    assert any(line.startswith("The start failed after ") for line in world.logger.messages("info"))
    assert sorted(line.endswith(", failed") for line in report.lines()) == [False, True]


async def test_json_is_camel_case_and_complete(world: "World") -> None:
    """The JSON form can be read back, has camel-case keys, and leaves out what is unknown."""
    body = json.loads(render(await started(world), "json"))
    names = "outcome problems phases plugins extensionPoints services loaders orphans"
    assert set(body) == set(names.split())
    assert body["plugins"][0]["times"]["initMs"] >= 0
    inspected = (await world.backend(world.plugin("a")).inspect()).to_json()
    assert "phases" not in inspected
    assert "times" not in inspected["plugins"][0]


async def test_the_tree_shows_everything(world: "World") -> None:
    """The tree has a branch for each thing, and what belongs together hangs together."""
    tree = render(await world.backend(*features(world), defaults=[slow_factory]).inspect(), "tree")
    reduced = re.sub(r"   \([^)]*\)", "", tree)
    assert reduced.startswith(
        "backend\n"
        "├─ plugin a\n"
        "│  ├─ needs test.fast\n"
        "│  ├─ extension point a.point   used by consumer\n"
        "│  ├─ module provider\n"
        "│  │  ├─ extension points a.module-point\n"
        "│  │  └─ waits for consumer\n"
        "│  └─ module consumer\n"
        "│     └─ needs a.point, a.module-point, test.fast\n"
        "├─ plugin b\n"
        "├─ services\n"
    )
    assert "replaces the default at " in tree
    assert "found 2, ignored test.slow" in tree
    assert tree.endswith("\n")
    assert "module orphan of absent" in tree


async def test_the_tree_shows_failures(world: "World") -> None:
    """The tree shows what failed, and why, in full."""
    tree = render(await failed(world), "tree")
    assert tree.startswith("backend   failed to start after ")
    assert tree.count("failed: ValueError: no <database>") == 2
    problems = render(await world.backend(17).inspect(), "tree")
    assert "└─ problem: InvalidFeatureError: 17 is no feature\n" in problems


async def test_the_picture_is_an_svg_document(world: "World") -> None:
    """The picture is well-formed, contains every name, and nothing lies outside of it."""
    report = await started(world)
    root = ET.fromstring(render(report, "svg"))
    assert root.tag == f"{SVG}svg"
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    words = " ".join(element.text or "" for element in root.iter(f"{SVG}text"))
    for name in ("a.point", "consumer", "provider", "test.slow", "test.fast", "Time line"):
        assert name in words
    for rectangle in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(rectangle.attrib[key]) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    assert len(list(root.iter(f"{SVG}path"))) >= 2


async def test_cards_do_not_overlap(world: "World") -> None:
    """Plugins stand below each other in the picture, and services beside them."""
    root = ET.fromstring(render(await world.backend(*features(world)).inspect(), "svg"))
    cards = [r for r in root.iter(f"{SVG}rect") if r.attrib["fill"] == "var(--plugin)"]
    spans = [(float(card.attrib["y"]), float(card.attrib["y"]) + float(card.attrib["height"])) for card in cards]
    assert len(spans) == 2
    assert spans[0][1] <= spans[1][0]
    services = [r for r in root.iter(f"{SVG}rect") if r.attrib["fill"] in ("var(--default)", "var(--explicit)")]
    edge = float(cards[0].attrib["x"]) + float(cards[0].attrib["width"])
    assert services
    assert all(float(service.attrib["x"]) > edge for service in services)


async def test_an_inspected_backend_has_no_time_line(world: "World") -> None:
    """Without times there is no time line; with them there is a row for each phase, plugin and module."""
    inspected = await world.backend(*features(world)).inspect()
    assert timeline_bars(inspected) == []
    assert "Time line" not in render(inspected, "svg")
    labels = [bar.label.strip() for bar in timeline_bars(await started(world))]
    assert labels[0] == "imports, registration"
    assert {"a", "b", "provider", "consumer"} <= set(labels)


@pytest.mark.parametrize("kind", ["started", "failed", "inspected"])
async def test_the_page_needs_nothing_else(world: "World", kind: str) -> None:
    """The page is complete in itself: no script, no address, and what it shows is escaped."""
    report = await (failed(world) if kind == "failed" else started(world))
    if kind == "inspected":
        report = replace(report, phases=None, outcome=None, loaders=(), orphans=())
    page = render(report, "html")
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "<database>" not in page
    assert re.findall(r"(?:src|href)=", page) == []
    assert page.count("<svg") == 1
    if kind == "failed":
        assert "no &lt;database&gt;" in page


@pytest.mark.parametrize("format", ["tree", "json", "svg", "html"])
async def test_any_report_can_be_rendered(world: "World", format: Format) -> None:
    """Every format copes with an empty backend and with one that is all problems."""
    assert render(await world.backend().inspect(), format)
    assert render(await world.backend(17, 18).inspect(), format)
    many = await world.backend(*(world.plugin("p" * 200) for _ in range(2))).inspect()
    assert "p" * 20 in render(many, format)
