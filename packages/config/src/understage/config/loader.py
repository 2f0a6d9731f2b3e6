"""Loading configuration: from arguments and files to a `Config` that can be kept live."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from understage.config.arguments import parse_config_args
from understage.config.errors import ConfigError
from understage.config.files import Stamp
from understage.config.node import Node, merge
from understage.config.problem import Problem
from understage.config.reader import Config
from understage.config.remote import RemoteConfig
from understage.config.schema.config_schema import ConfigSchema
from understage.config.sources import EnvironmentSource, FileSource, RemoteSource, Source, SourceContent
from understage.config.state import ConfigState
from understage.config.targets import check_url, default_files, environments, is_url
from understage.config.watching import ConfigWatcher

logger: logging.Logger = logging.getLogger("understage.config")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What to load.

    Attributes:
        root_dir: the folder that holds `app-config.yaml`.
        targets: files and URLs, lowest priority first; if there are any, the default files are not read. Relative
            paths start at the working directory.
        argv: a command line; its `--config` arguments come after `targets`.
        env: the environment, `os.environ` by default; it is read once, later changes need a restart.
        remote: enables URLs, and says how often they are fetched again.
        schema: validates the configuration; wrong values fail the load, and a reload that brings some is refused.
    """

    root_dir: str | Path = "."
    targets: Sequence[str] = ()
    argv: Sequence[str] = ()
    env: Mapping[str, str] | None = None
    remote: RemoteConfig | None = None
    schema: ConfigSchema | None = None


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """A source that was loaded.

    Attributes:
        name: its name in errors.
        kind: what it is.
        files: the files it was read from: the file itself and what it includes.
    """

    name: str
    kind: Literal["file", "remote", "env"]
    files: tuple[Path, ...]


class LoadedConfig:
    """The configuration with what is known about its sources.

    Attributes:
        config: the configuration.
        warnings: what looks wrong, but does not prevent a start.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        contents: Sequence[SourceContent],
        options: LoadOptions,
        warnings: list[Problem],
    ) -> None:
        self._sources = list(sources)
        self._contents = list(contents)
        self._options = options
        self._state = ConfigState(merge_contents(contents), tuple(source.name for source in sources))
        self._reloading = asyncio.Lock()
        self._failure = ""
        self.warnings = warnings
        self.config: Config = Config(self._state)

    @property
    def sources(self) -> tuple[LoadedSource, ...]:
        """The sources, lowest priority first."""
        pairs = zip(self._sources, self._contents, strict=True)
        return tuple(LoadedSource(source.name, _kind(source), tuple(content.stamps)) for source, content in pairs)

    @property
    def stamps(self) -> dict[Path, Stamp]:
        """All files that were read, with what tells of their changes."""
        return {path: before for content in self._contents for path, before in content.stamps.items()}

    @property
    def remote_sources(self) -> tuple[RemoteSource, ...]:
        """The sources that are polled."""
        return tuple(source for source in self._sources if isinstance(source, RemoteSource))

    def watch(self) -> ConfigWatcher:
        """Returns what keeps `config` live: `async with loaded.watch(): ...`, or its `start()` and `stop()`."""
        return ConfigWatcher(self, (self._options.remote or RemoteConfig()).reload_interval_seconds)

    async def reload(self, remote: RemoteSource | None = None) -> bool:
        """Reads the files again, or one remote source, and puts the new values in place.

        A reload that fails is logged and changes nothing.

        Args:
            remote: the source to fetch; without it, all files are read.

        Returns:
            Whether it succeeded.
        """
        async with self._reloading:
            try:
                contents, root = await asyncio.to_thread(self._read_again, remote)
            except Exception as error:  # noqa: BLE001 - whatever a reload meets, the running values must stay
                self._failed(error)
                return False
            self._contents, self._failure = contents, ""
            self._state.replace(root, self._state.sources)
            return True

    def _failed(self, error: Exception) -> None:
        # A watcher tries again every few seconds: the same failure is told once.
        if str(error) != self._failure:
            unforeseen = None if isinstance(error, ConfigError) else error
            logger.warning("Reloading the configuration failed, it stays as it was: %s", error, exc_info=unforeseen)
        self._failure = str(error)

    def _read_again(self, remote: RemoteSource | None) -> tuple[list[SourceContent], Node]:
        contents = [
            source.read() if (source is remote if remote else isinstance(source, FileSource)) else content
            for source, content in zip(self._sources, self._contents, strict=True)
        ]
        root = merge_contents(contents)
        if self._options.schema is not None:
            self._options.schema.ensure_valid(Config(ConfigState(root, ())))
        return contents, root


async def load_config(options: LoadOptions | None = None) -> LoadedConfig:
    """Loads the configuration, off the event loop.

    Without `--config`: `app-config.yaml`, `app-config.<name>.yaml` for each name in `BACKSTAGE_ENV`, then
    `app-config.local.yaml` and `app-config.<name>.local.yaml`, all of the root directory. With it, only what it names.
    `APP_CONFIG_` variables win over all.

    Args:
        options: what to load; the root directory is the working directory by default.

    Raises:
        ConfigFileNotFoundError: a file that was named, or `app-config.yaml`, does not exist.
        ConfigSourceError: a source cannot be read, parsed or transformed.
        ConfigValidationError: the values do not fit the schema.
    """
    return await asyncio.to_thread(_load, options or LoadOptions())


def merge_contents(contents: Sequence[SourceContent]) -> Node:
    """Merges what sources held, lowest priority first, into one tree."""
    root = Node({})
    for content in contents:
        if content.root is not None:
            root = merge(root, content.root)
    return root


def _load(options: LoadOptions) -> LoadedConfig:
    sources, warnings = _find_sources(options)
    contents = [source.read() for source in sources]
    if options.schema is not None:
        warnings += options.schema.ensure_valid(Config(ConfigState(merge_contents(contents), ())))
    return LoadedConfig(sources, contents, options, warnings)


def _find_sources(options: LoadOptions) -> tuple[list[Source], list[Problem]]:
    env = dict(os.environ if options.env is None else options.env)
    root = Path(os.path.abspath(options.root_dir))  # noqa: PTH100 - Path.resolve() would follow links
    targets = [*options.targets, *parse_config_args(options.argv)]
    warnings: list[Problem] = []
    sources: list[Source] = []
    for target in targets:
        if is_url(target):
            check_url(target, remote=options.remote is not None)
            sources.append(RemoteSource(target, env, (options.remote or RemoteConfig()).timeout_seconds))
        else:
            sources.append(FileSource(Path(os.path.abspath(target)), root, env))  # noqa: PTH100 - as above
    if not targets:
        files, warnings = default_files(root, environments(env))
        sources += [FileSource(file, root, env) for file in files]
    return [*sources, EnvironmentSource(env)], warnings


def _kind(source: Source) -> Literal["file", "remote", "env"]:
    if isinstance(source, FileSource):
        return "file"
    return "remote" if isinstance(source, RemoteSource) else "env"
