"""Every item of a store, partition by partition, so that no more than one partition's ids are in memory."""

from collections.abc import AsyncIterator, Iterable

from persistence.storage.checks import is_partition
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, TIMERS_PARTITION, Container
from persistence.storage.document_set import pages_of
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Aggregate, Filter, Operator, Query

_PAGE_SIZE = 500


async def partitions(engine: Engine, container: Container) -> AsyncIterator[str]:
    """Yields the partitions of what belongs to people, in order. One aggregate for each, which reads an index.

    Leaves out names that are damaged: no engine takes them."""
    key = container.partition_key
    later: Filter | None = Filter(key, Operator.MORE, "")
    while later is not None:
        found = await engine.aggregate(container, Query(None, None, ("id",), (later,)), Aggregate.MIN, key)
        if found is None:
            return
        name = str(found)
        later = _after(key, name)
        if is_partition(name) and (container is not SESSIONS or name != TIMERS_PARTITION):
            yield name


def _after(key: str, name: str) -> Filter | None:
    """Returns the filter for the names after this one. None if there is no sound one."""
    try:
        name.encode()
        return Filter(key, Operator.MORE, name)
    except UnicodeEncodeError as error:
        # A byte that is no text comes after all characters that names have, and cannot be sent.
        sound = name[: error.start]
        return Filter(key, Operator.MORE_OR_EQUAL, sound[:-1] + chr(ord(sound[-1]) + 1)) if sound else None


async def addresses(
    engine: Engine, container: Container, partition: str, fields: tuple[str, ...] = ()
) -> AsyncIterator[Item]:
    """Yields id, kind and other fields of each item of a partition, by id."""
    query = Query(None, partition, ("id", "kind", *fields), page_size=_PAGE_SIZE)
    async for page in pages_of(engine, container, query):
        for item in page:
            yield item


async def is_empty(engine: Engine, owner_id: str) -> bool:
    """Returns True if a person has nothing, as owner or as visitor. Idempotency keys count as nothing."""
    for container in (SESSIONS, SNAPSHOT_ACCESS_LOGS):
        async for address in addresses(engine, container, owner_id):
            if address.get("kind") != "idempotency":
                return False
    return True


async def count(engine: Engine, containers: Iterable[Container]) -> int:
    """Returns the number of items. One query for each container."""
    everything = Query(None, None, ("id",), (Filter("id", Operator.MORE, ""),))
    return sum([int(await engine.aggregate(each, everything, Aggregate.COUNT) or 0) for each in containers])
