"""A query as data: filters, sort, fields, page size and cursor.

Each engine compiles it with parameters. A caller's value never becomes part of the query's text.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import orjson

from persistence.errors import InvalidCursor

Scalar = str | int | float | bool
T = TypeVar("T")

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_CURSOR_MAX_LENGTH = 4096
_CURSOR_MAX_NUMBER = 2**63 - 1


def check_path(path: str) -> None:
    """Raises ValueError if this is not a dotted path of names.

    Paths come from our own models. The check keeps a mistake there out of the text of queries.
    """
    if not _PATH.fullmatch(path):
        raise ValueError(f"not a path: {path!r}")


class Operator(StrEnum):
    """Compares a field with a value. A field that is missing or null never matches."""

    EQUAL = "EQUAL"
    NOT_EQUAL = "NOT_EQUAL"
    LESS = "LESS"
    LESS_OR_EQUAL = "LESS_OR_EQUAL"
    MORE = "MORE"
    MORE_OR_EQUAL = "MORE_OR_EQUAL"
    CONTAINS = "CONTAINS"
    STARTS_WITH = "STARTS_WITH"
    IN = "IN"


class Aggregate(StrEnum):
    """What `Engine.aggregate` computes over the matching items."""

    COUNT = "COUNT"
    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `value` is in its stored form, and a tuple for IN. `FilterFactory` makes filters."""

    path: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]

    def __post_init__(self) -> None:
        check_path(self.path)

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values that are named, without duplicates."""
        return tuple(dict.fromkeys(self.value)) if isinstance(self.value, tuple) else (self.value,)


@dataclass(frozen=True, slots=True)
class Unless:
    """Matches an item unless it matches each of these conditions. So it matches one that lacks a field of theirs.

    A cursor is bound to the `name`, and not to the conditions, whose values may be of the present moment. Without
    a name, it is a part of the list, on every page.
    """

    conditions: tuple["Filter | Unless", ...]
    name: str = ""


Condition = Filter | Unless


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list. Equal values are sorted by id in the same direction: total in a partition."""

    path: str
    descending: bool = False

    def __post_init__(self) -> None:
        check_path(self.path)


BY_ID = Sort("id")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, in order. `cursor` asks for the next page. None if this is the last one."""

    items: list[T]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """The end of a page: the sort value and the id of its last item."""

    value: Scalar
    id: str


@dataclass(frozen=True, slots=True)
class Query:
    """Items of one kind that match every filter.

    kind       None: all kinds. Only an erasure asks for that.
    partition  None: all partitions. Only timers may ask for that, never a request.
    select     the top-level fields to return
    sort       by a path that the container declares; items without a text or number there are left out
    """

    kind: str | None
    partition: str | None
    select: tuple[str, ...]
    filters: tuple[Condition, ...] = ()
    sort: Sort = BY_ID
    page_size: int = 100
    cursor: str | None = None

    def __post_init__(self) -> None:
        for name in self.select:
            check_path(name)
            if "." in name:
                raise ValueError(f"not a top-level field: {name!r}")
        if self.page_size < 1:
            raise ValueError(f"a page has at least one row, not {self.page_size}")

    @property
    def named(self) -> Mapping[str, Filter]:
        """The filters that name the values of a path, by path."""
        filters = (one for one in self.filters if isinstance(one, Filter))
        return {one.path: one for one in filters if one.operator in (Operator.EQUAL, Operator.IN)}

    def position(self) -> Position | None:
        """Returns the end of the page before. None if this is the first page. Raises InvalidCursor."""
        if not self.cursor:
            return None
        if len(self.cursor) > _CURSOR_MAX_LENGTH:
            raise InvalidCursor
        try:
            token = urlsafe_b64decode(self.cursor.encode("ascii") + b"==")
            digest, value, id = orjson.loads(token)
        except (ValueError, TypeError) as exc:
            raise InvalidCursor from exc
        # The decoder ignores characters outside its alphabet. Only one spelling of a cursor is valid.
        if digest != self._digest() or _base64url(token) != self.cursor:
            raise InvalidCursor
        if not isinstance(value, str | int | float) or not isinstance(id, str):
            raise InvalidCursor
        if isinstance(value, int) and abs(value) > _CURSOR_MAX_NUMBER:
            raise InvalidCursor
        return Position(value, id)

    def page(self, rows: Sequence[dict[str, Any]]) -> Page[dict[str, Any]]:
        """Returns the first `page_size` rows as a page. One more row means that there is a next page."""
        shown = list(rows[: self.page_size])
        if len(rows) <= self.page_size:
            return Page([self._project(row) for row in shown], None)
        return Page([self._project(row) for row in shown], self.cursor_after(shown[-1]))

    def cursor_after(self, row: dict[str, Any]) -> str:
        """Returns the cursor of a page that ends with this row."""
        token = orjson.dumps([self._digest(), value_at(row, self.sort.path), row["id"]])
        return _base64url(token)

    @property
    def read_fields(self) -> tuple[str, ...]:
        """The top-level fields that an engine must read: the selected ones, the id and the field of the sort."""
        return tuple(dict.fromkeys((*self.select, "id", self.sort.path.split(".")[0])))

    def _project(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in self.select if name in row}

    def _digest(self) -> str:
        """Identifies what a cursor is bound to: everything but the fields, the page size and the cursor."""
        filters: list[object] = []
        filters += sorted((f.path, f.operator, f.value) for f in self.filters if isinstance(f, Filter))
        filters += [f.name for f in self.filters if isinstance(f, Unless) and f.name]
        scope = [self.kind, self.partition, filters, self.sort.path, self.sort.descending]
        return hashlib.sha256(orjson.dumps(scope)).hexdigest()[:16]


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def value_at(item: dict[str, Any], path: str) -> Any:
    """Returns the value at a dotted path. Raises KeyError if there is none."""
    value: Any = item
    for name in path.split("."):
        value = value[name]
    return value
