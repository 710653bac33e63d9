"""A query as data: what to find, in which order, which fields, how many, from where on.

Each engine compiles it itself, with parameters: a caller's value never becomes part of a query's text.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
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
    """Paths come from our own models; this keeps a slip from ever becoming query text."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"not a path: {path!r}")


class Operator(StrEnum):
    """How a field is compared with a value. A field that is missing or null never matches."""

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
    """What `Engine.aggregate` can make of a path over all items that match."""

    COUNT = "COUNT"
    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; `value` is in stored form, a tuple for IN. Made by `FilterFactory`."""

    path: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]

    def __post_init__(self) -> None:
        check_path(self.path)


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list. Ties are broken by id in the same direction, so it is total in a partition."""

    path: str
    descending: bool = False

    def __post_init__(self) -> None:
        check_path(self.path)


BY_ID = Sort("id")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, in order; `cursor` asks for what follows, None where nothing does."""

    items: list[T]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the last row's sort value and id."""

    value: Scalar
    id: str


@dataclass(frozen=True, slots=True)
class Query:
    """Items of one kind that match every filter.

    `partition` None crosses partitions: for timers, never for a request. `select` names the top-level
    fields that come back (`id` and the sort's field are read along with them). The sort's path must be
    one that the container declares; items that have neither a text nor a number there are left out.
    """

    kind: str
    partition: str | None
    select: tuple[str, ...]
    filters: tuple[Filter, ...] = ()
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

    def position(self) -> Position | None:
        """Where this page starts, or None for the first. Raises InvalidCursor."""
        if not self.cursor:
            return None
        if len(self.cursor) > _CURSOR_MAX_LENGTH:
            raise InvalidCursor
        try:
            token = urlsafe_b64decode(self.cursor.encode("ascii") + b"==")
            digest, value, id = orjson.loads(token)
        except (ValueError, TypeError) as exc:
            raise InvalidCursor from exc
        # The decoder skips what is not in its alphabet; a cursor has one spelling.
        if digest != self._digest() or _base64url(token) != self.cursor:
            raise InvalidCursor
        if not isinstance(value, str | int | float) or not isinstance(id, str):
            raise InvalidCursor
        if isinstance(value, int) and abs(value) > _CURSOR_MAX_NUMBER:
            raise InvalidCursor
        return Position(value, id)

    def page(self, rows: Sequence[dict[str, Any]]) -> Page[dict[str, Any]]:
        """The page made of up to `page_size` + 1 rows: the one too many only says that more follow."""
        shown = list(rows[: self.page_size])
        if len(rows) <= self.page_size:
            return Page([self._project(row) for row in shown], None)
        return Page([self._project(row) for row in shown], self.cursor_after(shown[-1]))

    def cursor_after(self, row: dict[str, Any]) -> str:
        """The cursor of a page that ended with that row."""
        token = orjson.dumps([self._digest(), value_at(row, self.sort.path), row["id"]])
        return _base64url(token)

    @property
    def read_fields(self) -> tuple[str, ...]:
        """The top-level fields that an engine has to read: the selected ones, the id and the sort's."""
        return tuple(dict.fromkeys((*self.select, "id", self.sort.path.split(".")[0])))

    def _project(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in self.select if name in row}

    def _digest(self) -> str:
        """What a cursor is bound to: everything but the fields, the page size and the position itself."""
        filters = sorted((f.path, f.operator, f.value) for f in self.filters)
        scope = [self.kind, self.partition, filters, self.sort.path, self.sort.descending]
        return hashlib.sha256(orjson.dumps(scope)).hexdigest()[:16]


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def value_at(item: dict[str, Any], path: str) -> Any:
    """What stands at a dotted path; raises KeyError where nothing does."""
    value: Any = item
    for name in path.split("."):
        value = value[name]
    return value
