"""The guest provider's configuration: the section `auth.providers.guest`."""

from typing import Any

import msgspec

from understage.catalog_api import EntityRefError, parse_entity_ref
from understage.config import Config, ConfigError, config_schema

DEFAULT_USER = "user:development/guest"


class GuestConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The section `auth.providers.guest`.

    Attributes:
        user_entity_ref: who guests are; kind and namespace default to `user` and `default`.
        ownership_entity_refs: what guests own things through while the catalog does not know the user.
        dangerously_allow_outside_development: whether anybody may sign in although this is not a development machine.
    """

    user_entity_ref: str = DEFAULT_USER
    ownership_entity_refs: tuple[str, ...] | None = None
    dangerously_allow_outside_development: bool = False


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of the section `auth.providers.guest`."""
    return config_schema(GuestConfig, at="auth.providers.guest")


def read_guest_config(config: Config) -> GuestConfig:
    """Reads the section.

    Args:
        config: the section `auth.providers.guest`.

    Raises:
        ConfigError: a value is of the wrong type, or the user is no entity ref.
    """
    settings = config.read(GuestConfig)
    try:
        user = parse_entity_ref(settings.user_entity_ref, default_kind="user")
    except EntityRefError as error:
        key = "auth.providers.guest.userEntityRef"
        raise ConfigError(str(error), key=key, location=config.location_of("userEntityRef")) from error
    return msgspec.structs.replace(settings, user_entity_ref=str(user))
