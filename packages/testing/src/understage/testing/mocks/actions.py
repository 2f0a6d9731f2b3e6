"""Actions for tests, without HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understage.defaults.actions.config import ActionsConfig
from understage.defaults.actions_registry.registry import DefaultActionsRegistry
from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry
from understage.plugin_api import Action, Credentials
from understage.testing.mocks.logger import create_mock_root_logger
from understage.testing.mocks.permissions import MockPermissions


class MockActionsRegistry(DefaultActionsRegistry):
    """Takes actions as the real service does; a test invokes them directly. Everybody sees all of them.

    Args:
        plugin_id: the plugin that offers them.
    """

    def __init__(self, plugin_id: str = "test") -> None:
        super().__init__(
            plugin_id,
            config=ActionsConfig(),
            logger=create_mock_root_logger(),
            permissions=MockPermissions(),
            permissions_registry=DefaultPermissionsRegistry(plugin_id),
        )


class MockActions:
    """Lists and invokes the actions of one registry.

    Args:
        registry: holds the actions; by default an empty one of the plugin `test`.

    Attributes:
        registry: holds the actions.
    """

    def __init__(self, registry: DefaultActionsRegistry | None = None) -> None:
        self.registry: DefaultActionsRegistry = registry or MockActionsRegistry()

    async def list(self, *, credentials: Credentials[Any]) -> Sequence[Action]:
        """Returns the actions."""
        return await self.registry.visible(credentials)

    async def invoke(
        self,
        action_id: str,
        *,
        input: Any = None,
        secrets: Mapping[str, Any] | None = None,
        credentials: Credentials[Any],
    ) -> Any:
        """Invokes an action and returns its output.

        Raises:
            NotFoundError: there is no such action.
            InputError: input, secrets or output are not as they should be.
        """
        data = {} if input is None else input
        return await self.registry.invoke(action_id, data=data, secrets=secrets, credentials=credentials)
