"""Says in sentences why an entity is visible or not, and what it waits for."""

from __future__ import annotations

from datetime import datetime, timedelta

from understage.catalog.database.explaining import EntityState
from understage.catalog.explain.model import Explanation, Reason


def find_reasons(explanation: Explanation, state: EntityState | None, now: datetime, *, is_dead: bool) -> list[Reason]:
    """Returns what matters most of an entity, the most important first.

    Args:
        explanation: what is known of it.
        state: what is stored of it.
        now: the time.
        is_dead: whether no provider leads to it.
    """
    reasons = _visibility(explanation, state)
    if is_dead:
        reasons.append(
            Reason(
                "orphan", "no provider leads to it any more: it is deleted soon, or kept as an orphan if so configured"
            )
        )
    for claim in explanation.claims:
        holder = explanation.location_key or "an entity without a location"
        text = f"{claim.location_key or 'no location'} ({claim.source.name}) brings an entity of this name as well"
        end = f"it waits until {holder} lets go" if state else "it takes the name over within half a minute"
        reasons.append(Reason("conflict", f"{text}; {end}"))
    reasons += [
        Reason("refused", f"it leads to {one.entity_ref}, which another location has; see there")
        for one in explanation.waits_for
    ]
    if state is not None:
        reasons.append(_next_run(explanation, state, now))
    reasons += [Reason("mentioned", f"{one.entity_ref} has an error: {one.message}") for one in explanation.mentions]
    return reasons


def _visibility(explanation: Explanation, state: EntityState | None) -> list[Reason]:
    if state is None:
        text = "nobody has brought an entity of this name"
        if explanation.mentions:
            text += " that could be taken; errors of others name it, see below"
        elif not explanation.claims:
            text += ": look at the name, at whether its location is registered, and at the errors of that Location"
        return [Reason("unknown", text)]
    reasons = []
    if explanation.errors:
        times = "once" if state.failures <= 1 else f"{state.failures} times in a row"
        kept = (
            "its last good version is served, with the errors in status.items"
            if state.was_processed
            else ("it has never succeeded, so it is not served")
        )
        code = "serving-last-good" if state.was_processed else "never-succeeded"
        problem = "; ".join(f"{error['name']}: {error['message']}" for error in explanation.errors)
        failed = f"its processing has failed {times}" if state.failures else "its processing has found errors"
        reasons.append(Reason(code, f"{failed}, {kept}: {problem}"))
    elif not state.was_processed:
        reasons.append(Reason("never-processed", "it was found, but its turn to be processed has not come yet"))
    elif not explanation.is_served:
        reasons.append(Reason("not-stitched", "it was processed, but not put into its final form yet"))
    else:
        reasons.append(Reason("served", "it is served as it was found"))
    if explanation.stitch_requested_at is not None:
        since = explanation.stitch_requested_at.isoformat(timespec="seconds")
        reasons.append(Reason("stitch-pending", f"something of it has changed and waits to be stitched since {since}"))
    return reasons


def _next_run(explanation: Explanation, state: EntityState, now: datetime) -> Reason:
    if explanation.queue_position is not None:
        before = explanation.queue_position
        return Reason("due", f"it is due to be processed; {before} {'is' if before == 1 else 'are'} before it")
    return Reason("scheduled", f"it is processed again in {_duration(state.next_update_at - now)}")


def _duration(duration: timedelta) -> str:
    seconds = max(0, round(duration.total_seconds()))
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
