"""Moves everything of one owner id to another one.

Everything of a session or of a visit is created under its new address before anything of it is deleted under the
old one. The head is deleted first. So a killed run leaves two whole copies, or one and a rest. A repair or a timer
then never deletes the last copy.
"""

from collections import defaultdict
from collections.abc import Iterable

from operations.items import addresses, partitions
from operations.terminal import Terminal
from persistence.errors import ItemExists, ItemNotFound
from persistence.sessions.contents import session_of
from persistence.snapshots.documents import AccessLog, Visitor, visitor_item_id
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Engine, Item, Stored, is_readable

_LEFT_BEHIND = "idempotency"
_EVENTS = "event"
"""What ids of lines begin with that are of no session."""

Items = dict[str, Stored]


class Renamer:
    """Moves items. `left` are the ids of sessions, lines and snapshots that stay as they are: the new owner has
    something else with that id, or a part of it cannot be read."""

    def __init__(self, engine: Engine, old: str, new: str) -> None:
        self._engine, self._old, self._new = engine, old, new
        self.renamed = 0
        self.left = set[str]()

    async def run(self, terminal: Terminal) -> None:
        """Snapshots come first: they name their owner, and the entries of all visitors do."""
        for container in (SNAPSHOTS, SNAPSHOT_ACCESS_LOGS):
            async for partition in partitions(self._engine, container):
                if container is SNAPSHOTS or partition not in (self._old, self._new):
                    await self._name_owner(container, partition)
                    terminal.progress("Renaming", self.renamed)
        async for address in addresses(self._engine, SNAPSHOT_ACCESS_LOGS, self._old):
            await self._move_visit(str(address["id"]))
            terminal.progress("Renaming", self.renamed)
        await self._name_owner(SNAPSHOT_ACCESS_LOGS, self._new)
        mine, theirs = await self._groups(self._old), await self._groups(self._new)
        for group, ids in mine.items():
            await self._move(group, ids, theirs.get(group, []))
            terminal.progress("Renaming", self.renamed)

    async def _name_owner(self, container: Container, partition: str) -> None:
        """Names the new owner where the old one is named. Moves the visit of the old one to a snapshot."""
        async for address in addresses(self._engine, container, partition, ("owner_id", "visitor_id")):
            if container is SNAPSHOTS and address.get("visitor_id") == self._old:
                await self._move_visit(partition)
            elif address.get("owner_id") == self._old:
                stored = await self._engine.read(container, str(address["id"]), partition)
                await self._engine.replace(container, {**stored.item, "owner_id": self._new}, stored.etag)
                self.renamed += 1

    async def _move_visit(self, snapshot_id: str) -> None:
        """The entry with the visitor that repeats its counts."""
        old_entry = await self._find(SNAPSHOT_ACCESS_LOGS, snapshot_id, self._old)
        old_visitor = await self._find(SNAPSHOTS, visitor_item_id(self._old), snapshot_id)
        new_entry = await self._find(SNAPSHOT_ACCESS_LOGS, snapshot_id, self._new)
        new_visitor = await self._find(SNAPSHOTS, visitor_item_id(self._new), snapshot_id)
        known = [one.item for one in (old_entry, old_visitor, new_entry, new_visitor) if one is not None]
        if not all(map(_is_visit, known)):
            self.left.add(snapshot_id)
            return
        if old_entry is not None:
            entry = self._renamed(old_entry.item)
            if new_entry is not None:
                entry = _together(old_entry.item, entry, new_entry.item)
            await self._put(SNAPSHOT_ACCESS_LOGS, entry, new_entry)
            counted = Visitor.of(AccessLog.model_validate(entry)).to_item()
            if old_visitor is not None or new_visitor is not None:
                await self._put(SNAPSHOTS, counted, new_visitor)
        elif old_visitor is not None and new_visitor is None:
            new_id = {"id": visitor_item_id(self._new)}
            await self._put(SNAPSHOTS, {**self._renamed(old_visitor.item), **new_id}, None)
        await self._remove(SNAPSHOTS, snapshot_id, {visitor_item_id(self._old): old_visitor})
        await self._remove(SNAPSHOT_ACCESS_LOGS, self._old, {snapshot_id: old_entry})

    async def _groups(self, partition: str) -> dict[str, list[str]]:
        """Returns the ids of each session with its contents and lines, by id. Other lines are groups of one."""
        groups = defaultdict[str, list[str]](list)
        async for address in addresses(self._engine, SESSIONS, partition):
            id = str(address["id"])
            if address.get("kind") != _LEFT_BEHIND:
                groups[id if session_of(id) == _EVENTS else session_of(id)].append(id)
        return groups

    async def _move(self, group: str, ids: Iterable[str], taken: Iterable[str]) -> None:
        """A session moves as a whole, or stays as a whole."""
        there, new = set(taken), list[str]()
        for id in ids:
            stored = await self._find(SESSIONS, id, self._old)
            if stored is None:
                continue
            same = await self._find(SESSIONS, id, self._new) if id in there else None
            if not is_readable(stored.item) or (same and same.item != self._renamed(stored.item)):
                self.left.add(group)
                return
            if same is None:
                new.append(id)
        # A rest without its head has everything there. Anything else that is there is of another session.
        if there - set(ids) and (new or group in ids):
            self.left.add(group)
            return
        for id in sorted(new, reverse=True):  # the head last, which names the contents
            if (stored := await self._find(SESSIONS, id, self._old)) is not None:
                await self._put(SESSIONS, self._renamed(stored.item), None)
        for id in sorted(ids):
            await self._remove(SESSIONS, self._old, {id: await self._find(SESSIONS, id, self._old)})

    async def _find(self, container: Container, id: str, partition: str) -> Stored | None:
        try:
            return await self._engine.read(container, id, partition)
        except ItemNotFound:
            return None

    async def _put(self, container: Container, item: Item, before: Stored | None) -> None:
        if before is None:
            try:
                await self._engine.create(container, item)
            except ItemExists:  # the driver's own first try
                partition = item[container.partition_key]
                if (await self._engine.read(container, item["id"], partition)).item != item:
                    raise
        elif before.item != item:
            await self._engine.replace(container, item, before.etag)

    async def _remove(self, container: Container, partition: str, items: dict[str, Stored | None]) -> None:
        for id, stored in items.items():
            if stored is not None:
                await self._engine.delete(container, id, partition, stored.etag)
                self.renamed += 1

    def _renamed(self, item: Item) -> Item:
        names = {name: self._new for name in ("owner_id", "visitor_id") if item.get(name) == self._old}
        subject = item.get("subject")
        if isinstance(subject, dict) and subject.get("id") == self._old:
            return {**item, **names, "subject": {**subject, "id": self._new}}
        return {**item, **names}


def _is_visit(item: Item) -> bool:
    model = AccessLog if item.get("kind") == "access_log" else Visitor
    try:
        return is_readable(item) and bool(model.model_validate(item))
    except ValueError:
        return False


def _together(old: Item, entry: Item, there: Item) -> Item:
    """Returns one entry for two people who become one. That of the snapshot's owner stays, or else that of the new
    owner id.

    The larger number of visits stays, and not their sum: a run that is repeated must not count twice.
    """
    kept, other = (entry, there) if old["owner_id"] == old["visitor_id"] else (there, entry)
    return {
        **kept,
        "visits": max(kept["visits"], other["visits"]),
        "first_visited_at": min(kept["first_visited_at"], other["first_visited_at"]),
        "last_visited_at": max(kept["last_visited_at"], other["last_visited_at"]),
    }
