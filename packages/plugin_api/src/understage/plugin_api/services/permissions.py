"""The permission services: asking whether somebody may do something, and telling what a plugin can be asked."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from typing_extensions import TypeVar

from understage.plugin_api.credentials import Credentials, Principal
from understage.plugin_api.permissions import (
    DefinitiveDecision,
    Permission,
    PermissionRequest,
    PermissionResourceRef,
    PermissionRule,
    PolicyDecision,
)

ResourceT = TypeVar("ResourceT")
QueryT = TypeVar("QueryT")


class PermissionsService(Protocol):
    """Tells what somebody may do. Questions asked in one turn of the event loop travel together."""

    async def authorize(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Principal]
    ) -> Sequence[DefinitiveDecision]:
        """Answers questions with yes or no, in their order.

        Args:
            requests: the questions; those about resources name one.
            credentials: whose permission is asked for.

        Raises:
            InputError: a question about resources names none.
            AuthenticationError: the credentials are nobody's.
            ServiceUnavailableError: the permission plugin cannot be reached.
            ResponseError: the permission plugin refuses to answer.
        """
        ...

    async def authorize_conditional(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Principal]
    ) -> Sequence[PolicyDecision]:
        """Answers questions with yes, no, or the conditions that a resource must fulfil, in their order.

        Args:
            requests: the questions; those about resources may leave open which one.
            credentials: whose permission is asked for.

        Raises:
            AuthenticationError: the credentials are nobody's.
            ServiceUnavailableError: the permission plugin cannot be reached.
            ResponseError: the permission plugin refuses to answer.
        """
        ...


class PermissionRuleset(Protocol[ResourceT, QueryT]):
    """The rules of a kind of resource."""

    def get_rule_by_name(self, name: str) -> PermissionRule[ResourceT, QueryT]:
        """Returns a rule.

        Raises:
            InputError: there is no such rule.
        """
        ...


class PermissionsRegistryService(Protocol):
    """Tells others, over HTTP, a plugin's permissions and rules, and judges its resources by conditions.

    A plugin that asks for it serves `/.well-known/backstage/permissions/metadata` and `.../apply-conditions`. Things
    are added until the plugin has started.
    """

    def add_resource_type(
        self,
        *,
        resource_ref: PermissionResourceRef[ResourceT, QueryT],
        permissions: Sequence[Permission] = (),
        rules: Sequence[PermissionRule[Any, Any]] = (),
        get_resources: Callable[[Sequence[str]], Awaitable[Sequence[ResourceT | None]]] | None = None,
    ) -> None:
        """Adds a kind of resource.

        Args:
            resource_ref: the kind; it belongs to this plugin.
            permissions: permissions that are about it.
            rules: rules that judge it.
            get_resources: loads resources by their refs, in order, with None where there is none; without it, other
                plugins cannot have conditions applied.

        Raises:
            InputError: the kind belongs to another plugin.
            ConflictError: it was added already, a rule's name is taken, or the plugin has started.
        """
        ...

    def add_permissions(self, permissions: Sequence[Permission]) -> None:
        """Adds permissions; one that is there already is not added again.

        Raises:
            ConflictError: the plugin has started.
        """
        ...

    def add_permission_rules(self, rules: Sequence[PermissionRule[Any, Any]]) -> None:
        """Adds rules to kinds of resource of this plugin.

        Raises:
            InputError: a rule's kind of resource belongs to another plugin.
            ConflictError: a rule's name is taken, or the plugin has started.
        """
        ...

    def get_permission_ruleset(
        self, resource_ref: PermissionResourceRef[ResourceT, QueryT]
    ) -> PermissionRuleset[ResourceT, QueryT]:
        """Returns the rules of a kind of resource, with those that are still to be added.

        Raises:
            InputError: the kind belongs to another plugin.
        """
        ...
