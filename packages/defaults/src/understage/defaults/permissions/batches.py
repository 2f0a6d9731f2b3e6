"""Questions of one turn of the event loop, asked together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from understage.plugin_api import Credentials, PermissionRequest, PolicyDecision, Principal
from understage.plugin_api.credentials import token_of

Ask: TypeAlias = Callable[[Sequence[PermissionRequest], Credentials[Any]], Awaitable[Sequence[PolicyDecision]]]
_Asker: TypeAlias = tuple[str, str | None]


@dataclass(slots=True)
class _Batch:
    requests: list[PermissionRequest] = field(default_factory=list[PermissionRequest])
    answers: asyncio.Task[Sequence[PolicyDecision]] | None = None


class RequestBatches:
    """Joins what is asked with the same credentials in one turn of the event loop.

    Args:
        ask: asks many questions at once.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._open: dict[_Asker, _Batch] = {}

    async def decide(
        self, requests: Sequence[PermissionRequest], credentials: Credentials[Principal]
    ) -> Sequence[PolicyDecision]:
        """Returns the answers in the order of the questions.

        Args:
            requests: the questions.
            credentials: whose permission is asked for.
        """
        asker = (credentials.cache_key(), token_of(credentials))
        batch = self._open.setdefault(asker, _Batch())
        start = len(batch.requests)
        batch.requests.extend(requests)
        if batch.answers is None:
            batch.answers = asyncio.create_task(self._send(asker, batch, credentials))
            batch.answers.add_done_callback(_look_at)
        # Shielded: others may be waiting for the same answer when this caller goes away.
        answers = await asyncio.shield(batch.answers)
        return answers[start : start + len(requests)]

    async def _send(
        self, asker: _Asker, batch: _Batch, credentials: Credentials[Principal]
    ) -> Sequence[PolicyDecision]:
        # A task begins in the next turn of the loop; what is asked from now on is another batch.
        del self._open[asker]
        return await self._ask(batch.requests, credentials)


def _look_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # every caller may be gone; an exception that nobody looked at would be complained of
