"""Reading and changing header lists; names are lower-case, as ASGI has them."""

from collections.abc import Iterable

from understage.defaults.root_http_router.answers import Header


def find_header(headers: Iterable[Header], name: bytes) -> bytes | None:
    """Returns the first value of a header, or None.

    Args:
        headers: the header list.
        name: the header's name, in lower case.
    """
    for key, value in headers:
        if key == name:
            return value
    return None


def without_headers(headers: Iterable[Header], *names: bytes) -> list[Header]:
    """Returns the headers except those of some names."""
    return [header for header in headers if header[0] not in names]


def add_vary(headers: list[Header], field: bytes) -> list[Header]:
    """Returns the headers with a field added to `Vary`, all of them in one header.

    Args:
        headers: the header list; it is not changed.
        field: the request header that the answer depends on, or several with commas.
    """
    values = [value for name, value in headers if name == b"vary"]
    if not values:
        return [*headers, (b"vary", field)]
    index = next(index for index, (name, _) in enumerate(headers) if name == b"vary")
    fields: dict[bytes, bytes] = {}
    for part in b",".join([*values, field]).split(b","):
        fields.setdefault(part.strip().lower(), part.strip())
    joined = (b"vary", b", ".join(fields.values()))
    rest = [header for header in headers[index + 1 :] if header[0] != b"vary"]
    return [*headers[:index], joined, *rest]


def set_header(headers: Iterable[Header], name: bytes, value: bytes) -> list[Header]:
    """Returns the headers with one header replaced, or added at the end."""
    return [*without_headers(headers, name), (name, value)]
