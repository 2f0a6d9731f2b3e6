"""The migrations that a package holds: numbered SQL files."""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from understage.defaults.database.online_scripts import is_online
from understage.errors import ConflictError, NotFoundError
from understage.plugin_api import Dialect

_FILE = re.compile(r"(?P<number>\d+)_(?P<name>[A-Za-z0-9_-]+)(?:\.(?P<dialect>postgres|sqlite))?\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step in a package's schema history.

    Attributes:
        number: its place in the order.
        name: what the file's name says about it.
        script: the SQL text.
    """

    number: int
    name: str
    script: str

    @property
    def is_online(self) -> bool:
        """Whether it runs while the backend works, and nobody waits for it."""
        return is_online(self.script)

    @property
    def checksum(self) -> str:
        """What tells whether the text was changed, apart from line ends."""
        return hashlib.sha256(self.script.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04d}_{self.name}"


def read_migrations(package: str, dialect: Dialect) -> list[Migration]:
    """Returns a package's migrations for a dialect, in order. Reads files, so it belongs into a thread.

    A migration may exist for one dialect alone.

    Args:
        package: the import name of a package with a folder `migrations`.
        dialect: which variant.

    Raises:
        NotFoundError: the package, its folder or any migration in it is missing.
        ConflictError: two files have the same number, or a file's name says nothing.
    """
    try:
        folder = resources.files(package) / "migrations"
    except ModuleNotFoundError as error:
        raise NotFoundError(
            f"package '{package}', whose migrations are to be run, cannot be imported", error
        ) from error
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql")) if folder.is_dir() else []
    if not files:
        raise NotFoundError(
            f"package '{package}' has no migrations: expected files such as migrations/0001_initial.sql in it; if they "
            "are in the source but not in the installed package, include *.sql in its build"
        )
    found: dict[int, tuple[str, Migration]] = {}
    for file in files:
        match = _FILE.fullmatch(file)
        if match is None:
            raise ConflictError(
                f"migration '{file}' of package '{package}' is not named <number>_<name>.sql, "
                "<number>_<name>.postgres.sql or <number>_<name>.sqlite.sql"
            )
        if match["dialect"] not in (None, dialect):
            continue
        number = int(match["number"])
        if number in found:
            raise ConflictError(f"migrations '{found[number][0]}' and '{file}' of package '{package}' have one number")
        script = (folder / file).read_text(encoding="utf-8")
        found[number] = (file, Migration(number, match["name"], script.replace("\r\n", "\n")))
    return [found[number][1] for number in sorted(found)]
