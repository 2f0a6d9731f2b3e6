"""An explanation as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from understage.catalog.explain.model import Explanation, Step


def as_text(explanation: Explanation) -> str:
    """Returns an explanation for people to read."""
    return "\n".join(_lines(explanation)) + "\n"


def _lines(one: Explanation) -> Iterator[str]:
    yield f"{one.entity_ref}: {'served' if one.is_served else 'not served'}"
    for reason in one.reasons:
        yield f"  - {reason.text}"
    if one.is_known:
        yield from _origin(one)
        yield from _times(one)
        yield from _what_it_holds(one)
    if one.steps is not None:
        yield from _steps(one.steps)


def _origin(one: Explanation) -> Iterator[str]:
    yield "where it comes from"
    chain = [f"{link.kind} {link.name}" for link in one.chain]
    for depth, name in enumerate(reversed(chain)):
        yield f"  {'  ' * depth}{name}"
    yield f"  {'  ' * len(chain)}{one.entity_ref}"
    others = len(one.sources) - 1
    if others > 0:
        yield f"  and {others} more {'leads' if others == 1 else 'lead'} to it directly"
    for label, value in (("location", one.location), ("origin", one.origin), ("location key", one.location_key)):
        if value is not None:
            yield f"  {label}: {value}"


def _times(one: Explanation) -> Iterator[str]:
    yield "when"
    for label, value in (
        ("found in this form", one.last_discovery_at),
        ("served in this form since", one.last_updated_at),
        ("to be stitched since", one.stitch_requested_at),
        ("next run", one.next_update_at),
    ):
        if value is not None:
            yield f"  {label}: {_time(value)}"
    if one.failures:
        yield f"  failed runs in a row: {one.failures}"


def _what_it_holds(one: Explanation) -> Iterator[str]:
    yield "what it holds"
    yield f"  uid: {one.uid}"
    yield f"  relations: {one.relations_count}"
    for key in one.refresh_keys:
        yield f"  made of: {key}"
    if one.children_count:
        yield f"  leads to {one.children_count}:"
        yield from (f"    {child}" for child in one.children)
        if one.children_count > len(one.children):
            yield f"    and {one.children_count - len(one.children)} more"


def _steps(steps: list[Step]) -> Iterator[str]:
    yield "what the processors do to it now"
    for step in steps:
        emitted = ", ".join(f"{count} {kind}" for kind, count in step.emitted.items())
        parts = [step.effect, f"emits {emitted}" if emitted else "", ", ".join(step.changes)]
        yield f"  {step.step:<11} {step.processor}: {'; '.join(part for part in parts if part)}"
        if step.error is not None:
            yield f"      {step.error}"


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
