"""Every item of a store, partition by partition, so that no more than one partition's ids are in memory."""

from collections.abc import AsyncIterator, Iterable

from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, TIMERS_PARTITION, Container
from persistence.storage.document_set import pages_of
from persistence.storage.engine import Engine, Item
from persistence.storage.query import Aggregate, Filter, Operator, Query

_PAGE_SIZE = 500


async def partitions(engine: Engine, container: Container) -> AsyncIterator[str]:
    """Yields the partitions of what belongs to people, in order. One aggregate for each, which reads an index."""
    key, last = container.partition_key, ""
    while True:
        later = (Filter(key, Operator.MORE, last),)
        found = await engine.aggregate(container, Query(None, None, ("id",), later), Aggregate.MIN, key)
        if found is None:
            return
        last = str(found)
        if container is not SESSIONS or last != TIMERS_PARTITION:
            yield last


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
