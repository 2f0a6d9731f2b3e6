"""What the configuration says about actions: whose there are, and which of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import cached_property

import msgspec

from understage.config import Config
from understage.plugin_api import ActionAttributes

SECTION = "backend.actions"


class AttributeFilter(msgspec.Struct, frozen=True, rename="camel"):
    """Attributes that an action must have; those that are None may be either way.

    Attributes:
        destructive: whether it may destroy something.
        idempotent: whether a second call changes nothing more.
        read_only: whether it changes nothing.
    """

    destructive: bool | None = None
    idempotent: bool | None = None
    read_only: bool | None = None

    def matches(self, attributes: ActionAttributes) -> bool:
        """Tells whether an action's attributes are as they must be."""
        pairs = (
            (self.destructive, attributes.destructive),
            (self.idempotent, attributes.idempotent),
            (self.read_only, attributes.read_only),
        )
        return all(wanted is None or wanted is actual for wanted, actual in pairs)


class ActionRule(msgspec.Struct, frozen=True, dict=True):
    """Some actions: those that have all that the rule asks for.

    Attributes:
        id: a pattern of ids, with `*` and `?`; None for any.
        attributes: what is asked of their attributes.
    """

    id: str | None = None
    attributes: AttributeFilter = AttributeFilter()

    def matches(self, action_id: str, attributes: ActionAttributes) -> bool:
        """Tells whether the rule is about an action."""
        return (self.id is None or bool(self._pattern.match(action_id))) and self.attributes.matches(attributes)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(translate(self.id or "*"))


class ActionFilter(msgspec.Struct, frozen=True):
    """Which actions there are.

    Attributes:
        include: one of these must match; empty means all actions.
        exclude: none of these may match.
    """

    include: Sequence[ActionRule] = ()
    exclude: Sequence[ActionRule] = ()

    def passes(self, action_id: str, attributes: ActionAttributes) -> bool:
        """Tells whether an action is there."""
        if any(rule.matches(action_id, attributes) for rule in self.exclude):
            return False
        return not self.include or any(rule.matches(action_id, attributes) for rule in self.include)


class ActionsConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Whose actions there are, and which of them.

    Attributes:
        plugin_sources: ids of the plugins; None if the configuration does not say.
        filter: which of their actions.
    """

    plugin_sources: Sequence[str] | None = None
    filter: ActionFilter = ActionFilter()

    def offers(self, plugin_id: str, action_id: str, attributes: ActionAttributes) -> bool:
        """Tells whether a plugin offers an action. Where no plugin is named, each offers its own."""
        named = self.plugin_sources is None or plugin_id in self.plugin_sources
        return named and self.filter.passes(action_id, attributes)


def read_actions_config(config: Config) -> ActionsConfig:
    """Reads the section `backend.actions`.

    Args:
        config: the whole configuration.

    Raises:
        ConfigError: it cannot be understood.
    """
    return config.read(ActionsConfig, SECTION)
