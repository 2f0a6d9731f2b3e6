"""The actions services: what a plugin offers to be done by others, such as the scaffolder and assistants."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Protocol

import msgspec
from typing_extensions import TypeVar

from understage.plugin_api.credentials import Credentials, Principal
from understage.plugin_api.data_schema import DataSchema, JsonSchema
from understage.plugin_api.permissions import BasicPermission
from understage.plugin_api.services.logger import LoggerService

InputT = TypeVar("InputT", default=Any)
OutputT = TypeVar("OutputT", default=Any)
SecretsT = TypeVar("SecretsT", default=Any)


class ActionAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """What is known of an action's effects.

    Attributes:
        destructive: whether it may destroy something.
        idempotent: whether a second call with the same input changes nothing more.
        read_only: whether it changes nothing at all.
    """

    destructive: bool = True
    idempotent: bool = False
    read_only: bool = False


class ActionExample(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an action is used.

    Attributes:
        title: what the example shows.
        description: more of it.
        input: the input, as JSON data.
        output: what comes out, as JSON data.
    """

    title: str
    description: str | None = None
    input: Any = None
    output: Any = None


class Action(msgspec.Struct, frozen=True):
    """An action as others see it.

    Attributes:
        id: `<pluginId>:<name>`.
        name: its name.
        title: its name for people.
        description: what it does.
        plugin_id: whose it is.
        attributes: what is known of its effects.
        input_schema: JSON Schema of the input.
        output_schema: JSON Schema of the output.
        secrets_schema: JSON Schema of the secrets, if it takes any.
        examples: how it is used.
    """

    id: str
    name: str
    title: str
    description: str
    plugin_id: str
    attributes: ActionAttributes
    input_schema: JsonSchema
    output_schema: JsonSchema
    secrets_schema: JsonSchema | None = None
    examples: Sequence[ActionExample] = ()


class ActionContext(msgspec.Struct, Generic[InputT, SecretsT], frozen=True):
    """What an action gets when it is invoked.

    Attributes:
        input: the checked input: an instance of the model, or JSON data.
        secrets: the checked secrets; None if the action takes none.
        credentials: who invokes it.
        logger: the plugin's logger.
    """

    input: InputT
    secrets: SecretsT
    credentials: Credentials[Principal]
    logger: LoggerService


class ActionsRegistryService(Protocol):
    """Offers actions of a plugin. A plugin that asks for it serves them below `/.backstage/actions`."""

    def register(
        self,
        *,
        name: str,
        title: str,
        description: str,
        action: Callable[[ActionContext[InputT, SecretsT]], Awaitable[OutputT]],
        input_schema: type[InputT] | JsonSchema | DataSchema | None = None,
        output_schema: type[OutputT] | JsonSchema | DataSchema | None = None,
        secrets_schema: type[SecretsT] | JsonSchema | DataSchema | None = None,
        destructive: bool | None = None,
        idempotent: bool = False,
        read_only: bool = False,
        visibility_permission: BasicPermission | None = None,
        examples: Sequence[ActionExample] = (),
    ) -> None:
        """Offers an action as `<pluginId>:<name>`.

        Args:
            name: its name, in kebab-case.
            title: its name for people.
            description: what it does, for people and for assistants.
            action: does it, and returns the output.
            input_schema: a model (msgspec, dataclass, pydantic), a JSON Schema, or a schema of one's own; without it,
                there is no input.
            output_schema: the same, for the output; without it, the output is not checked.
            secrets_schema: the same, for values that are not to be shown; without it, there are none.
            destructive: whether it may destroy something; by default, unless it is read-only.
            idempotent: whether a second call with the same input changes nothing more.
            read_only: whether it changes nothing at all.
            visibility_permission: who lacks it does not see the action; it is announced by the permissions registry.
            examples: how it is used.

        Raises:
            ConflictError: there is such an action.
            InputError: the permission is about resources.
            TypeError: a schema cannot be understood.
        """
        ...


class ActionsService(Protocol):
    """Uses the actions of the plugins that the configuration's `backend.actions.pluginSources` names."""

    async def list(self, *, credentials: Credentials[Principal]) -> Sequence[Action]:
        """Returns the actions that somebody may see; plugins that do not answer are left out, and that is logged.

        Args:
            credentials: who asks.
        """
        ...

    async def invoke(
        self,
        action_id: str,
        *,
        input: Any = None,
        secrets: Mapping[str, Any] | None = None,
        credentials: Credentials[Principal],
    ) -> Any:
        """Invokes an action and returns its output as JSON data.

        Args:
            action_id: `<pluginId>:<name>`.
            input: the input: JSON data, or what msgspec can turn into it.
            secrets: values that are not to be shown.
            credentials: who invokes it.

        Raises:
            InputError: the id has no plugin.
            ResponseError: the plugin refused, or the action failed; it tells the status and the cause.
            ServiceUnavailableError: the plugin cannot be reached.
        """
        ...
