"""Which sources make up the configuration, from arguments, `BACKSTAGE_ENV` and the files of the root directory."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from understage.config.errors import ConfigFileNotFoundError, ConfigSourceError
from understage.config.problem import Problem

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)


def is_url(target: str) -> bool:
    """Tells whether a `--config` argument is a URL rather than a path."""
    return _URL.match(target) is not None


def check_url(url: str, *, remote: bool) -> None:
    """Refuses URLs that cannot be loaded.

    Args:
        url: the argument.
        remote: whether loading remote configuration is enabled.

    Raises:
        ConfigSourceError: it is not, or the scheme is not http or https.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigSourceError(f"--config {url}: only http and https URLs, and paths of files, can be loaded")
    if not remote:
        raise ConfigSourceError(
            f"--config {url} is a URL, but remote configuration is not enabled; "
            "enable it with RemoteConfig, or name a file"
        )


def environments(env: Mapping[str, str]) -> list[str]:
    """Returns the entries of `BACKSTAGE_ENV`, lowest priority first.

    Raises:
        ConfigSourceError: an entry cannot be part of a file's name.
    """
    entries = [entry.strip() for entry in env.get("BACKSTAGE_ENV", "").split(",") if entry.strip()]
    for entry in entries:
        if not _ENVIRONMENT.fullmatch(entry):
            raise ConfigSourceError(f"BACKSTAGE_ENV: {entry!r} is not a name; write names such as 'staging,eu'")
    return list(dict.fromkeys(entries))


def default_files(root: Path, names: Sequence[str]) -> tuple[list[Path], list[Problem]]:
    """Returns the files that are loaded without `--config`, lowest priority first, and warnings.

    Args:
        root: the root directory.
        names: the entries of `BACKSTAGE_ENV`.

    Raises:
        ConfigFileNotFoundError: there is no `app-config.yaml`.
    """
    main = root / "app-config.yaml"
    if not main.is_file():
        raise ConfigFileNotFoundError(
            f"the configuration file {main} does not exist; create it, start in the folder that has it, "
            "or name another file with --config FILE"
        )
    optional = [*names, "local", *(f"{name}.local" for name in names)]
    files = [main, *(root / f"app-config.{part}.yaml" for part in dict.fromkeys(optional))]
    warnings = [
        Problem(f"BACKSTAGE_ENV names {name!r}, but there is no app-config.{name}.yaml in {root}", severity="warning")
        for name in names
        if not any((root / f"app-config.{part}.yaml").is_file() for part in (name, f"{name}.local"))
    ]
    return [file for file in files if file.is_file()], warnings
