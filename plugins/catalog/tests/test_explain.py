"""Explanations: where an entity comes from, why it is not visible, and what it waits for."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from understage.catalog import feature as catalog_feature
from understage.catalog.explain.command import catalog as command
from understage.catalog.explain.facts import explain
from understage.catalog.explain.model import Explanation
from understage.catalog.explain.text import as_text
from understage.catalog.http.explain_routes import add_explain_routes
from understage.catalog.http.routing import Routes
from understage.catalog_api import CatalogProcessor
from understage.config import config_from_data
from understage.plugin_api import CommandServices
from understage.testing import TestDatabases, mock_error_handler, mock_services, start_test_backend

Catalog = Any
Component = Callable[..., str]

WEB = "component:default/web"
HEAD = "apiVersion: backstage.io/v1alpha1\n"
BROKEN = f"---\n{HEAD}kind: Component\nmetadata: {{name: web}}\nspec: {{owner: team}}\n"
TEMPLATE = f"---\n{HEAD}kind: User\nmetadata: {{name: jane}}\nspec: {{memberOf: []}}\n"


async def explained(catalog: Catalog, ref: str = WEB, *, after: timedelta = timedelta()) -> Explanation:
    return await explain(catalog.database, ref, datetime.now(UTC) + after)


def codes(explanation: Explanation) -> list[str]:
    return [reason.code for reason in explanation.reasons]


async def test_what_is_served_is_explained(catalog: Catalog, make_component: Component) -> None:
    """K400: an entity's explanation leads from the provider to it, with its place, its relations and its next run."""
    catalog.write("a.yaml", make_component("web", system="shop"))
    await catalog.start("a.yaml")
    found = await explained(catalog, "Component:default/Web")
    file = f"file:{catalog.folder}/a.yaml"
    (generated,) = [link.name for link in found.chain if link.kind == "entity"]
    assert generated.startswith("location:default/generated-")
    assert [(link.kind, link.name) for link in found.chain] == [
        ("entity", generated),
        ("provider", "ConfigLocationProvider"),
    ]
    assert (found.location, found.origin, found.location_key) == (file, file, file)
    assert (found.is_known, found.is_served, found.relations_count, found.failures) == (True, True, 2, 0)
    assert codes(found) == ["served", "scheduled"]
    assert found.uid == (await catalog.get(WEB))["metadata"]["uid"]
    text = as_text(found)
    assert text.startswith(f"{WEB}: served\n  - it is served as it was found\n  - it is processed again in ")
    assert f"where it comes from\n  provider ConfigLocationProvider\n    entity {generated}\n      {WEB}\n" in text
    place = await explained(catalog, generated)
    assert (place.children, place.children_count) == ([WEB], 1)
    assert f"leads to 1:\n    {WEB}\n" in as_text(place)


async def test_what_is_due_says_how_many_are_before_it(catalog: Catalog, make_component: Component) -> None:
    """K405: an entity that waits for its turn tells its place in the queue."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    await catalog.database.execute(
        "UPDATE refresh_state SET next_update_at = $2 WHERE entity_ref <> $1", WEB, datetime(2026, 1, 1, tzinfo=UTC)
    )
    found = await explained(catalog, after=timedelta(days=1))
    assert codes(found) == ["served", "due"]
    assert found.queue_position == 1
    assert "it is due to be processed; 1 is before it" in as_text(found)


async def test_what_has_not_been_processed_is_explained(
    catalog: Catalog, make_provider: Any, make_deferred: Any
) -> None:
    """K433: an entity that was only found, or only processed, is not served yet, and the explanation says so."""
    provider = make_provider()
    running = catalog.create(providers=[provider])
    await running.connect_providers()
    await provider.full(make_deferred("web"))
    found = await explained(catalog)
    assert (found.is_served, codes(found)) == (False, ["never-processed", "due"])
    await running.engine.process_due()
    found = await explained(catalog)
    assert (found.is_served, codes(found)) == (False, ["not-stitched", "stitch-pending", "scheduled"])
    assert found.stitch_requested_at is not None
    assert [(link.kind, link.name) for link in found.chain] == [("provider", "test-provider")]
    assert "to be stitched since" in as_text(found)


async def test_what_fails_is_explained(catalog: Catalog, make_component: Component) -> None:
    """K432, K433: the errors are told, and whether a last good version is served."""
    catalog.write("a.yaml", BROKEN)
    await catalog.start("a.yaml")
    found = await explained(catalog)
    assert codes(found) == ["never-succeeded", "scheduled"]
    (error,) = found.errors
    assert "must have required property 'type'" in str(error)
    assert "its processing has failed once, it has never succeeded, so it is not served: " in as_text(found)
    catalog.write("a.yaml", make_component("web"))
    await catalog.later()
    catalog.write("a.yaml", BROKEN)
    await catalog.later()
    await catalog.later()
    found = await explained(catalog)
    assert (found.is_served, codes(found)) == (True, ["serving-last-good", "scheduled"])
    assert "has failed 2 times in a row, its last good version is served" in as_text(found)


async def test_a_conflict_is_explained_on_both_sides(catalog: Catalog, make_component: Component) -> None:
    """K460, K462: the holder's explanation names who waits, and that of the Location what it was refused."""
    catalog.write("a.yaml", make_component("web", owner="a"))
    catalog.write("b.yaml", make_component("web", owner="b"))
    await catalog.start("a.yaml")
    await catalog.start("a.yaml", "b.yaml")
    found = await explained(catalog)
    assert codes(found) == ["served", "conflict", "scheduled"]
    (claim,) = found.claims
    assert claim.location_key == f"file:{catalog.folder}/b.yaml"
    assert f"it waits until file:{catalog.folder}/a.yaml lets go" in as_text(found)
    loser = await explained(catalog, claim.source.name)
    assert codes(loser) == ["served", "refused", "scheduled"]
    assert [one.entity_ref for one in loser.waits_for] == [WEB]


async def test_what_a_rule_refused_is_found_in_the_errors_of_its_location(catalog: Catalog) -> None:
    """K433: an entity that is not known at all is looked for in the errors of others."""
    catalog.write("a.yaml", TEMPLATE)
    await catalog.start("a.yaml", catalog={"rules": [{"allow": ["Component", "Location"]}]})
    found = await explained(catalog, "user:default/jane")
    assert codes(found) == ["unknown", "mentioned"]
    (mention,) = found.mentions
    assert mention.entity_ref.startswith("location:default/generated-")
    assert "user:default/jane" in mention.message.lower()
    assert "not served" in as_text(found)
    nobody = await explained(catalog, "user:default/nobody")
    assert (codes(nobody), nobody.is_known) == (["unknown"], False)
    assert "look at the name" in as_text(nobody)


async def test_an_orphan_is_explained(catalog: Catalog, make_component: Component) -> None:
    """K441: an entity that no provider leads to any more says so."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml", catalog={"orphanStrategy": "keep"})
    catalog.write("a.yaml", "# nothing")
    await catalog.later()
    found = await explained(catalog)
    assert codes(found) == ["served", "orphan", "scheduled"]
    assert found.chain == []


class Owners(CatalogProcessor):
    """Gives everything an owner, and fails where it is told to."""

    is_broken = False

    async def pre_process_entity(self, entity: Any, **_: Any) -> Any:
        if self.is_broken:
            raise ValueError("no owners today")
        if entity["kind"] == "Component":
            entity["spec"]["owner"] = "owners"
        return entity


async def test_a_dry_run_tells_what_processors_do(catalog: Catalog, make_component: Component) -> None:
    """K415, K416: each processor's changes, emissions and errors are told, and nothing is stored."""
    owners = Owners()
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml", processors=[owners])
    before = await catalog.snapshot()
    query = "SELECT unprocessed_entity FROM refresh_state WHERE entity_ref = $1"
    ((text,),) = await catalog.database.fetch(query, WEB)
    steps = await catalog.running.dry_run(WEB, text)
    told = {(step.processor, step.step): step for step in steps}
    assert told["Owners", "preProcess"].changes == ["spec.owner"]
    assert told["BuiltinKindsEntityProcessor", "validate"].effect == "valid"
    assert told["BuiltinKindsEntityProcessor", "postProcess"].emitted == {"relations": 2}
    (place,) = [link.name for link in (await explained(catalog)).chain if link.kind == "entity"]
    ((text_of_place,),) = await catalog.database.fetch(query, place)
    (reading,) = [step for step in await catalog.running.dry_run(place, text_of_place) if step.step == "read"]
    assert (reading.processor, reading.emitted) == ("FileReaderProcessor", {"entities": 1, "refresh keys": 1})
    owners.is_broken = True
    (step,) = [step for step in await catalog.running.dry_run(WEB, text) if step.effect == "failed"]
    assert (step.processor, step.error) == ("Owners", "ValueError: no owners today")
    assert await catalog.snapshot() == before
    found = await explained(catalog)
    found.steps = [step]
    assert "what the processors do to it now\n  preProcess  Owners: failed\n      ValueError: no" in as_text(found)


async def test_an_explanation_over_http_has_the_run(catalog: Catalog, make_component: Component) -> None:
    """K400: the running backend explains an entity with what its processors do; of an unknown one it says so."""
    catalog.write("a.yaml", make_component("web") + BROKEN.replace("web", "bad"))
    await catalog.start("a.yaml")
    routes = Routes()
    add_explain_routes(routes, catalog.gate, catalog.database, catalog.running.dry_run)
    transport = httpx2.ASGITransport(app=mock_error_handler(routes))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        bodies = [
            (await client.get(f"/entities/by-name/component/default/{name}/explanation")).json()
            for name in ("WEB", "bad", "unknown")
        ]
    assert [body["isServed"] for body in bodies] == [True, False, False]
    assert [body["entityRef"] for body in bodies] == [WEB, "component:default/bad", "component:default/unknown"]
    assert any(step["effect"] == "valid" for step in bodies[0]["steps"])
    assert any("must have required property 'type'" in str(step["error"]) for step in bodies[1]["steps"])
    assert bodies[2]["steps"] is None


@pytest.fixture
def invoke(tmp_path: Any, make_component: Component) -> Callable[..., Any]:
    """Gives the command on a catalog in a SQLite file, which each use opens anew."""
    databases = TestDatabases.create(ids=["SQLITE"])

    @asynccontextmanager
    async def services(plugin_id: str, configs: Any) -> AsyncIterator[CommandServices]:
        assert plugin_id == "catalog"
        database = await databases.init("SQLITE")
        if "empty" not in configs:
            await _fill(database, tmp_path, make_component)
        yield CommandServices(config_from_data({}), database)
        await databases.close()

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(command, ["explain", *arguments], obj=services, catch_exceptions=False)

    return invoke


async def _fill(database: Any, folder: Any, make_component: Component) -> None:
    from understage.catalog.extensions import Extensions
    from understage.catalog.running import RunningCatalog
    from understage.catalog.totals import Totals

    (folder / "a.yaml").write_text(make_component("web"))
    await database.migrate("understage.catalog")
    config = config_from_data({"catalog": {"locations": [{"type": "file", "target": str(folder / "a.yaml")}]}})
    running = RunningCatalog(
        config,
        database,
        mock_services.logger(),
        Extensions(),
        Totals(database),
        mock_services.url_reader(),
    )
    await running.connect_providers()
    await running.engine.settle()


def test_the_command_reads_the_database(invoke: Callable[..., Any]) -> None:
    """K400: `understage catalog explain` writes text or JSON, and fails if the entity is not served."""
    done = invoke("component:web")
    assert (done.exit_code, done.output.splitlines()[0]) == (0, f"{WEB}: served")
    done = invoke("component:web", "--json")
    assert json.loads(done.stdout)["entityRef"] == WEB
    done = invoke("component:default/other")
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "component:default/other: not served")


def test_the_command_says_what_is_wrong(invoke: Callable[..., Any]) -> None:
    """K400: a name that is none, an address that is none and a database without a catalog are told."""
    from understage.errors import InputError, NotFoundError, ServiceUnavailableError

    with pytest.raises(InputError, match="web"):
        invoke("web")
    with pytest.raises(InputError, match="is no address of a backend"):
        invoke(WEB, "--url", "localhost")
    with pytest.raises(ServiceUnavailableError, match="does not answer"):
        invoke(WEB, "--url", "http://127.0.0.1:9")
    with pytest.raises(NotFoundError, match="there is no catalog of this version"):
        invoke(WEB, "--config", "empty")


async def test_the_command_asks_a_backend(tmp_path: Any, make_component: Component) -> None:
    """K400: with an address the running backend is asked, which adds what its processors do."""
    (tmp_path / "a.yaml").write_text(make_component("web"))
    data = {"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "a.yaml")}]}}
    features = [catalog_feature, mock_services.root_config.factory(data=data)]
    async with start_test_backend(features=features, listen=True) as backend:
        done: Any = None
        async with asyncio.timeout(20):
            while done is None or done.exit_code:
                arguments = ["explain", WEB, "--url", str(backend.client.base_url)]
                done = await asyncio.to_thread(CliRunner().invoke, command, arguments, catch_exceptions=False)
    assert "what the processors do to it now" in done.output
