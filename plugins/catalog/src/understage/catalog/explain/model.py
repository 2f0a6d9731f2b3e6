"""What an explanation says, as it is on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec


class Link(msgspec.Struct, frozen=True, rename="camel"):
    """Something that leads to an entity.

    Attributes:
        kind: `provider` or `entity`.
        name: the provider's name or the entity's ref.
    """

    kind: Literal["provider", "entity"]
    name: str


class Waiting(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody who waits for a name.

    Attributes:
        entity_ref: the name.
        source: who brings the entity.
        location_key: where it was found.
        since: since when it waits.
    """

    entity_ref: str
    source: Link
    location_key: str | None
    since: datetime


class Mention(msgspec.Struct, frozen=True, rename="camel"):
    """An error of another entity that names this one, such as that of a Location whose document was refused.

    Attributes:
        entity_ref: whose error it is.
        message: its text.
    """

    entity_ref: str
    message: str


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """What a processor did to the entity in a run that was made for this explanation.

    Attributes:
        processor: its name.
        step: `preProcess`, `validate`, `read` or `postProcess`.
        effect: `changed`, `valid`, `read`, `emitted`, `failed` or `nothing`.
        emitted: how much of each kind.
        changes: dotted paths of members that it has changed.
        error: what it has raised.
        milliseconds: how long it took.
    """

    processor: str
    step: str
    effect: str
    emitted: dict[str, int] = {}
    changes: list[str] = []
    error: str | None = None
    milliseconds: float = 0.0


class Reason(msgspec.Struct, frozen=True, rename="camel"):
    """One finding.

    Attributes:
        code: for programs.
        text: for people.
    """

    code: str
    text: str


class Explanation(msgspec.Struct, kw_only=True, rename="camel"):
    """All that is known of an entity.

    Attributes:
        entity_ref: its full name.
        is_known: whether it was found by anybody who has the name.
        is_served: whether clients see it.
        reasons: what matters most, first.
        uid: its id.
        location: where it was found.
        origin: the registered place that led to it.
        location_key: who may change it.
        chain: what leads to it, up to a provider.
        sources: all that leads to it directly.
        errors: what its last run has found wrong.
        mentions: errors of others that name it.
        claims: who else wants the name.
        waits_for: names that it was refused itself, as that which leads to them.
        children: entities that it leads to, the first of them.
        children_count: how many there are.
        relations_count: how many relations it has.
        refresh_keys: what it is made of.
        last_discovery_at: when it was brought last in a new form.
        last_updated_at: when what clients see has changed last.
        next_update_at: when it is processed next.
        queue_position: how many are due before it, or None if it is not due.
        failures: how many of its runs have failed in a row.
        stitch_requested_at: since when it waits to be stitched.
        steps: what processors do to it, if they were run.
    """

    entity_ref: str
    is_known: bool = False
    is_served: bool = False
    reasons: list[Reason] = []
    uid: str | None = None
    location: str | None = None
    origin: str | None = None
    location_key: str | None = None
    chain: list[Link] = []
    sources: list[Link] = []
    errors: list[dict[str, Any]] = []
    mentions: list[Mention] = []
    claims: list[Waiting] = []
    waits_for: list[Waiting] = []
    children: list[str] = []
    children_count: int = 0
    relations_count: int = 0
    refresh_keys: list[str] = []
    last_discovery_at: datetime | None = None
    last_updated_at: datetime | None = None
    next_update_at: datetime | None = None
    queue_position: int | None = None
    failures: int = 0
    stitch_requested_at: datetime | None = None
    steps: list[Step] | None = None
