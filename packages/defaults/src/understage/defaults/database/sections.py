"""The sections of the configuration that speak about one plugin's database, the plugin's own first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from understage.config import Config, ConfigError, MissingConfigError, SourceLocation, config_from_data
from understage.defaults.database.connection_url import parse_connection_url
from understage.errors import InputError

BASE_KEY = "backend.database"
_EXAMPLE = (
    "plugin '{plugin_id}' needs a database, but backend.database is missing. For development:\n"
    "  backend:\n    database:\n      client: better-sqlite3\n      connection: ':memory:'"
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A section, and how it is called.

    Attributes:
        config: its values.
        key: its full key.
        own: whether it is the plugin's own.
    """

    config: Config
    key: str
    own: bool


@dataclass(slots=True)
class DatabaseSections:
    """The sections, and reading through them: the plugin's own value wins.

    Attributes:
        plugin_id: whose database.
        layers: the sections, the plugin's own first.
        client: the driver's name as configured.
        warnings: what has no effect, for the log.
    """

    plugin_id: str
    layers: list[Layer]
    client: str
    inherits_connection: bool
    warnings: list[str] = field(default_factory=list)

    def text(self, key: str) -> str | None:
        """Returns a text."""
        return next(
            (value for layer in self.layers if (value := layer.config.get_optional_string(key)) is not None), None
        )

    def number(self, key: str, default: int) -> int:
        """Returns a whole number."""
        for layer in self.layers:
            value = layer.config.get_optional_number(key)
            if value is not None:
                return int(value)
        return default

    def boolean(self, key: str, *, default: bool) -> bool:
        """Returns a boolean."""
        for layer in self.layers:
            value = layer.config.get_optional_boolean(key)
            if value is not None:
                return value
        return default

    def of(self, key: str) -> Iterator[tuple[Config, str]]:
        """Returns each section that is there under a key, with its full key."""
        for layer in self.layers:
            section = layer.config.get_optional_config(key)
            if section is not None:
                yield section, f"{layer.key}.{key}"

    def key_of(self, key: str) -> str:
        """Returns the full key under which a value stands, or would stand."""
        return next((f"{layer.key}.{key}" for layer in self.layers if layer.config.has(key)), f"{BASE_KEY}.{key}")

    def location(self, key: str) -> SourceLocation | None:
        """Returns where a value was written."""
        return next((layer.config.location_of(key) for layer in self.layers if layer.config.has(key)), None)

    def source(self) -> str:
        """Names the key of the connection, with file and line where they are known."""
        location = self.location("connection")
        key = self.key_of("connection")
        return key if location is None else f"{key} ({location})"

    def connections(self) -> list[Layer]:
        """Returns the connection's sections, the plugin's own first; a URL or a file name counts as one.

        Raises:
            ConfigError: a connection is neither an object nor a text, or its URL is wrong.
        """
        layers = self.layers if self.inherits_connection else [layer for layer in self.layers if layer.own]
        return [connection for layer in layers for connection in self._connection(layer)]

    def warn_unknown(self, section: Config, known: Collection[str], key: str, why: str) -> None:
        """Notes the keys of a section that are not among the known ones."""
        for name in section.keys():  # noqa: SIM118 - a Config is no dict
            if name not in known:
                location = section.location_of([name])
                self.warnings.append(f"{f'{location}: ' if location else ''}{key}.{name} is ignored: {why}")

    def _connection(self, layer: Layer) -> Iterator[Layer]:
        key = f"{layer.key}.connection"
        value = layer.config.get_optional("connection")
        if value is None:
            return
        if isinstance(value, str):
            yield Layer(self._from_text(layer.config, "connection", value, key), key, layer.own)
            return
        section = layer.config.get_config("connection")
        yield Layer(section, key, layer.own)
        url = section.get_optional_string("connectionString")
        if url is not None:
            yield Layer(self._from_text(section, "connectionString", url, f"{key}.connectionString"), key, layer.own)

    def _from_text(self, section: Config, name: str, text: str, key: str) -> Config:
        location = section.location_of(name)
        if self.client != "pg":
            return config_from_data({"filename": text}, name=str(location or key))
        try:
            return config_from_data(parse_connection_url(text), name=str(location or key))
        except InputError as error:
            raise ConfigError(error.message, key=key, location=location) from None


def open_sections(config: Config, plugin_id: str) -> DatabaseSections:
    """Returns the sections that speak about a plugin's database.

    Args:
        config: the whole configuration.
        plugin_id: whose database.

    Raises:
        ConfigError: there is no `backend.database`, or it has no client.
    """
    base = config.get_optional_config(BASE_KEY)
    if base is None:
        raise MissingConfigError(_EXAMPLE.format(plugin_id=plugin_id), key=BASE_KEY)
    layers = [Layer(base, BASE_KEY, own=False)]
    plugins = base.get_optional_config("plugin")
    if plugins is not None and plugin_id in plugins.keys():  # noqa: SIM118 - a Config is no dict
        layers.insert(0, Layer(plugins.get_config(plugin_id), f"{BASE_KEY}.plugin.{plugin_id}", own=True))
    own_client = layers[0].config.get_optional_string("client")
    base_client = base.get_optional_string("client")
    client = own_client or base.get_string("client")
    # Another kind of database has nothing to inherit from the base connection.
    return DatabaseSections(plugin_id, layers, client, inherits_connection=client == base_client)
