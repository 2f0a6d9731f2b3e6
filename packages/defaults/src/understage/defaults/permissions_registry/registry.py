"""What a plugin's permissions and rules are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from understage.errors import ConflictError, InputError
from understage.plugin_api import Permission, PermissionResourceRef, PermissionRule

ResourceLoader: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Any]]]


class Ruleset:
    """The rules of a kind of resource, by name.

    Attributes:
        resource_type: the kind.
        rules: its rules.
    """

    def __init__(self, resource_type: str) -> None:
        self.resource_type = resource_type
        self.rules: dict[str, PermissionRule[Any, Any]] = {}

    def get_rule_by_name(self, name: str) -> PermissionRule[Any, Any]:
        """Returns a rule.

        Raises:
            InputError: there is no such rule.
        """
        rule = self.rules.get(name)
        if rule is None:
            known = ", ".join(self.rules) or "none"
            raise InputError(
                f"Permission rule '{name}' does not exist for resource type '{self.resource_type}'; known are: {known}"
            )
        return rule


class DefaultPermissionsRegistry:
    """Keeps a plugin's permissions, kinds of resource and rules.

    Args:
        plugin_id: the plugin.

    Attributes:
        permissions: the permissions in order of their adding.
        loaders: by kind of resource that the plugin has added, what loads resources, if anything does.
    """

    def __init__(self, plugin_id: str) -> None:
        self._plugin_id = plugin_id
        self._closed = False
        self._rulesets: dict[str, Ruleset] = {}
        self.permissions: list[Permission] = []
        self.loaders: dict[str, ResourceLoader | None] = {}

    @property
    def rules(self) -> list[PermissionRule[Any, Any]]:
        """All rules, by kind of resource."""
        return [rule for ruleset in self._rulesets.values() for rule in ruleset.rules.values()]

    def add_resource_type(
        self,
        *,
        resource_ref: PermissionResourceRef[Any, Any],
        permissions: Sequence[Permission] = (),
        rules: Sequence[PermissionRule[Any, Any]] = (),
        get_resources: ResourceLoader | None = None,
    ) -> None:
        """Adds a kind of resource.

        Args:
            resource_ref: the kind; it belongs to this plugin.
            permissions: permissions that are about it.
            rules: rules that judge it.
            get_resources: loads resources by their refs, in order, with None where there is none.

        Raises:
            InputError: the kind, or that of a rule, belongs to another plugin.
            ConflictError: it was added already, a rule's name is taken, or the plugin has started.
        """
        self._check_open("resource types")
        self._check_owner(resource_ref)
        resource_type = resource_ref.resource_type
        if resource_type in self.loaders:
            raise ConflictError(
                f"Refused to add permission resource with type '{resource_type}' because it already exists"
            )
        self.add_permission_rules(rules)
        self.add_permissions(permissions)
        self.loaders[resource_type] = get_resources

    def add_permissions(self, permissions: Sequence[Permission]) -> None:
        """Adds permissions; one that is there already is not added again.

        Raises:
            ConflictError: the plugin has started.
        """
        self._check_open("permissions")
        for permission in permissions:
            if permission not in self.permissions:
                self.permissions.append(permission)

    def add_permission_rules(self, rules: Sequence[PermissionRule[Any, Any]]) -> None:
        """Adds rules to kinds of resource of this plugin; also before the plugin adds the kind.

        Raises:
            InputError: a rule's kind of resource belongs to another plugin.
            ConflictError: a rule's name is taken, or the plugin has started.
        """
        self._check_open("permission rules")
        for rule in rules:
            ruleset = self.get_permission_ruleset(rule.resource_ref)
            if rule.name in ruleset.rules:
                raise ConflictError(
                    f"Refused to add permission rule for type '{ruleset.resource_type}' with name '{rule.name}' "
                    "because it already exists"
                )
            ruleset.rules[rule.name] = rule

    def get_permission_ruleset(self, resource_ref: PermissionResourceRef[Any, Any]) -> Ruleset:
        """Returns the rules of a kind of resource, with those that are still to be added.

        Raises:
            InputError: the kind belongs to another plugin.
        """
        self._check_owner(resource_ref)
        return self.ruleset(resource_ref.resource_type)

    def ruleset(self, resource_type: str) -> Ruleset:
        """Returns the rules of one of this plugin's kinds of resource."""
        return self._rulesets.setdefault(resource_type, Ruleset(resource_type))

    def close(self) -> None:
        """Ends the time in which things can be added: others may have read them by now."""
        self._closed = True

    def _check_open(self, what: str) -> None:
        if self._closed:
            raise ConflictError(
                f"Cannot add {what} after plugin '{self._plugin_id}' has started; add them in its init, or a module's"
            )

    def _check_owner(self, resource_ref: PermissionResourceRef[Any, Any]) -> None:
        if resource_ref.plugin_id != self._plugin_id:
            raise InputError(
                f"Resource type '{resource_ref.resource_type}' belongs to plugin '{resource_ref.plugin_id}', "
                f"but was used with plugin '{self._plugin_id}'"
            )
