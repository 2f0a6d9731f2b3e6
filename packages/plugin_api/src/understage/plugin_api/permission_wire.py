"""Questions to the permission plugin and its answers, as they travel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import uuid4

import msgspec

from understage.errors import InputError, UnderstageError
from understage.plugin_api.permission_criteria import criteria_from_json
from understage.plugin_api.permissions import (
    ALLOW,
    DENY,
    ConditionalDecision,
    Permission,
    PermissionRequest,
    PolicyDecision,
)

AUTHORIZE_PATH = "/authorize"


class AuthorizeItem(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A question with an id by which its answer is found.

    Attributes:
        id: unique within the request.
        permission: what is asked for.
        resource_ref: which resource it is about, if any.
    """

    id: str
    permission: Permission
    resource_ref: str | None = None


class _Answer(msgspec.Struct, rename="camel"):
    id: str
    result: Literal["ALLOW", "DENY", "CONDITIONAL"]
    plugin_id: str | None = None
    resource_type: str | None = None
    conditions: Any = None


class _Answers(msgspec.Struct):
    items: list[_Answer]


def authorize_items(requests: Sequence[PermissionRequest]) -> list[AuthorizeItem]:
    """Gives each question an id."""
    return [AuthorizeItem(str(uuid4()), request.permission, request.resource_ref) for request in requests]


def encode_authorize_request(items: Sequence[AuthorizeItem]) -> bytes:
    """Returns the body of `POST /api/permission/authorize`."""
    return msgspec.json.encode({"items": items})


def decode_authorize_response(body: bytes, items: Sequence[AuthorizeItem]) -> list[PolicyDecision]:
    """Returns the answers in the order of the questions.

    Args:
        body: the body of the response.
        items: the questions.

    Raises:
        UnderstageError: the answers cannot be understood, or one is missing: nothing is allowed by mistake.
    """
    try:
        answers = {answer.id: answer for answer in msgspec.json.decode(body, type=_Answers).items}
        return [_decision(answers[item.id]) for item in items]
    except (msgspec.DecodeError, InputError) as error:
        raise UnderstageError("The permission plugin's answer is not understood", error) from error
    except KeyError as error:
        raise UnderstageError(f"The permission plugin has left the question {error} unanswered") from error


def _decision(answer: _Answer) -> PolicyDecision:
    if answer.result == "ALLOW":
        return ALLOW
    if answer.result == "DENY":
        return DENY
    if answer.plugin_id is None or answer.resource_type is None:
        raise InputError("a conditional answer needs 'pluginId' and 'resourceType'")
    return ConditionalDecision(answer.plugin_id, answer.resource_type, criteria_from_json(answer.conditions))
