"""Builds the SQL of queries whose conditions come from requests; every value is passed as an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from understage.catalog.query.key_numbers import key_number
from understage.catalog.query.predicates import (
    AllOf,
    AnyOf,
    HasKey,
    HasPrefix,
    HasText,
    HasValue,
    Not,
    Predicate,
)

_GROUP = 100


def _none(statement: Statement, predicate: Predicate) -> str | None:
    return None


class Statement:
    """The arguments of a statement, collected while its text is put together.

    Args:
        fence: ends sub-queries; see `understage.catalog.database.dialects.fence`.
        rows_of_few: returns, for a condition that few entities meet, the query for their ids, which is run once and
            not for each entity; None for others.

    Attributes:
        arguments: the values for `$1`, `$2`, ...
        kind_column: the column that holds the entity's kind, if there is one beside that of its id.
    """

    def __init__(self, fence: str = "", rows_of_few: Callable[[Statement, Predicate], str | None] = _none) -> None:
        self.arguments: list[object] = []
        self.kind_column: str | None = None
        self._rows_of_few = rows_of_few
        self._fence = fence

    def value(self, argument: object) -> str:
        """Takes an argument; returns its placeholder."""
        self.arguments.append(argument)
        return f"${len(self.arguments)}"

    def key(self, key: str) -> str:
        """Takes a key of the search index; returns the placeholder of its number."""
        return self.value(key_number(key))

    def keys(self, column: str, keys: Sequence[str]) -> str:
        """Returns the condition that a column of the search index holds one of a few keys; of none, it never holds."""
        return self.values(column, [key_number(key) for key in keys])

    def condition(self, predicate: Predicate, entity_id: str) -> str:
        """Returns the condition that an entity matches a predicate.

        Args:
            predicate: what must hold.
            entity_id: the column that holds the entity's id.
        """
        is_column = self.kind_column is not None and isinstance(predicate, HasValue) and predicate.key == "kind"
        rows = None if is_column else self._rows_of_few(self, predicate)
        if rows is not None:
            return f"{entity_id} IN ({rows})"
        match predicate:
            case AllOf(conditions):
                return self._joined(" AND ", conditions, entity_id) if conditions else "TRUE"
            case AnyOf(conditions):
                return self._joined(" OR ", conditions, entity_id) if conditions else "FALSE"
            case Not(condition):
                return f"NOT {self.condition(condition, entity_id)}"
            case HasValue("kind", values) if values and self.kind_column is not None:
                return self.values(self.kind_column, values)
            case HasKey(key):
                return self._exists(entity_id, f"x.key = {self.key(key)}")
            case HasValue(key, values):
                return self._has_value(key, values, entity_id)
            case HasPrefix(key, prefix):
                name = self.key(key)
                return self._exists(entity_id, f"x.key = {name} AND {self._like(like_pattern(prefix) + '%')}")
            case HasText(keys, text):
                return self._exists(
                    entity_id, f"{self.keys('x.key', keys)} AND {self._like(f'%{like_pattern(text)}%')}"
                )

    def _joined(self, word: str, conditions: tuple[Predicate, ...], entity_id: str) -> str:
        texts = [self.condition(one, entity_id) for one in conditions]
        # SQLite reads a chain as deep as it is long, and refuses one of a thousand; groups keep it flat.
        while len(texts) > _GROUP:
            texts = [f"({word.join(texts[start : start + _GROUP])})" for start in range(0, len(texts), _GROUP)]
        return f"({word.join(texts)})"

    def _has_value(self, key: str, values: tuple[str, ...], entity_id: str) -> str:
        if not values:
            return "FALSE"
        return self._exists(entity_id, f"x.key = {self.key(key)} AND {self.values('x.value', values)}")

    def _like(self, pattern: str) -> str:
        return f"x.value LIKE {self.value(pattern)} ESCAPE '\\'"

    def values(self, column: str, values: Sequence[str | int]) -> str:
        """Returns the condition that a column has one of a few values; of none, it never holds."""
        if not values:
            return "FALSE"
        if len(values) == 1:
            return f"{column} = {self.value(values[0])}"
        return f"{column} IN ({', '.join(map(self.value, values))})"

    def _exists(self, entity_id: str, condition: str) -> str:
        return f"EXISTS (SELECT 1 FROM search x WHERE x.entity_id = {entity_id} AND {condition} {self._fence})"


def like_pattern(text: str) -> str:
    """Returns a text such that LIKE takes it literally, with the escape character backslash."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
