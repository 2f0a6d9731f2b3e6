"""What external tokens may do: `accessRestrictions` of `backend.auth.externalAccess`."""

from collections.abc import Mapping
from typing import TypeAlias

from understage.config import Config, ConfigError
from understage.defaults.auth.external.words import read_words
from understage.plugin_api import AccessRestrictions

RESTRICTIONS_KEY = "accessRestrictions"
ACTIONS = ("create", "read", "update", "delete")

RestrictionsByPlugin: TypeAlias = Mapping[str, AccessRestrictions | None]


def read_access_restrictions(entry: Config) -> RestrictionsByPlugin | None:
    """Reads what the tokens of an entry are restricted to.

    Args:
        entry: an entry of `backend.auth.externalAccess`.

    Returns:
        the limits by plugin id, None standing for all of the plugin; or None if nothing is restricted.

    Raises:
        ConfigError: a key or an action is unknown, a plugin is named twice, or the list is empty.
    """
    sections = entry.get_optional_config_array(RESTRICTIONS_KEY)
    if sections is None:
        return None
    if not sections:
        raise ConfigError("it is empty; remove it to allow all plugins, or list some", key=RESTRICTIONS_KEY)
    restrictions: dict[str, AccessRestrictions | None] = {}
    for index, section in enumerate(sections):
        path = f"{RESTRICTIONS_KEY}[{index}]"
        _check_keys(section, path, ("plugin", "permission", "permissionAttribute"))
        plugin_id = section.get_string("plugin")
        if plugin_id in restrictions:
            raise _error(section, path, "plugin", f"the plugin '{plugin_id}' is listed twice; join the two entries")
        restrictions[plugin_id] = _read_limits(section, path)
    return restrictions


def _read_limits(section: Config, path: str) -> AccessRestrictions | None:
    names = _words(section, path, "permission")
    actions = None
    attributes = section.get_optional_config("permissionAttribute")
    if attributes is not None:
        path = f"{path}.permissionAttribute"
        _check_keys(attributes, path, ("action",))
        actions = _words(attributes, path, "action")
        for action in actions or ():
            if action not in ACTIONS:
                raise _error(attributes, path, "action", f"unknown action '{action}'; use {', '.join(ACTIONS)}")
    return None if names is None and actions is None else AccessRestrictions(names, actions)


def _words(section: Config, path: str, key: str) -> tuple[str, ...] | None:
    try:
        return read_words(section, key)
    except ConfigError as error:
        raise (_error(section, path, key, error.detail) if error.key == key else error) from None


def _check_keys(section: Config, path: str, known: tuple[str, ...]) -> None:
    for key in section.keys():  # noqa: SIM118 - a Config is no mapping
        if key not in known:
            raise _error(section, path, key, f"unknown key; known are {', '.join(known)}")


def _error(section: Config, path: str, key: str, message: str) -> ConfigError:
    return ConfigError(message, key=f"{path}.{key}", location=section.location_of([key]))
