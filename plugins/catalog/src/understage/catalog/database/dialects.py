"""Where the two dialects are spelled differently."""

from understage.plugin_api import DatabaseConnection


def among(connection: DatabaseConnection, column: str, placeholder: str) -> str:
    """Returns the condition that a column's value is in the list that is passed for a placeholder.

    Args:
        connection: tells the dialect.
        column: the column's name.
        placeholder: such as `$1`.
    """
    if connection.dialect == "postgres":
        return f"{column} = ANY({placeholder})"
    return f"{column} IN (SELECT value FROM json_each({placeholder}))"  # noqa: S608 - column and placeholder are the code's own


def skip_locked(connection: DatabaseConnection) -> str:
    """Returns what makes a sub-query take rows for itself and leave out those that another replica has taken."""
    return "FOR UPDATE SKIP LOCKED" if connection.dialect == "postgres" else ""


def key_share(connection: DatabaseConnection) -> str:
    """Returns what keeps the rows of a query from being deleted until the transaction ends."""
    return "FOR KEY SHARE" if connection.dialect == "postgres" else ""


def for_update(connection: DatabaseConnection) -> str:
    """Returns what keeps the rows of a query for this transaction alone."""
    return "FOR UPDATE" if connection.dialect == "postgres" else ""


def for_no_key_update(connection: DatabaseConnection) -> str:
    """Returns what keeps the rows of a query for this transaction alone, except that others may refer to them."""
    return "FOR NO KEY UPDATE" if connection.dialect == "postgres" else ""


def fence(connection: DatabaseConnection) -> str:
    """Returns what ends a sub-query such that Postgres runs it as it is written.

    Its planner knows too little of how keys and values go together to choose well; SQLite keeps to the text anyway.
    """
    return "OFFSET 0" if connection.dialect == "postgres" else ""
