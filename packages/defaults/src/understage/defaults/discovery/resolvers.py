"""Where plugins are: the rules that turn a plugin id into an address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

Resolver = Callable[[str], str]

ANY_PLUGIN: Final = "*"
_PLUGIN_ID: Final = re.compile(r"\{\{\s*pluginId\s*\}\}")
# What JavaScript's encodeURIComponent leaves alone and quote() does not.
_UNENCODED: Final = "!'()*"


def target_resolver(target: str) -> Resolver:
    """Returns the rule of a configured target.

    Args:
        target: a plugin's root, with `{{pluginId}}` where the id belongs.
    """
    stripped = target.rstrip("/")
    return lambda plugin_id: _PLUGIN_ID.sub(lambda _: quote(plugin_id, safe=_UNENCODED), stripped)


def fallback_resolver(base_url: str) -> Resolver:
    """Returns the rule of plugins that live at a backend.

    Args:
        base_url: the backend's root; plugins lie below `/api/`.
    """
    return target_resolver(f"{base_url.rstrip('/')}/api/{{{{pluginId}}}}")


@dataclass(frozen=True, slots=True)
class Direction:
    """Finds plugins in one direction: for backends, or for browsers.

    Attributes:
        configured: a rule per plugin id, and maybe one for `*`.
        fallback: the rule of all others.
    """

    configured: Mapping[str, Resolver]
    fallback: Resolver

    def resolve(self, plugin_id: str) -> str:
        """Returns a plugin's address: by the rule for its id, else by that for `*`, else by the fallback."""
        rule = self.configured.get(plugin_id) or self.configured.get(ANY_PLUGIN) or self.fallback
        return rule(plugin_id)
