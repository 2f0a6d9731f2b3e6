"""Connection URLs of Postgres: `postgresql://user:password@host:port/database?option=value`."""

from urllib.parse import parse_qsl, unquote, urlsplit

from understage.errors import InputError

SCHEMES = ("postgres", "postgresql")
SSL_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation")
# Options of Node's driver that have no meaning here.
_IGNORED = frozenset({"uselibpqcompat", "channel_binding"})


def parse_connection_url(url: str) -> dict[str, object]:
    """Returns the parts of a connection URL under the names that the object form of a connection has.

    Args:
        url: the URL; it is never part of an error, since it may hold a password.

    Raises:
        InputError: it is no such URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError("the URL cannot be parsed; percent-encode special characters in user and password") from error
    if parts.scheme not in SCHEMES:
        raise InputError("expected a URL such as postgresql://user:password@host:5432/database")
    fields: dict[str, object] = {
        "host": unquote(parts.hostname or "") or None,
        "port": port,
        "user": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "database": unquote(parts.path.lstrip("/")) or None,
    }
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in (
        "host",
        "port",
        "user",
        "password",
        "application_name",
        "statement_timeout",
        "lock_timeout",
        "options",
    ):
        if name in options:
            fields[name] = options.pop(name)
    if "dbname" in options:
        fields["database"] = options.pop("dbname")
    if "ssl" in options:
        fields["ssl"] = options.pop("ssl") in ("1", "true")
    ssl_options = {name: options.pop(name) for name in SSL_OPTIONS if name in options}
    if ssl_options:
        fields["sslOptions"] = ssl_options
    rest = {name: value for name, value in options.items() if name not in _IGNORED}
    if rest:
        fields["serverSettings"] = rest
    return {name: value for name, value in fields.items() if value is not None}
