"""The secrets of `backend.auth.keys`, which backends had before `backend.auth.externalAccess`."""

from understage.config import Config, ConfigError
from understage.defaults.auth.external.dispatcher import ExternalAccess
from understage.defaults.auth.external.legacy import legacy_verifier, read_secret
from understage.defaults.auth.key_sets import Clock

OLD_KEYS = "backend.auth.keys"
OLD_SUBJECT = "external:backstage-plugin"


def read_old_keys(config: Config, clock: Clock) -> list[ExternalAccess]:
    """Reads `backend.auth.keys`, if it is there.

    Args:
        config: the root configuration.
        clock: tells the time, in seconds since 1970.

    Raises:
        ConfigError: a secret is missing or no base64.
    """
    entries: list[ExternalAccess] = []
    for index, section in enumerate(config.get_optional_config_array(OLD_KEYS) or ()):
        try:
            secret = read_secret(section)
        except ConfigError as error:
            if error.key != "secret":
                raise
            raise ConfigError(
                error.detail, key=f"{OLD_KEYS}[{index}].secret", location=section.location_of("secret")
            ) from error
        entries.append(ExternalAccess(legacy_verifier(secret, OLD_SUBJECT, clock)))
    return entries
