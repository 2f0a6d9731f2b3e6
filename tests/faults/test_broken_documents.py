"""Many broken documents among good ones: the good ones are served, and each broken one is told."""

from collections import Counter
from pathlib import Path
from typing import Any

from understage.catalog.database.unprocessed import find_unprocessed
from understage.catalog.extensions import Extensions
from understage.catalog.running import RunningCatalog
from understage.catalog.totals import Totals
from understage.config import config_from_data
from understage.plugin_api import DatabaseService
from understage.testing import mock_services

FILES = 100
GOOD_IN_A_FILE = 100
BROKEN_IN_A_FILE = 10
HEAD = "---\napiVersion: backstage.io/v1alpha1\n"
SPEC = "spec: {type: service, lifecycle: production, owner: team}\n"
IN_THE_FILE = (
    "---\napiVersion: [backstage.io/v1alpha1\n",
    HEAD + "kind: Component\nmetadata: {title: nameless}\n" + SPEC,
    HEAD + "kind: Template\nmetadata: {name: forbidden}\n" + SPEC,
    "---\n- a list\n",
    "---\njust a text\n",
)


def broken(number: int) -> str:
    """Returns a document that is broken in one of ten ways; half of them show only when the entity is processed."""
    if number % 2 == 0:
        return IN_THE_FILE[number // 2 % len(IN_THE_FILE)]
    name = f"broken-{number}"
    return (
        HEAD + f"kind: Component\nmetadata: {{name: {name}}}\nspec: {{type: service}}\n",
        HEAD + f"kind: Component\nmetadata: {{name: {name}, tags: [Not A Tag]}}\n" + SPEC,
        HEAD + f"kind: Component\nmetadata: {{name: {name}, labels: {{a: [1]}}}}\n" + SPEC,
        HEAD + f"kind: Component\nmetadata: {{name: {name}, links: [{{title: no address}}]}}\n" + SPEC,
        HEAD + f"kind: Component\nmetadata: {{name: {name}}}\nrelations: []\n" + SPEC,
    )[number // 2 % 5]


def good(number: int) -> str:
    return HEAD + f"kind: Component\nmetadata: {{name: good-{number}}}\n" + SPEC


def write(folder: Path, *, with_broken: bool) -> None:
    for file in range(FILES):
        documents = []
        for place in range(GOOD_IN_A_FILE):
            documents.append(good(file * GOOD_IN_A_FILE + place))
            if with_broken and place % (GOOD_IN_A_FILE // BROKEN_IN_A_FILE) == 0:
                number = file * BROKEN_IN_A_FILE + place // (GOOD_IN_A_FILE // BROKEN_IN_A_FILE)
                documents.append(broken(number))
        (folder / f"{file}.yaml").write_text("".join(documents))


async def names(database: DatabaseService) -> Counter[str]:
    rows = await database.fetch("SELECT entity_ref FROM final_entities WHERE kind = 'component'")
    return Counter(str(row[0]).rpartition("/")[2].partition("-")[0] for row in rows)


async def test_broken_documents_keep_nobody_else_out(database: DatabaseService, tmp_path: Path) -> None:
    """K433, K571: of 11,000 documents 1,000 are broken in ten ways: the others are served, and each error is told."""
    await database.migrate("understage.catalog")
    write(tmp_path, with_broken=True)
    settings = {"locations": [{"type": "file", "target": f"{tmp_path}/*.yaml"}]}
    events = mock_services.events()
    running = RunningCatalog(
        config_from_data({"catalog": settings}),
        database,
        mock_services.logger(),
        Extensions(),
        Totals(database),
        mock_services.url_reader(),
        events,
    )
    await running.connect_providers()
    await running.engine.settle()
    assert await names(database) == {"good": FILES * GOOD_IN_A_FILE}
    half = FILES * BROKEN_IN_A_FILE // 2
    failed = await find_unprocessed(database, "failed")
    assert len(failed) == half
    assert all(one.errors != "[]" for one in failed)
    await running.announcer.publish_waiting()
    told: list[Any] = [event.payload for event in events.published]
    by_kind = Counter({payload["entity"].partition(":")[0]: 0 for payload in told})
    for payload in told:
        by_kind[payload["entity"].partition(":")[0]] += len(payload["errors"])
    assert by_kind == {"location": half, "component": half}
    assert all(f"{tmp_path}/" in str(error) for one in told if "location:" in one["entity"] for error in one["errors"])

    write(tmp_path, with_broken=False)
    await database.execute("UPDATE refresh_state SET next_update_at = last_discovery_at")
    await running.engine.settle()
    assert await names(database) == {"good": FILES * GOOD_IN_A_FILE}
    assert await find_unprocessed(database, "failed") == []
    assert await database.fetch("SELECT entity_ref FROM refresh_state WHERE errors <> '[]'") == []
