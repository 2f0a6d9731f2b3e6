"""Clients that ask all the time, and what may be said of the answers."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2

WORKERS = 8
RECOVERY_SECONDS = 15
PATHS = (
    "/api/catalog/entities/by-query?limit=20",
    "/api/catalog/entity-facets?facet=spec.owner",
    "/api/catalog/entities/by-name/component/default/component-7",
    "/api/auth/.well-known/jwks.json",
)


@dataclass
class Answers:
    """What was answered so far.

    Attributes:
        statuses: how often each status came.
        wrong: answers that are neither 200 nor a 503 as it should be.
        slowest: how long the slowest one took, in seconds.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0


@asynccontextmanager
async def asking(client: httpx2.AsyncClient, paths: Sequence[str] = PATHS) -> AsyncIterator[Answers]:
    """Asks from many sides at once until the block ends. Each request must be answered: a lost one is an error."""
    answers, stop = Answers(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(_ask(client, paths, stop, answers))
        try:
            yield answers
        finally:
            stop.set()


async def _ask(client: httpx2.AsyncClient, paths: Sequence[str], stop: asyncio.Event, answers: Answers) -> None:
    while not stop.is_set():
        for path in paths:
            begun = time.monotonic()
            answer = await client.get(path)
            answers.slowest = max(answers.slowest, time.monotonic() - begun)
            answers.statuses[answer.status_code] += 1
            if answer.status_code != 200 and (problem := what_is_wrong(answer)):
                answers.wrong.append(f"{path}: {answer.status_code} {problem}: {answer.text[:500]}")


def what_is_wrong(answer: httpx2.Response) -> str | None:
    """Says what an error's answer should not be like; an outage of the database is a 503 that says so."""
    if answer.status_code != 503:
        return "not a 503"
    document = answer.json()
    if document["response"] != {"statusCode": 503} or document["error"]["name"] != "ServiceUnavailableError":
        return "no proper error document"
    if "stack" in document["error"] or "Traceback" in answer.text or ".py" in answer.text:
        return "tells of the source"
    return None


async def all_well(client: httpx2.AsyncClient) -> None:
    """Waits until three rounds of requests in a row are answered by 200."""
    rounds = 0
    async with asyncio.timeout(RECOVERY_SECONDS):
        while rounds < 3:
            answers = [await client.get(path) for path in PATHS]
            rounds = rounds + 1 if all(answer.status_code == 200 for answer in answers) else 0
