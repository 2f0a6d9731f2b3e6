"""Which key store the configuration asks for."""

from understage.auth.config import AuthConfig
from understage.auth.keys import KeyStore, MemoryPublishedKeys, PublishedKeys, RotatingKeyStore
from understage.auth.static_keys import load_static_keys
from understage.config import Config, ConfigError

_PROVIDERS = ("database", "memory", "static")


async def create_key_store(settings: AuthConfig, config: Config, shared: PublishedKeys) -> KeyStore:
    """Returns the key store that `auth.keyStore` asks for.

    Args:
        settings: the section `auth`.
        config: the root configuration, for messages.
        shared: where replicas put their public keys.

    Raises:
        ConfigError: the provider is unknown or not supported, or a static key cannot be read.
    """
    store = settings.key_store
    if store.provider == "static":
        return await load_static_keys(store.static.keys if store.static else (), config)
    if store.provider not in _PROVIDERS:
        known = ", ".join(_PROVIDERS)
        why = "the key store 'firestore' is not supported" if store.provider == "firestore" else "unknown key store"
        raise ConfigError(
            f"{why}: expected one of {known}, got '{store.provider}'",
            key="auth.keyStore.provider",
            location=config.location_of("auth.keyStore.provider"),
        )
    return RotatingKeyStore(
        MemoryPublishedKeys() if store.provider == "memory" else shared,
        algorithm=settings.identity_token_algorithm,
        lifetime=settings.token_lifetime,
    )
