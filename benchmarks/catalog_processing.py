"""Processor time of running entities through the built-in processors, in memory, without a database.

    python benchmarks/catalog_processing.py [--entities 10000] [--repeats 5] [--profile]

Prints microseconds of processor time for an entity, by step (median of the repeats); `total` is what the engine does
for one, from the text as it was found to the text as it is stored. Steps with a colon are parts of a run, taken again
on their own.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from catalog_entities import ENTITIES_PER_FILE, entities

from understage.catalog.config import CatalogConfig
from understage.catalog.extensions import Extensions
from understage.catalog.model.envelope import check_envelope, enforce_policies
from understage.catalog.model.kind_relations import kind_relations
from understage.catalog.model.paths import check_paths
from understage.catalog.model.schemas import kind_validator
from understage.catalog.processing.collector import Child, Collector
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.processing.pipeline import Outcome, Pipeline
from understage.catalog.processors.all_processors import all_processors
from understage.catalog.rules import CatalogRules, KindMatcher, Rule
from understage.catalog_api import LocationRef
from understage.catalog_api.schema_errors import check_schema
from understage.config import config_from_data
from understage.integration import ScmIntegrations
from understage.testing import MockUrlReader

BATCH = 20
TOTAL = ("hash of the text", "decode", "settles", "run", "hash of the outcome", "encode")
ORIGIN = LocationRef("file", "/srv/catalog/entities-*.yaml")
KINDS = ("Component", "API", "User", "Group", "System", "Resource")
RULES = CatalogRules([Rule(tuple(KindMatcher(kind.lower()) for kind in KINDS))])
T = TypeVar("T")
R = TypeVar("R")


class Stopwatch:
    """Adds up processor time by step.

    Attributes:
        seconds: what has come together.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def take(self, step: str, work: Callable[[T], R], todo: Iterable[T]) -> list[R]:
        """Returns what some work gives for each argument."""
        begun = time.process_time()
        results = [work(one) for one in todo]
        self.seconds[step] += time.process_time() - begun
        return results

    async def run(self, pipeline: Pipeline, todo: Iterable[tuple[Child, Any]]) -> list[Outcome]:
        """Returns what processing gives for each entity."""
        begun = time.process_time()
        outcomes = [await pipeline.run(child.ref, entity, child.hash, {}) for child, entity in todo]
        self.seconds["run"] += time.process_time() - begun
        return outcomes


def make_pipeline() -> Pipeline:
    """Returns the pipeline of a backend without modules."""
    integrations = ScmIntegrations.from_config(config_from_data({}))
    processors = all_processors(CatalogConfig(), Extensions(), integrations, MockUrlReader())
    return Pipeline(processors, RULES, integrations.resolve_url)


def emit(found: Iterable[tuple[dict[str, Any], LocationRef]], watch: Stopwatch) -> list[Child]:
    """Returns entities as they are stored when they are found."""
    collector = Collector("location:default/all", ORIGIN, RULES)
    watch.take("emit", lambda one: collector.entity(one[0], location=one[1]), found)
    return list(collector.children.values())


async def measure(found: list[tuple[dict[str, Any], LocationRef]]) -> dict[str, float]:
    """Returns seconds by step."""
    pipeline = make_pipeline()
    watch = Stopwatch()
    for start in range(0, len(found), BATCH):
        children = emit(found[start : start + BATCH], watch)
        watch.take("hash of the text", lambda child: text_hash(child.entity), children)
        decoded = watch.take("decode", lambda child: msgspec.json.decode(child.entity), children)
        watch.take("settles", pipeline.settles, decoded)
        outcomes = await watch.run(pipeline, zip(children, decoded, strict=True))
        assert all(outcome.entity and not outcome.errors for outcome in outcomes)
        watch.take("hash of the outcome", Outcome.hash, outcomes)
        watch.take("encode", lambda outcome: msgspec.json.encode(outcome.entity), outcomes)
        done: list[Any] = [outcome.entity for outcome in outcomes]
        watch.take("run: envelope", check_envelope, done)
        watch.take("run: policies", enforce_policies, done)
        watch.take("run: schema of the kind", lambda one: check_schema(kind_validator(one["kind"]), one), done)
        watch.take("run: relations", lambda one: list(kind_relations(one)), done)
        watch.take("run: paths", check_paths, done)
    return {"total": sum(watch.seconds[step] for step in TOTAL), **watch.seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print which functions are called how often instead")
    options = parser.parse_args()
    found = [
        (dict(entity), LocationRef("file", f"/srv/catalog/entities-{number // ENTITIES_PER_FILE:05d}.yaml"))
        for number, entity in enumerate(entities(options.entities))
    ]
    gc.collect()
    gc.freeze()
    if options.profile:
        with cProfile.Profile() as profile:
            asyncio.run(measure(found))
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        return
    runs = [asyncio.run(measure(found)) for _ in range(options.repeats)]
    medians = {step: statistics.median(run[step] for run in runs) for step in runs[0]}
    microseconds = {step: round(seconds * 1e6 / options.entities, 1) for step, seconds in medians.items()}
    print(json.dumps({"benchmark": "catalog_processing", "entities": options.entities, **microseconds}))


if __name__ == "__main__":
    main()
