"""`rename --from --to`: gives everything of one owner id to another one. Only in read-only mode.

Each item is created under its new address before the old one is deleted, so a killed run goes on. Idempotency keys
are left behind: a retry of a create from before is a new create.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator

from operations.items import addresses, partitions
from operations.pace import Paced
from operations.places import Place, WrongCall
from operations.terminal import Terminal
from persistence import stores_over
from persistence.errors import ItemExists, ItemNotFound
from persistence.read_only import Switch
from persistence.snapshots.documents import visitor_item_id
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Engine, Item

HELP = "give everything of one owner id to another one"
FOUND = 1
_LEFT = "idempotency"
_OF_VISITS = ("access_log", "visitor")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="old", required=True, help="the owner id that it has")
    parser.add_argument("--to", dest="new", required=True, help="the owner id that it gets")
    parser.add_argument("--yes", action="store_true", help="do it; without it, only say what both have")
    parser.add_argument("--merge", action="store_true", help="also if the new owner has something already")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    old, new = arguments.old, arguments.new
    if old == new:
        raise WrongCall("both owner ids are the same")
    async with place.opened() as opened:
        if not await Switch(opened).is_on():
            raise WrongCall("first let nobody write: python -m operations read-only on")
        engine = Paced(opened, arguments.calls_per_second, arguments.units_per_second)
        await _show(engine, terminal, old, new, is_allowed=arguments.merge)
        if not arguments.yes:
            raise WrongCall("nothing was renamed: it needs --yes")
        renamer = Renamer(engine, old, new)
        await renamer.run(terminal)
    taken = len(renamer.taken)
    terminal.result({"renamed": renamer.renamed, "taken": taken}, f"{renamer.renamed} items renamed, {taken} not.")
    return FOUND if taken else 0


async def _show(engine: Engine, terminal: Terminal, old: str, new: str, *, is_allowed: bool) -> None:
    limits = stores_over(engine).limits
    for owner_id in (old, new):
        used = dict(await limits.usage(owner_id))
        terminal.result(
            {"owner": owner_id, **used}, f"{owner_id}: " + ", ".join(f"{n} {x}" for n, x in used.items())
        )
    if is_allowed or not any((await limits.usage(new)).values()):
        return
    raise WrongCall(f"{new} has something already: --merge puts both together")


class Renamer:
    """Moves items. `taken` are the ids that the new owner has with something else: they stay as they are."""

    def __init__(self, engine: Engine, old: str, new: str) -> None:
        self._engine, self._old, self._new = engine, old, new
        self.renamed = 0
        self.taken: list[str] = []

    async def run(self, terminal: Terminal) -> None:
        """Snapshots come first: they name their owner, and the entries of all visitors do."""
        async for container, partition in self._places():
            async for address in addresses(self._engine, container, partition):
                if address.get("kind") != _LEFT:
                    await self._rename(container, partition, str(address["id"]))
                    terminal.progress("Renaming", self.renamed)

    async def _places(self) -> AsyncIterator[tuple[Container, str]]:
        for container in (SNAPSHOTS, SNAPSHOT_ACCESS_LOGS):
            async for partition in partitions(self._engine, container):
                yield container, partition
        yield SESSIONS, self._old

    async def _rename(self, container: Container, partition: str, id: str) -> None:
        try:
            stored = await self._engine.read(container, id, partition)
        except ItemNotFound:
            return
        item = self._renamed(stored.item)
        if item == stored.item:
            return
        if (item["id"], item[container.partition_key]) == (id, partition):
            await self._engine.replace(container, item, stored.etag)
        else:
            try:
                await self._engine.create(container, item)
            except ItemExists:
                there = await self._engine.read(container, item["id"], item[container.partition_key])
                if item.get("kind") in _OF_VISITS:
                    item = _together(item, there.item)
                    await self._engine.replace(container, item, there.etag)
                elif there.item != item:  # not a run before that was killed
                    self.taken.append(id)
                    return
            await self._engine.delete(container, id, partition, stored.etag)
        self.renamed += 1

    def _renamed(self, item: Item) -> Item:
        names = {name: self._new for name in ("owner_id", "visitor_id") if item.get(name) == self._old}
        if item.get("kind") == "visitor" and "visitor_id" in names:
            names["id"] = visitor_item_id(self._new)
        subject = item.get("subject")
        if isinstance(subject, dict) and subject.get("id") == self._old:
            return {**item, **names, "subject": {**subject, "id": self._new}}
        return {**item, **names}


def _together(item: Item, there: Item) -> Item:
    """Returns one entry for two people who become one. The larger number of visits stays, and not their sum: a run
    that is repeated must not count twice."""
    return {
        **item,
        "visits": max(item["visits"], there["visits"]),
        "first_visited_at": min(item["first_visited_at"], there["first_visited_at"]),
        "last_visited_at": max(item["last_visited_at"], there["last_visited_at"]),
    }
