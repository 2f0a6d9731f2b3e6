"""Fills a Postgres database with a stitched catalog of any size, in the shape that the stitcher writes.

    python benchmarks/catalog_load.py COUNT DATABASE_PREFIX [--url postgres://postgres@127.0.0.1:5432]

Rows go straight into the tables, with triggers and indexes off until the end: half a million entities take minutes and
not an hour. The database is dropped first if it exists. What is ingested for real is measured by `catalog_ingest.py`.
"""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec
from catalog_entities import entities

from understage.catalog.database.counts import counted_rows
from understage.catalog.database.stitching import OutgoingRelation, ProcessedEntity
from understage.catalog.model.kind_relations import kind_relations
from understage.catalog.processing.final_form import final_form
from understage.catalog.processing.search_rows import search_rows
from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager

BATCH = 2000
TABLES = ("refresh_state", "refresh_state_references", "relations", "final_entities", "search")
Json = dict[str, Any]
Relations = dict[str, list[tuple[str, str]]]


def served(count: int) -> Iterator[Json]:
    """Yields the generated entities as processing leaves them."""
    for entity in entities(count):
        metadata: Json = entity["metadata"]  # type: ignore[assignment]
        metadata["namespace"] = "default"
        origin = f"url:https://code.example.com/company/{metadata['name']}/catalog-info.yaml"
        metadata["annotations"] |= {
            "backstage.io/managed-by-location": origin,
            "backstage.io/managed-by-origin-location": origin,
        }
        yield entity


def relations_of(count: int) -> Relations:
    """Returns type and target of all relations by source, sorted as they are served."""
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for entity in served(count):
        for source, kind, target in kind_relations(entity):
            found[str(source)].add((kind, str(target)))
    return {source: sorted(pairs) for source, pairs in found.items()}


def records(count: int) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """Yields the rows of each table, for some entities at a time."""
    relations = relations_of(count)
    now = datetime.now(UTC)
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
    for number, entity in enumerate(served(count), 1):
        uid = str(UUID(int=(0x019A << 112) + (number << 80) + (0x7 << 76) + (0b10 << 62) + number))
        metadata = entity["metadata"]
        ref = f"{entity['kind']}:default/{metadata['name']}".lower()
        text = msgspec.json.encode(entity).decode()
        outgoing = [OutgoingRelation(ref, kind, target) for kind, target in relations.get(ref, ())]
        final, digest = final_form(ProcessedEntity(uid, ref, text, "[]", False, None), outgoing)
        due = now + timedelta(days=1, seconds=number % 1000)
        rows["refresh_state"].append((uid, ref, text, digest, text, digest, None, "[]", None, due, now))
        rows["refresh_state_references"].append(("benchmark", None, ref))
        rows["relations"] += [(uid, one.source_entity_ref, one.type, one.target_entity_ref) for one in outgoing]
        served_text = msgspec.json.encode(final).decode()
        rows["final_entities"].append((uid, ref, entity["kind"].lower(), served_text, digest, now))
        rows["search"] += [msgspec.structs.astuple(row) for row in search_rows(uid, final)]
        if number % BATCH == 0 or number == count:
            yield rows
            rows = {table: [] for table in TABLES}


COLUMNS: dict[str, tuple[str, ...]] = {
    "refresh_state": (
        *("entity_id", "entity_ref", "unprocessed_entity", "unprocessed_hash", "processed_entity", "result_hash"),
        *("cache", "errors", "location_key", "next_update_at", "last_discovery_at"),
    ),
    "refresh_state_references": ("source_key", "source_entity_ref", "target_entity_ref"),
    "relations": ("originating_entity_id", "source_entity_ref", "type", "target_entity_ref"),
    "final_entities": ("entity_id", "entity_ref", "kind", "final_entity", "hash", "last_updated_at"),
    "search": ("entity_id", "kind", "key", "value", "original_value"),
}


async def migrated(url: str, prefix: str) -> None:
    """Creates the database and its tables, as a starting backend does."""
    settings = {"backend": {"database": {"client": "pg", "connection": url, "prefix": prefix}}}
    manager = DatabaseManager(config_from_data(settings))
    await manager.for_plugin("catalog").migrate("understage.catalog")
    await manager.close()


async def fill(connection: Any, batches: Iterable[dict[str, list[tuple[Any, ...]]]]) -> None:
    """Writes the rows without triggers and secondary indexes, then builds these."""
    # No checks of foreign keys and no triggers: what they would do is done for all rows at once.
    await connection.execute("SET session_replication_role = replica")
    names = await connection.fetch("SELECT indexname, indexdef, tablename FROM pg_indexes WHERE schemaname = 'public'")
    constraints = {row[0] for row in await connection.fetch("SELECT conname FROM pg_constraint")}
    indexes = [row for row in names if row[0] not in constraints and row[2] in TABLES]
    for row in indexes:
        await connection.execute(f"DROP INDEX {row[0]}")
    for batch in batches:
        for table, rows in batch.items():
            await connection.copy_records_to_table(table, columns=list(COLUMNS[table]), records=rows)
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for row in indexes:
        await connection.execute(row[1])
    query = f"""
        INSERT INTO search_counts (key, kind, original_value, value, entities)
        {counted_rows("search", "count(*)")}
        """
    await connection.execute(query)


async def load(count: int, url: str, prefix: str) -> None:
    """Fills the database of the catalog."""
    name = f"{prefix}catalog"
    admin = await asyncpg.connect(url, database="postgres")
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await admin.close()
    await migrated(url, prefix)
    connection = await asyncpg.connect(url, database=name)
    begin = time.perf_counter()
    await fill(connection, records(count))
    await connection.execute("VACUUM (ANALYZE)")
    for table in TABLES:
        print(table, await connection.fetchval(f"SELECT count(*) FROM {table}"))
    await connection.close()
    print(f"{count} entities in {name} after {time.perf_counter() - begin:.0f} s")


def main() -> None:
    """Reads the arguments and fills the database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("prefix")
    parser.add_argument("--url", default="postgres://postgres@127.0.0.1:5432")
    arguments = parser.parse_args()
    host = urlsplit(arguments.url)
    assert host.hostname, "an address such as postgres://postgres@127.0.0.1:5432"
    asyncio.run(load(arguments.count, arguments.url, arguments.prefix))


if __name__ == "__main__":
    main()
