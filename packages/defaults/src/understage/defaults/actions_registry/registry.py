"""What a plugin offers to be done, and doing it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from understage.defaults.actions.config import ActionsConfig
from understage.errors import ConflictError, InputError, NotFoundError
from understage.plugin_api import (
    Action,
    ActionAttributes,
    ActionContext,
    ActionExample,
    BasicPermission,
    Credentials,
    DataSchema,
    LoggerService,
    PermissionRequest,
    PermissionsRegistryService,
    PermissionsService,
    Principal,
    SchemaSource,
    data_schema,
)
from understage.plugin_api.data_schema import empty_json_schema


@dataclass(frozen=True, slots=True)
class RegisteredAction:
    """An action with what does it.

    Attributes:
        action: as others see it.
        run: does it.
        input: what the input looks like, if there is any.
        output: what the output looks like, if it is checked.
        secrets: what the secrets look like, if it takes any.
        visibility: who lacks this permission does not see the action.
    """

    action: Action
    run: Callable[[ActionContext[Any, Any]], Awaitable[Any]]
    input: DataSchema | None
    output: DataSchema | None
    secrets: DataSchema | None
    visibility: BasicPermission | None

    async def invoke(self, data: Any, secrets: Any, credentials: Credentials[Principal], logger: LoggerService) -> Any:
        """Checks the input, does it, and returns the checked output as JSON data.

        Args:
            data: the input as JSON data.
            secrets: the secrets as JSON data, or None.
            credentials: who invokes it.
            logger: for the action.

        Raises:
            InputError: input, secrets or output are not as they should be.
        """
        action_id = self.action.id
        checked = ActionContext[Any, Any](
            input=_checked(f'Invalid input to action "{action_id}"', self.input, data, default={}),
            secrets=self._checked_secrets(secrets),
            credentials=credentials,
            logger=logger,
        )
        output = await self.run(checked)
        if self.output is None:
            return {} if output is None else msgspec.to_builtins(output)
        try:
            return self.output.encode({} if output is None else output)
        except (InputError, TypeError) as error:
            raise InputError(f'Invalid output from action "{action_id}"', error) from error

    def _checked_secrets(self, secrets: Any) -> Any:
        if self.secrets is None:
            if secrets is not None:
                raise InputError(f'Action "{self.action.id}" does not accept secrets')
            return None
        if secrets is None:
            raise InputError(f'Action "{self.action.id}" requires secrets but none were provided')
        return _checked(f'Invalid secrets for action "{self.action.id}"', self.secrets, secrets, default=None)


class DefaultActionsRegistry:
    """Keeps a plugin's actions, shows them to those who may see them, and invokes them."""

    def __init__(
        self,
        plugin_id: str,
        *,
        config: ActionsConfig,
        logger: LoggerService,
        permissions: PermissionsService,
        permissions_registry: PermissionsRegistryService,
    ) -> None:
        """Puts the parts together.

        Args:
            plugin_id: the plugin.
            config: which actions there are.
            logger: for the actions.
            permissions: tells who may see what.
            permissions_registry: announces the permissions that tell it.
        """
        self._plugin_id = plugin_id
        self._config = config
        self._logger = logger
        self._permissions = permissions
        self._permissions_registry = permissions_registry
        self._actions: dict[str, RegisteredAction] = {}

    def register(
        self,
        *,
        name: str,
        title: str,
        description: str,
        action: Callable[[ActionContext[Any, Any]], Awaitable[Any]],
        input_schema: SchemaSource | None = None,
        output_schema: SchemaSource | None = None,
        secrets_schema: SchemaSource | None = None,
        destructive: bool | None = None,
        idempotent: bool = False,
        read_only: bool = False,
        visibility_permission: BasicPermission | None = None,
        examples: Sequence[ActionExample] = (),
    ) -> None:
        """Offers an action as `<pluginId>:<name>`.

        Args:
            name: its name.
            title: its name for people.
            description: what it does.
            action: does it, and returns the output.
            input_schema: a model or a JSON Schema; without it, there is no input.
            output_schema: the same, for the output; without it, the output is not checked.
            secrets_schema: the same, for secrets; without it, there are none.
            destructive: whether it may destroy something; by default, unless it is read-only.
            idempotent: whether a second call with the same input changes nothing more.
            read_only: whether it changes nothing at all.
            visibility_permission: who lacks it does not see the action.
            examples: how it is used.

        Raises:
            ConflictError: there is such an action.
            InputError: the permission is about resources.
            TypeError: a schema cannot be understood.
        """
        action_id = f"{self._plugin_id}:{name}"
        if action_id in self._actions:
            raise ConflictError(f'Action with id "{action_id}" is already registered')
        accepted, returned, hidden = _schema(input_schema), _schema(output_schema), _schema(secrets_schema)
        if visibility_permission is not None:
            _check_basic(visibility_permission, action_id)
            self._permissions_registry.add_permissions([visibility_permission])
        shown = Action(
            id=action_id,
            name=name,
            title=title,
            description=description,
            plugin_id=self._plugin_id,
            attributes=ActionAttributes(not read_only if destructive is None else destructive, idempotent, read_only),
            input_schema=_json_schema(accepted),
            output_schema=_json_schema(returned),
            secrets_schema=None if hidden is None else hidden.json_schema,
            examples=examples,
        )
        self._actions[action_id] = RegisteredAction(shown, action, accepted, returned, hidden, visibility_permission)

    async def visible(self, credentials: Credentials[Principal]) -> list[Action]:
        """Returns the actions that somebody may see.

        Args:
            credentials: who asks.
        """
        offered = [one for one in self._actions.values() if self._is_offered(one.action)]
        restricted = [one for one in offered if one.visibility is not None]
        hidden = await self._hidden(restricted, credentials)
        return [one.action for one in offered if one.action.id not in hidden]

    async def invoke(
        self, action_id: str, *, data: Any, secrets: Any = None, credentials: Credentials[Principal]
    ) -> Any:
        """Invokes an action and returns its output as JSON data.

        Args:
            action_id: `<pluginId>:<name>`.
            data: the input as JSON data.
            secrets: the secrets as JSON data, or None.
            credentials: who invokes it.

        Raises:
            NotFoundError: there is no such action, or none that they may see.
            InputError: input, secrets or output are not as they should be.
        """
        action = self._actions.get(action_id)
        if action is None or not self._is_offered(action.action) or await self._hidden([action], credentials):
            raise NotFoundError(f'Action "{action_id}" not found')
        return await action.invoke(data, secrets, credentials, self._logger.child(action=action_id))

    def _is_offered(self, action: Action) -> bool:
        return self._config.offers(self._plugin_id, action.id, action.attributes)

    async def _hidden(self, actions: Sequence[RegisteredAction], credentials: Credentials[Principal]) -> set[str]:
        """Returns the ids of those that somebody may not see."""
        questions = {one.action.id: PermissionRequest(one.visibility) for one in actions if one.visibility is not None}
        if not questions:
            return set()
        decisions = await self._permissions.authorize(list(questions.values()), credentials=credentials)
        return {action_id for action_id, decision in zip(questions, decisions, strict=True) if not decision.allowed}


def _checked(problem: str, schema: DataSchema | None, data: Any, *, default: Any) -> Any:
    if schema is None:
        return default
    try:
        return schema.decode(data)
    except InputError as error:
        raise InputError(problem, error) from error


def _schema(source: SchemaSource | None) -> DataSchema | None:
    return None if source is None else data_schema(source)


def _json_schema(schema: DataSchema | None) -> Mapping[str, Any]:
    return empty_json_schema() if schema is None else schema.json_schema


def _check_basic(permission: object, action_id: str) -> None:
    if not isinstance(permission, BasicPermission):
        raise InputError(
            f'The visibility permission of action "{action_id}" is about resources; an action can be seen or not: '
            "use a basic permission"
        )
