"""Values on their way into SQLite, and rows on their way out of either dialect."""

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from understage.errors import InputError

RowType = Callable[..., Any]
RowMaker = Callable[[Sequence[Any]], Any]

_NATIVE = frozenset({NoneType, int, float, str, bytes, bool})


def utc_text(value: dt.datetime) -> str:
    """Returns a time as UTC text of one width, so that texts sort as times do.

    Raises:
        InputError: the time has no time zone.
    """
    if value.tzinfo is None:
        raise InputError(f"the time {value.isoformat()} has no time zone; times in the database are aware, in UTC")
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _json_text(value: Sequence[object]) -> str:
    return json.dumps([to_sqlite(item) for item in value])


_TO_SQLITE: dict[type, Callable[[Any], Any]] = {
    dt.datetime: utc_text,
    dt.date: dt.date.isoformat,
    UUID: str,
    Decimal: str,
    list: _json_text,
    tuple: _json_text,
    bytearray: bytes,
    memoryview: bytes,
}


def to_sqlite(value: object) -> object:
    """Returns a value as SQLite stores it.

    Raises:
        InputError: SQLite has no way to store values of its type.
    """
    if type(value) in _NATIVE:
        return value
    for base in type(value).__mro__:
        if base in _NATIVE:
            return value
        convert = _TO_SQLITE.get(base)
        if convert is not None:
            return convert(value)
    raise InputError(f"a value of type {type(value).__name__} cannot be stored; JSON is passed as text")


def sqlite_arguments(args: Sequence[object], order: tuple[int, ...], count: int, query: str) -> list[object]:
    """Returns the arguments of a statement as its question marks take them.

    Args:
        args: the values for `$1`, `$2`, ...
        order: which of them each question mark takes.
        count: how many there must be.
        query: the statement, for messages.

    Raises:
        InputError: there are more or fewer arguments than placeholders.
    """
    if len(args) != count:
        raise InputError(f"the statement has {count} placeholders but got {len(args)} arguments: {query}")
    values = [value if type(value) in _NATIVE else to_sqlite(value) for value in args]
    return [values[index] for index in order]


def _boolean(value: Any) -> Any:
    return bool(value) if isinstance(value, int) else value


def _datetime(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    time = dt.datetime.fromisoformat(value)
    # SQLite's own CURRENT_TIMESTAMP is UTC without saying so.
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)


_FROM_SQLITE: dict[Any, Callable[[Any], Any]] = {
    bool: _boolean,
    dt.datetime: _datetime,
    dt.date: lambda value: dt.date.fromisoformat(value) if isinstance(value, str) else value,
    UUID: lambda value: UUID(value) if isinstance(value, str) else value,
    Decimal: lambda value: Decimal(str(value)),
}


@lru_cache(maxsize=512)
def plain_maker(row_type: RowType) -> RowMaker:
    """Returns what makes a `row_type` of a row by position."""

    def make(row: Sequence[Any]) -> Any:
        try:
            return row_type(*row)
        except TypeError as error:
            raise _unfit(row_type, row) from error

    return make


@lru_cache(maxsize=512)
def sqlite_maker(row_type: RowType) -> RowMaker:
    """Returns what makes a `row_type` of a row by position, where SQLite stores some types as others."""
    plain = plain_maker(row_type)
    converters = [
        (index, convert) for index, field in enumerate(_field_types(row_type)) if (convert := _converter(field))
    ]
    if not converters:
        return plain

    def make(row: Sequence[Any]) -> Any:
        values = list(row)
        for index, convert in converters:
            if index < len(values) and values[index] is not None:
                values[index] = convert(values[index])
        return plain(values)

    return make


def make_rows(rows: Iterable[Sequence[Any]], maker: RowMaker | None) -> list[Any]:
    """Returns rows as tuples, or as what the maker makes of them."""
    return [tuple(row) for row in rows] if maker is None else [maker(row) for row in rows]


def _converter(field_type: Any) -> Callable[[Any], Any] | None:
    if get_origin(field_type) is Annotated:
        return _converter(get_args(field_type)[0])
    if get_origin(field_type) in (Union, UnionType):
        members = [member for member in get_args(field_type) if member is not NoneType]
        return _converter(members[0]) if len(members) == 1 else None
    return _FROM_SQLITE.get(field_type)


def _field_names(row_type: Any) -> Sequence[str]:
    if dataclasses.is_dataclass(row_type):
        return [field.name for field in dataclasses.fields(row_type) if field.init]
    names: Sequence[str] = getattr(row_type, "__struct_fields__", getattr(row_type, "_fields", ()))
    return names


def _field_types(row_type: Any) -> list[Any]:
    names = _field_names(row_type)
    if not names:
        return [row_type]
    hints = get_type_hints(row_type, include_extras=True)
    return [hints.get(name) for name in names]


def _unfit(row_type: RowType, row: Sequence[Any]) -> TypeError:
    shape = f"{getattr(row_type, '__name__', row_type)}({', '.join(_field_names(row_type))})"
    return TypeError(f"a row of {len(row)} columns does not fit {shape}, which takes them in order")
