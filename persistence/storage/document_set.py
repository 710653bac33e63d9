"""Documents of one kind on an engine: read, written, validated and listed."""

import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pydantic import ValidationError

from persistence.documents import Document
from persistence.errors import CorruptItem, InvalidField, ItemExists, ItemNotFound
from persistence.storage.containers import Container
from persistence.storage.engine import Engine, Increment, Item, Remove, Set
from persistence.storage.query import BY_ID, Aggregate, Condition, Filter, Page, Query, Sort

D = TypeVar("D", bound=Document)

PAGE_SIZE_MAX = 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[D]):
    """A document, and the engine's etag that a replace needs."""

    document: D
    etag: str


async def pages_of(engine: Engine, container: Container, query: Query) -> AsyncGenerator[list[Item], None]:
    """Yields every page of a query as raw items, without empty pages. One query per page."""
    while True:
        page = await engine.query(container, query)
        if page.items:
            yield page.items
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)


class DocumentSet(Generic[D]):
    """The documents of one model in one container.

    A damaged item has another schema or does not validate. It is logged with a reference. Reading it raises
    CorruptItem. Lists leave it out.
    """

    def __init__(self, engine: Engine, container: Container, model: type[D]) -> None:
        self.engine, self.container = engine, container
        self._model = model
        self.kind: str = model.model_fields["kind"].default
        # Never the payload: the cost of a list must not depend on the size of contents.
        self.fields = tuple(field.alias or name for name, field in model.model_fields.items())

    async def read(self, id: str, partition: str) -> Versioned[D]:
        """Returns one document. One point read. Raises ItemNotFound and CorruptItem."""
        stored = await self.engine.read(self.container, id, partition)
        return Versioned(self.load(stored.item), stored.etag)

    async def create(self, document: D) -> str:
        """Stores a new document and returns its etag. Raises ItemExists."""
        return await self.engine.create(self.container, document.to_item())

    async def create_once(self, document: D) -> bool:
        """Creates a document. Returns False if the id is taken: our own retry, or another try under the same
        idempotency key."""
        try:
            await self.create(document)
            return True
        except ItemExists:
            return False

    async def replace(self, document: D, if_match: str) -> str:
        """Replaces a document and returns the new etag. Raises ItemChanged and ItemNotFound."""
        return await self.engine.replace(self.container, document.to_item(), if_match)

    async def create_then_replace(
        self, new: Sequence[Item], document: D, if_match: str, then: Sequence[Item] = ()
    ) -> str:
        """As `replace`, for a document that refers to `new`, and that `then` tells of. See
        `Engine.create_then_replace`."""
        return await self.engine.create_then_replace(self.container, new, document.to_item(), if_match, then)

    async def patch(self, id: str, partition: str, operations: Sequence[Set | Increment | Remove]) -> D:
        """Changes a document atomically, without reading it first, and returns it. Raises ItemNotFound."""
        return self.load((await self.engine.patch(self.container, id, partition, operations)).item)

    async def discard(self, id: str, partition: str) -> None:
        """Deletes a document if there is one. A driver that retries may have deleted it already."""
        try:
            await self.engine.delete(self.container, id, partition)
        except ItemNotFound:
            pass

    async def page(
        self,
        partition: str | None,
        filters: Sequence[Condition] = (),
        sort: Sort = BY_ID,
        page_size: int = PAGE_SIZE_MAX,
        cursor: str | None = None,
    ) -> Page[D]:
        """Returns one page of a list. One query. Raises InvalidCursor.

        Raises InvalidField if the container does not declare the sort, or if the page size is out of range.
        """
        if sort.path not in self.container.ordered:
            raise InvalidField("sort_by", "cannot be sorted by this")
        if not 1 <= page_size <= PAGE_SIZE_MAX:
            raise InvalidField("page_size", f"must be 1 to {PAGE_SIZE_MAX}")
        query = Query(self.kind, partition, self.fields, tuple(filters), sort, page_size, cursor)
        page = await self.engine.query(self.container, query)
        documents = [document for item in page.items if (document := self._load_or_none(item)) is not None]
        return Page(documents, page.cursor)

    async def count(self, partition: str | None, filters: Sequence[Filter] = ()) -> int:
        """Returns how many documents match. One query, which reads only the index."""
        query = Query(self.kind, partition, ("id",), tuple(filters))
        return int(await self.engine.aggregate(self.container, query, Aggregate.COUNT) or 0)

    def load(self, item: Item) -> D:
        """Returns the item as a document. Raises CorruptItem."""
        try:
            return self._model.model_validate(item)
        except ValidationError as exc:
            corrupt = CorruptItem(self.kind, str(item.get("id")))
            faults = [(error["loc"], error["type"]) for error in exc.errors(include_input=False)]
            _log.error(
                "The %s %s cannot be read (reference %s): %s", self.kind, corrupt.id, corrupt.reference, faults
            )
            raise corrupt from None  # the cause repeats what the item holds

    def _load_or_none(self, item: Item) -> D | None:
        try:
            return self.load(item)
        except CorruptItem:
            return None
