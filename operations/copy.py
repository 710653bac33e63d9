"""`copy --from --to`: everything, or one person, to another store of either kind.

Items keep their ids, versions, times and contents. Run again, it copies what has changed, and removes what the
source no longer has. So it can be interrupted, and the last run, in read-only mode, is short.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator

from operations.copied import Copier
from operations.items import addresses, count, partitions
from operations.marker import Marker
from operations.pace import Paced
from operations.places import CURE, Place, WrongCall, owner, store
from operations.terminal import Terminal
from persistence.snapshots.documents import visitor_item_id
from persistence.storage.containers import CONTAINERS, SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Engine
from persistence.storage.query import Filter, Operator, Query

HELP = "copy everything, or one person, to another store"
FOUND_DAMAGE = 1


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--to", type=store, required=True, help="the target, as --store, which is the source")
    parser.add_argument("--owner", type=owner, help="the owner id of one person; by default everybody")
    parser.add_argument("--overwrite", action="store_true", help="give up what others have made in the target")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    source_place: Place = arguments.store
    target_place: Place = arguments.to
    async with source_place.opened() as opened, target_place.opened(create=True) as there:
        for place in (source_place, target_place):
            # What a damaged index of the source hides would be removed from the target.
            if (damage := await place.damage()) is not None:
                raise WrongCall(f"{place.text}: {damage}; {CURE}")
        limits = (arguments.calls_per_second, arguments.units_per_second)
        source, target = Paced(opened, *limits), Paced(there, *limits)
        marker = Marker(source, target, arguments.owner, overwrites=arguments.overwrite)
        copier = Copier(source, target, await marker.begin(), tells=arguments.owner is not None)
        if arguments.owner:
            await _remove_visits(source, target, arguments.owner, copier)
        total = None if arguments.owner else await count(source, CONTAINERS)
        async for container, partition in _partitions(source, target, arguments.owner):
            await copier.copy(container, partition)
            terminal.progress("Comparing", copier.copies.compared, total)
        await marker.end()
    copies = copier.copies
    terminal.result(copies.as_dict(), str(copies))
    return FOUND_DAMAGE if copies.damaged else 0


async def _remove_visits(source: Engine, target: Engine, owner_id: str, copier: Copier) -> None:
    """Beside the snapshots of others, removes the visits that the person has erased in the source."""
    kept = {str(each["id"]) async for each in addresses(source, SNAPSHOT_ACCESS_LOGS, owner_id)}
    async for entry in addresses(target, SNAPSHOT_ACCESS_LOGS, owner_id):
        if entry["id"] not in kept:
            await copier.remove(SNAPSHOTS, str(entry["id"]), visitor_item_id(owner_id))


async def _partitions(
    source: Engine, target: Engine, owner_id: str | None
) -> AsyncIterator[tuple[Container, str]]:
    """Yields the partitions that either store has. Snapshots come before what refers to them."""
    if owner_id is None:
        for container in (SNAPSHOTS, SNAPSHOT_ACCESS_LOGS, SESSIONS):
            found = {name async for name in partitions(target, container)}
            async for name in partitions(source, container):
                found.discard(name)
                yield container, name
            for name in sorted(found):
                yield container, name
        return
    for snapshot_id in sorted(await _snapshots_of(source, owner_id) | await _snapshots_of(target, owner_id)):
        yield SNAPSHOTS, snapshot_id
    yield SNAPSHOT_ACCESS_LOGS, owner_id
    yield SESSIONS, owner_id


async def _snapshots_of(engine: Engine, owner_id: str) -> set[str]:
    """Returns the snapshots of a person, by their own access log, which lists them."""
    query = Query("access_log", owner_id, ("id", "owner_id"), (Filter("owner_id", Operator.EQUAL, owner_id),))
    found = set[str]()
    while True:
        page = await engine.query(SNAPSHOT_ACCESS_LOGS, query)
        found |= {str(item["id"]) for item in page.items}
        if page.cursor is None:
            return found
        query = Query(query.kind, owner_id, query.select, query.filters, cursor=page.cursor)
