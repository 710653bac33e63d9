"""Lists of the server, a page at a time."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel

from savepoint_client.body import text_of
from savepoint_client.http import Call

Ask = Callable[[Call], Any]
Value = str | int | bool | datetime | None
Query = Mapping[str, Value]
T = TypeVar("T", bound=BaseModel)


class Pages(Generic[T]):
    """Iterates over all items. Each page is asked for when it is needed."""

    def __init__(self, ask: Ask, path: str, item: type[T], query: Query | None) -> None:
        self._ask = ask
        self._path = path
        self._item = item
        self._query = query or {}

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[list[T]]:
        cursor: str | None = None
        while True:
            found = self._ask(Call("GET", with_query(self._path, {**self._query, "cursor": cursor}), {}))
            yield [self._item.model_validate(each) for each in found["items"]]
            cursor = found["pageToken"]
            if cursor is None:
                return


def with_query(path: str, query: Query) -> str:
    given = {name: _text(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return text_of(value) if isinstance(value, datetime) else str(value)
