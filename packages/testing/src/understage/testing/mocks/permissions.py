"""A permissions service for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from understage.plugin_api import (
    ALLOW,
    DENY,
    Credentials,
    DefinitiveDecision,
    PermissionRequest,
    PolicyDecision,
)


class MockPermissions:
    """Answers every question in the same way.

    Args:
        result: `ALLOW` or `DENY`.

    Attributes:
        requests: all questions so far.
    """

    def __init__(self, result: Literal["ALLOW", "DENY"] = "ALLOW") -> None:
        self._decision = ALLOW if result == "ALLOW" else DENY
        self.requests: list[PermissionRequest] = []

    async def authorize(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Any]
    ) -> Sequence[DefinitiveDecision]:
        """Answers questions; `credentials` do not matter."""
        self.requests.extend(requests)
        return [self._decision] * len(requests)

    async def authorize_conditional(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Any]
    ) -> Sequence[PolicyDecision]:
        """Answers questions, never with conditions; `credentials` do not matter."""
        return await self.authorize(requests, credentials=credentials)
