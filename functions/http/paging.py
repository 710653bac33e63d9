"""Lists: their filters, their order and their pages."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

from functions.http.views import QueryModel, WireModel
from persistence.documents import Timestamp
from persistence.storage.filters import FilterFactory
from persistence.storage.query import Filter, Operator, Page, Sort

T = TypeVar("T", bound=BaseModel)
S = TypeVar("S")


class PageOf(WireModel, Generic[T]):
    """One page of a list."""

    # Pydantic describes no generic model by its docstring.
    model_config = ConfigDict(json_schema_extra={"description": "One page of a list."})

    items: list[T] = Field(description="The items of this page, in order.")
    page_token: str | None = Field(description="Send it as `cursor` to get the next page. Null on the last page.")


def page_of(page: Page[S], view: Callable[[S], T]) -> PageOf[T]:
    """Returns the view of a page of documents."""
    return PageOf(items=[view(one) for one in page.items], page_token=page.cursor)


def _iso_text(value: object) -> object:
    # Pydantic would take a bare number for seconds since 1970.
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError("must be an ISO 8601 date and time with a zone, as 2026-01-31T09:30:00Z")
    return value


QueryTime = Annotated[Timestamp, BeforeValidator(_iso_text)]
"""A time that a caller sends, in a query or a body."""


_CLOCK = re.compile(r"T\d\d:?\d\d(?P<seconds>:?\d\d(?:[.,](?P<fraction>\d{1,6}))?)?", re.IGNORECASE)
_MICROSECOND = timedelta(microseconds=1)


def _end_of(value: object, validate: ValidatorFunctionWrapHandler) -> datetime:
    at: datetime = validate(value)
    found = _CLOCK.search(str(value))
    if found is None or found["seconds"] is None:
        return at + (timedelta(minutes=1) - _MICROSECOND)
    digits = len(found["fraction"] or "")
    return at + (timedelta(microseconds=10 ** (6 - digits)) - _MICROSECOND)


UntilTime = Annotated[QueryTime, WrapValidator(_end_of)]
"""The end of a period, which includes all of the last unit that is written: a minute, a second or a part of it.

JavaScript's dates end at the millisecond, and what is stored does not.
"""
UNTIL = "Its last digit counts whole: `09:30:00.123Z` includes that millisecond, `09:30:00Z` that second."


class FilterQuery(QueryModel):
    """A query whose parameters are filters."""

    FILTERS: ClassVar[dict[str, tuple[str, Operator]]] = {}
    """The stored path and the operator of each parameter."""

    def filters(self, factory: FilterFactory) -> list[Filter]:
        """Returns the filters that were sent, checked against the model of the documents."""
        sent = ((name, getattr(self, name)) for name in self.FILTERS)
        return [
            factory.create(self.FILTERS[name][0], value, self.FILTERS[name][1])
            for name, value in sent
            if value is not None
        ]


class PageQuery(QueryModel):
    """Which page of a list. An empty value counts as not sent: existing clients send `cursor=`."""

    cursor: str | None = Field(None, description="The `pageToken` of the page before.")
    page_size: int = Field(10, ge=1, le=100, description="The most items on the page.")


class ListQuery(FilterQuery, PageQuery):
    """The parameters of every sorted list."""

    SORTS: ClassVar[dict[str, str]] = {}
    """The stored path of each sort value that differs from it."""
    LOWERCASE_SORTS: ClassVar[dict[str, str]] = {}
    """The lower-case copy of each stored path that has one."""

    sort_by: str = "id"
    sort_direction: Literal["asc", "desc"] = Field("desc", description="Ascending or descending.")
    sort_lowercase: bool = Field(False, description="True to sort titles without regard to case.")

    def sort(self) -> Sort:
        """Returns the order, by stored path."""
        path = self.SORTS.get(self.sort_by, self.sort_by)
        if self.sort_lowercase:
            path = self.LOWERCASE_SORTS.get(path, path)
        return Sort(path, descending=self.sort_direction == "desc")
