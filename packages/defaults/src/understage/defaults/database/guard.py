"""Keeps away from the tables of a Node backend."""

from collections.abc import Iterable

from understage.errors import ConflictError

BOOKKEEPING_TABLE = "understage_migrations"
FOREIGN_SUFFIX = "knex_migrations"


def check_tables(names: Iterable[str], *, where: str, remedy: str) -> None:
    """Refuses a database that a Node backend has written and Understage has not.

    Args:
        names: the tables in it that end with `knex_migrations`, and our own bookkeeping table if it is there.
        where: the database or schema, for the message.
        remedy: the configuration that gives the plugin another one.

    Raises:
        ConflictError: there is bookkeeping of a Node backend's migrations and none of ours.
    """
    found = set(names)
    foreign = sorted(name for name in found if name.endswith(FOREIGN_SUFFIX))
    if foreign and BOOKKEEPING_TABLE not in found:
        raise ConflictError(
            f"{where} holds the tables of a Node backend (found '{foreign[0]}'), so it is left untouched. {remedy}"
        )
