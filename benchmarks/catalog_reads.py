"""Measures the catalog's reads on a database that `catalog_load.py` has filled; prints a JSON line for each request.

    python benchmarks/catalog_reads.py DATABASE_PREFIX [--url postgres://postgres@127.0.0.1:5432] [--seconds 4]
                                       [--only TEXT] [--skip-server] [--repeats 15] [--without-replies]

`cold_ms` are the shortest and the median time of an answer when nothing is remembered, as right after a change,
measured below HTTP. The others come from a backend of one process with guest sign-in under wrk with one thread:
percentiles at one connection, requests per second and the backend's processor time for each at ten.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from measuring import Candidate, free_port, guest_token, load, running

from understage.catalog.http.gate import Gate
from understage.catalog.http.routing import Request
from understage.catalog.query.predicates import EVERYTHING, Predicate
from understage.catalog.router import create_router
from understage.catalog.service import EntitiesCatalog
from understage.catalog.totals import Totals
from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager
from understage.plugin_api import DatabaseService

HERE = Path(__file__).parent
OWNERS = ",".join(f"relations.ownedBy=group:default/group-{number:06d}" for number in range(5))


@dataclass(frozen=True)
class Question:
    """A request.

    Attributes:
        name: how it is called in the figures.
        target: path and query below the catalog's root.
        body: for POST.
    """

    name: str
    target: str
    body: str | None = None


def questions(refs: Sequence[str]) -> list[Question]:
    """Returns what is asked.

    Args:
        refs: names of fifty entities.
    """
    kind, namespace, name = refs[0].replace("/", ":").split(":")
    page = "/entities/by-query?limit=20"
    sorted_page = f"{page}&orderField=metadata.name,asc&filter=kind=component"
    text = "&fullTextFilterFields=metadata.name,metadata.title"
    facets = "/entity-facets?facet="
    return [
        Question("catalog page", sorted_page),
        Question("page of 20", page),
        Question("page by spec.type", f"{page}&orderField=spec.type,asc&filter=kind=component"),
        Question("page of a type", f"{sorted_page},spec.type=orders"),
        Question("page of owners", f"{sorted_page},{OWNERS}"),
        Question("by-refs 50", "/entities/by-refs", json.dumps({"entityRefs": refs})),
        Question("by-name", f"/entities/by-name/{kind}/{namespace}/{name}"),
        Question("entities 100", "/entities?limit=100"),
        Question("count components", "/entities/by-query?limit=0&filter=kind=component"),
        Question("count all", "/entities/by-query?limit=0"),
        Question("count of owners", f"/entities/by-query?limit=0&filter=kind=component,{OWNERS}"),
        Question("count with spec.type", "/entities/by-query?limit=0&filter=kind=component&orderField=spec.type,asc"),
        Question("count of two", "/entities/by-query?limit=0&filter=kind=component,spec.type=orders,metadata.tags=go"),
        Question("facet kind", f"{facets}kind"),
        Question("facet spec.type", f"{facets}spec.type&filter=kind=component"),
        Question("facet ownedBy", f"{facets}relations.ownedBy"),
        Question("facet ownedBy of components", f"{facets}relations.ownedBy&filter=kind=component"),
        Question("facet spec.type of owners", f"{facets}spec.type&filter=kind=component,{OWNERS}"),
        Question("facet tags of a type", f"{facets}metadata.tags&filter=kind=component,spec.type=orders"),
        Question("facet label", f"{facets}metadata.labels.stage&filter=kind=component"),
        Question("text, rare", f"{sorted_page}&fullTextFilterTerm=-00012{text}"),
        Question("text, common", f"{sorted_page}&fullTextFilterTerm=ponent{text}"),
        Question("text, one in ten", f"{sorted_page}&fullTextFilterTerm=77{text}"),
        Question("text, none", f"{sorted_page}&fullTextFilterTerm=zebra{text}"),
        Question("text, count", f"/entities/by-query?limit=0&filter=kind=component&fullTextFilterTerm=ponent{text}"),
    ]


class OpenGate:
    """Lets everybody see everything, and writes nothing down: what the gate itself costs is measured over HTTP."""

    async def readable(self, _request: Request) -> Predicate:
        return EVERYTHING

    @asynccontextmanager
    async def audit(self, *_args: object, **_meta: object) -> AsyncIterator[Any]:
        yield self

    def tell(self, _meta: object) -> None:
        """Nothing is reported."""


async def cold_milliseconds(database: DatabaseService, question: Question, repeats: int) -> list[float]:
    """Returns the shortest and the median time of an answer by a catalog that remembers nothing."""
    path, _, query = question.target.partition("?")
    body = (question.body or "").encode()
    scope = {
        "type": "http",
        "method": "GET" if question.body is None else "POST",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200, message

    times: list[float] = []
    for _ in range(repeats):
        routes = create_router(EntitiesCatalog(database, Totals(database)), cast(Gate, OpenGate()))
        begin = time.perf_counter()
        await routes(scope, receive, send)
        times.append((time.perf_counter() - begin) * 1000)
        if sum(times) > 5000:
            break
    return [round(min(times), 2), round(statistics.median(times), 2)]


async def fifty_refs(database: DatabaseService) -> list[str]:
    """Returns the names of fifty components."""
    rows = await database.fetch(
        "SELECT entity_ref FROM final_entities WHERE kind = 'component' ORDER BY entity_id LIMIT 50"
    )
    return [row[0] for row in rows]


async def cold(arguments: argparse.Namespace) -> tuple[list[Question], dict[str, list[float]]]:
    """Measures all requests below HTTP; returns them with their times."""
    settings = {"backend": {"database": {"client": "pg", "connection": arguments.url, "prefix": arguments.prefix}}}
    manager = DatabaseManager(config_from_data(settings))
    database = manager.for_plugin("catalog")
    await database.migrate("understage.catalog")
    await database.execute("ANALYZE search_counts")
    chosen = [one for one in questions(await fifty_refs(database)) if arguments.only in one.name]
    times = {one.name: await cold_milliseconds(database, one, arguments.repeats) for one in chosen}
    await manager.close()
    return chosen, times


def candidate(folder: Path, arguments: argparse.Namespace) -> Candidate:
    """Returns the backend that is put under load."""
    port = free_port()
    config = f"""
        app: {{baseUrl: 'http://127.0.0.1:{port}'}}
        backend:
          baseUrl: http://127.0.0.1:{port}
          listen: 127.0.0.1:{port}
          database: {{client: pg, connection: '{arguments.url}', prefix: '{arguments.prefix}'}}
        auth: {{providers: {{guest: {{dangerouslyAllowOutsideDevelopment: true}}}}}}
        catalog: {{processingInterval: false}}
        """
    (folder / "app-config.yaml").write_text(config)
    main = str(HERE / "catalog_backend.py")
    environment = {"WITHOUT_REPLIES": "1"} if arguments.without_replies else {}
    return Candidate(
        "understage", [sys.executable, main, "--config", str(folder / "app-config.yaml")], port, HERE, environment
    )


def cpu_seconds(pid: int) -> float:
    """Returns the processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def served(url: str, pid: int, token: str, question: Question, seconds: int) -> dict[str, Any]:
    """Returns what wrk says about a request, and the backend's processor time for each."""
    script = ""
    if question.body is not None:
        script = (
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            f"wrk.body = [==[{question.body}]==]\n"
        )
    target = f"{url}/api/catalog{question.target}"
    load(target, token=token, connections=10, seconds=1, script=script)
    one = load(target, token=token, connections=1, seconds=seconds, script=script)
    before = cpu_seconds(pid)
    ten = load(target, token=token, connections=10, seconds=seconds, script=script)
    cpu = round((cpu_seconds(pid) - before) / (ten.per_second * seconds) * 1e6)
    return {
        "cpu_us": cpu,
        "p50": one.p50,
        "p99": one.p99,
        "per_second": round(ten.per_second),
        "failed": one.failed + ten.failed,
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prefix")
    parser.add_argument("--url", default="postgres://postgres@127.0.0.1:5432")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--only", default="", help="a part of the names of those to measure")
    parser.add_argument("--skip-server", action="store_true")
    parser.add_argument("--without-replies", action="store_true", help="let the backend remember no answers")
    arguments = parser.parse_args()
    chosen, times = asyncio.run(cold(arguments))
    if arguments.skip_server:
        for question in chosen:
            print(json.dumps({"request": question.name, "cold_ms": times[question.name]}))
        return
    with tempfile.TemporaryDirectory() as folder:
        backend = candidate(Path(folder), arguments)
        with running(backend) as started:
            token = guest_token(backend.url)
            for question in chosen:
                figures = served(backend.url, started.process.pid, token, question, arguments.seconds)
                print(json.dumps({"request": question.name, "cold_ms": times[question.name], **figures}), flush=True)


if __name__ == "__main__":
    main()
