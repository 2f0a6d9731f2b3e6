"""Answers that are complete, and remembered until something changes: many people look at the same pages."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from understage.catalog.http.responses import NO_ETAG, Header, send_body
from understage.catalog.query.projection import project
from understage.catalog.totals import Totals
from understage.plugin_api import Scope, Send

MAX_BYTES = 16 * 1024 * 1024
MAX_REPLY_BYTES = 1024 * 1024
MAX_ENTRIES = 1000
MAX_AGE_SECONDS = 2.0
PACKED_FROM_BYTES = 1024
PACKING_LEVEL = 6
GZIP: Header = (b"content-encoding", b"gzip")


@dataclass(slots=True)
class Reply:
    """A complete answer.

    Attributes:
        body: the JSON text.
        headers: what is sent with it besides type and length.
        told: what the auditor is told of it.
        is_kept: whether it is remembered, so that it is compressed once and not for each client.
    """

    body: bytes
    headers: Sequence[Header] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    is_kept: bool = False
    _packed: bytes | None = None

    @property
    def size(self) -> int:
        """About how many bytes it takes, the compressed form included."""
        return len(self.body) * 5 // 4

    async def send(self, scope: Scope, send: Send) -> None:
        """Sends it, compressed if it is a remembered one that was stored as it is, and the client takes that."""
        if self.is_kept and NO_ETAG in self.headers and len(self.body) >= PACKED_FROM_BYTES and _takes_gzip(scope):
            if self._packed is None:
                self._packed = await asyncio.to_thread(gzip.compress, self.body, PACKING_LEVEL, mtime=0)
            await send_body(send, self._packed, (*self.headers, GZIP))
        else:
            # What is not kept, the server compresses.
            await send_body(send, self.body, self.headers)


def _takes_gzip(scope: Scope) -> bool:
    """Tells whether a client surely takes gzip; where it is not so clear, the server decides."""
    accepted = next((value for name, value in scope["headers"] if name == b"accept-encoding"), b"")
    return scope["method"] != "HEAD" and b"gzip" in accepted and b"q=" not in accepted


def computed_reply(value: Any, headers: Sequence[Header] = (), told: Mapping[str, Any] | None = None) -> Reply:
    """Returns the answer for a value that was computed; the server gives it an entity tag."""
    return Reply(msgspec.json.encode(value), headers, told or {})


def stored_reply(text: str, headers: Sequence[Header] = (), told: Mapping[str, Any] | None = None) -> Reply:
    """Returns the answer that stored JSON goes into as it is."""
    return Reply(text.encode(), (*headers, NO_ETAG), told or {})


def projected_texts(texts: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Returns stored entities as they are asked for: whole, or some fields of them."""
    if not fields:
        return list(texts)
    return [msgspec.json.encode(project(msgspec.json.decode(text), fields)).decode() for text in texts]


def digest(question: bytes) -> bytes:
    """Returns what stands for a question in a key: questions may be long, and are not counted as what is remembered."""
    return hashlib.blake2b(question, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class _Entry:
    reply: Reply
    generation: int
    made_at: float


class Replies:
    """Remembers answers, the last used ones up to a number of bytes.

    A change forgets them all, here at once and in other replicas with its notification. While notifications cannot
    arrive nothing is remembered, and nothing for longer than two seconds, should one be lost.

    Args:
        totals: hears of changes.
        max_bytes: how many bytes they may take.
    """

    def __init__(self, totals: Totals, max_bytes: int = MAX_BYTES) -> None:
        self._totals = totals
        self._max_bytes = max_bytes
        self._entries: OrderedDict[object, _Entry] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """How many bytes the answers take that are remembered."""
        return self._bytes

    async def remembered(self, key: object, make: Callable[[], Awaitable[Reply]]) -> Reply:
        """Returns an answer that was made since the last change, or has it made.

        Args:
            key: hashable: all that the answer depends on besides the catalog's content, also what may be seen.
            make: makes the answer.
        """
        if not self._totals.hears_changes:
            return await make()
        now = self._totals.now()
        entry = self._entries.get(key)
        if entry is not None:
            if entry.generation == self._totals.generation and now - entry.made_at < MAX_AGE_SECONDS:
                self._entries.move_to_end(key)
                return entry.reply
            self._forget(key)
        generation = self._totals.generation
        reply = await make()
        if generation == self._totals.generation and len(reply.body) <= MAX_REPLY_BYTES:
            self._keep(key, _Entry(reply, generation, now))
        return reply

    def _keep(self, key: object, entry: _Entry) -> None:
        if key in self._entries:
            self._forget(key)
        self._entries[key] = entry
        entry.reply.is_kept = True
        self._bytes += entry.reply.size
        while self._bytes > self._max_bytes or len(self._entries) > MAX_ENTRIES:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: object) -> None:
        self._bytes -= self._entries.pop(key).reply.size
