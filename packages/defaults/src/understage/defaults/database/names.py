"""Names in SQL."""


def quoted(name: str) -> str:
    """Returns a name as SQL takes it whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
