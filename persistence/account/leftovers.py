"""The erasure of what no kind finds any more, because the item does not say truly what it is."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from persistence.documents import Document
from persistence.errors import ItemNotFound
from persistence.kind import Erase, Erased, Kind
from persistence.shared import Shared
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS
from persistence.storage.document_set import pages_of
from persistence.storage.engine import UNREADABLE, Engine, Item, is_readable
from persistence.storage.query import Query


def leftover_kind(shared: Shared) -> Kind:
    """The last kind: its erasure comes after that of all others."""
    return Kind(erase=Erase(Leftovers(shared.engine).erase))


class Leftovers:
    """Items in a person's partitions that have an unknown kind, or that cannot be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def erase(self, owner_id: str) -> AsyncGenerator[Erased, None]:
        """Removes each of them. A query for each container, over what the other kinds have left."""
        for container in (SESSIONS, SNAPSHOT_ACCESS_LOGS):
            query = Query(None, owner_id, ("id", "kind", *UNREADABLE))
            async for page in pages_of(self._engine, container, query):
                for item in page:
                    if _is_lost(item):
                        with suppress(ItemNotFound):
                            await self._engine.delete(container, item["id"], owner_id)
                        yield Erased()


def _is_lost(item: Item) -> bool:
    # What is written at the same time is of a known kind, and stays as a whole.
    return not is_readable(item) or item.get("kind") not in _known_kinds(Document)


def _known_kinds(model: type[Document]) -> list[object]:
    """Returns the kinds of all documents that this program knows."""
    inherited = [kind for one in model.__subclasses__() for kind in _known_kinds(one)]
    return [model.model_fields["kind"].default, *inherited]
