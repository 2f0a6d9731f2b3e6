"""The sources of configuration: files, URLs, the environment, and plain data. All read in the calling thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from understage.config.environment import read_environment
from understage.config.errors import ConfigFileNotFoundError, ConfigSourceError
from understage.config.files import FileReader, Stamp
from understage.config.location import SourceLocation
from understage.config.node import Node
from understage.config.remote import fetch, shown_url
from understage.config.transforms import Transformer


@dataclass(frozen=True, slots=True)
class SourceContent:
    """What a source held when it was read.

    Attributes:
        root: an object, or None if the source contributes nothing.
        stamps: the files it was read from, included ones as well, with what tells of their changes.
    """

    root: Node | None
    stamps: Mapping[Path, Stamp] = field(default_factory=dict[Path, Stamp])


class Source(Protocol):
    """Something that configuration is read from."""

    @property
    def name(self) -> str:
        """The source's name in errors and listings."""
        ...

    def read(self) -> SourceContent:
        """Reads the source as it is now; blocks.

        Raises:
            ConfigError: it cannot be read, parsed or transformed.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A YAML file, with all it includes.

    Args:
        path: the file; must be absolute.
        root_dir: names of files inside it are shown relative to it.
        env: the environment for substitution.
    """

    path: Path
    root_dir: Path
    env: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.path.is_absolute():
            raise ConfigSourceError(f"the path of a configuration file must be absolute, {self.path} is not")

    @property
    def name(self) -> str:
        """The file's path, relative to the root directory if inside."""
        return FileReader(self.root_dir).name(self.path)

    def read(self) -> SourceContent:
        """Reads, parses and transforms the file and its includes."""
        from understage.config.yaml_parser import parse_yaml

        reader = FileReader(self.root_dir)
        try:
            text = reader.read(self.path)
        except FileNotFoundError:
            raise ConfigFileNotFoundError(f"the configuration file {self.path} does not exist") from None
        node = parse_yaml(text, self.name)
        return SourceContent(_root(node, Transformer(self.env, reader, (self.path,)), self.name), reader.stamps)


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A YAML document at a URL; `${VAR}` and `$env` work in it, `$file` and `$include` do not.

    Args:
        url: http or https.
        env: the environment for substitution.
        timeout_seconds: how long a fetch may take to connect, and to send each part.
    """

    url: str
    env: Mapping[str, str]
    timeout_seconds: float

    @property
    def name(self) -> str:
        """The URL without what may be secret."""
        return shown_url(self.url)

    def read(self) -> SourceContent:
        """Fetches, parses and transforms the document."""
        from understage.config.yaml_parser import parse_yaml

        node = parse_yaml(fetch(self.url, self.timeout_seconds), self.name)
        if node is None or node.value is None:
            raise ConfigSourceError("the remote configuration is empty", location=SourceLocation(self.name))
        return SourceContent(_root(node, Transformer(self.env, FileReader(Path())), self.name))


@dataclass(frozen=True, slots=True)
class EnvironmentSource:
    """All `APP_CONFIG_` variables."""

    env: Mapping[str, str]
    name: str = "env"

    def read(self) -> SourceContent:
        """Builds the tree of the variables."""
        return SourceContent(read_environment(self.env))


def _root(node: Node | None, transformer: Transformer, name: str) -> Node | None:
    root = None if node is None else transformer.transform(node)
    if root is None or root.value is None:
        return None
    if not isinstance(root.value, dict):
        message = "expected an object at the root of the configuration, such as 'app:' with members below it"
        raise ConfigSourceError(message, location=root.location or SourceLocation(name))
    return root
