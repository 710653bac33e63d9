"""Makes a partition of one store the same in another one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import ValidationError

from operations.checks import text_of
from operations.listed import CONTENT, listed, side_by_side
from operations.places import WrongCall
from persistence.documents import now, timestamp_text
from persistence.errors import CorruptItem, ItemChanged, ItemExists, ItemNotFound
from persistence.formats.renewal import renewed
from persistence.sessions.documents import SessionHead
from persistence.sessions.lines import is_by_timer
from persistence.snapshots.documents import Snapshot
from persistence.storage.containers import SNAPSHOTS, Container
from persistence.storage.engine import PAYLOAD, Engine, Item, is_readable

_STOPPED = "the copy is stopped; --overwrite goes on and gives it up"
_SNAPSHOT = "snapshot"
_FIRST, _LAST = ("session", _SNAPSHOT), (CONTENT,)
"""Heads come before the contents that they name, so that no timer of the target takes those for the rest of a
save. They go before them, too."""

_MADE_AT = {"session": ("metadata", "created_at"), _SNAPSHOT: ("metadata", "created_at")}
_CHANGED_AT = {"session": ("metadata", "updated_at"), "access_log": ("last_visited_at",)}
"""Times by which it is seen that somebody else has written to the target."""


@dataclass(slots=True)
class Copies:
    """What was done. `damaged` items cannot be read in the source, and were not copied."""

    compared: int = 0
    copied: int = 0
    removed: int = 0
    damaged: int = 0

    def as_dict(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.compared} compared, {self.copied} copied, {self.removed} removed, {self.damaged} damaged."


class Copier:
    """Copies items between two engines, and counts them."""

    def __init__(self, source: Engine, target: Engine, begun: datetime | None, *, tells: bool = False) -> None:
        """Raises WrongCall for what others have made in the target since `begun`, or have changed there later.

        `tells`: timers of the target tell people who are not copied of snapshots that are gone."""
        self._source, self._target, self._tells = source, target, tells
        self._begun = None if begun is None else timestamp_text(begun)
        self.copies = Copies()

    async def copy(self, container: Container, partition: str) -> None:
        """Makes the partition in the target as in the source. Reads only what the lists of both have otherwise."""
        changed, gone = list[tuple[int, str, bool]](), list[tuple[int, str, str]]()
        there_too = listed(self._target, container, partition)
        async for id, here, there in side_by_side(listed(self._source, container, partition), there_too):
            if here is not None:
                self.copies.compared += 1
                if not here.is_same(there):
                    changed.append((_order(here.kind), id, there is not None))
            elif there is not None:
                gone.append((_order(there.kind), id, there.kind))
        for _, id, is_there in sorted(changed):
            await self._copy(container, partition, id, is_there=is_there)
        for _, id, kind in sorted(gone):
            await self._check_made(container, partition, id, kind)
        for _, id, kind in sorted(gone):
            if kind == _SNAPSHOT and self._tells:
                await self._bury(partition)
            else:
                await self.remove(container, partition, id)

    async def _copy(self, container: Container, partition: str, id: str, *, is_there: bool) -> None:
        try:
            item = (await self._source.read(container, id, partition)).item
        except ItemNotFound:
            return  # deleted since; the next run removes it
        if not is_readable(item) or (PAYLOAD in item and text_of(item[PAYLOAD]) is None):
            self.copies.damaged += 1
            return
        item = _present(item)
        if not is_there:
            try:
                await self._target.create(container, item)
            except ItemExists:
                is_there = True
        if is_there:
            stored = await self._target.read(container, id, partition)
            if self._tells and item.get("kind") == _SNAPSHOT and item.get("deleted_at"):
                item = self._untold(item, stored.item)
            if stored.item == item:
                return
            self._check_changed(item, stored.item)
            await self._target.replace(container, item, stored.etag)
        await self._check(container, partition, item)
        self.copies.copied += 1

    async def _check(self, container: Container, partition: str, item: Item) -> None:
        """Reads what was written. Raises CorruptItem if it is something else."""
        if (await self._target.read(container, item["id"], partition)).item != item:
            raise CorruptItem(str(item.get("kind")), str(item["id"]))

    async def remove(self, container: Container, partition: str, id: str) -> None:
        """Removes an item of the target, if it is there."""
        try:
            await self._target.delete(container, id, partition)
            self.copies.removed += 1
        except (ItemNotFound, ItemChanged):
            pass

    async def _bury(self, id: str) -> None:
        """Leaves the tombstone of a snapshot that the source has forgotten."""
        stored = await self._target.read(SNAPSHOTS, id, id)
        try:
            snapshot = Snapshot.model_validate(stored.item)
        except ValidationError:
            await self.remove(SNAPSHOTS, id, id)
            return
        if snapshot.deleted_at is None:
            await self._target.replace(SNAPSHOTS, snapshot.tombstone(now(), erased=True).to_item(), stored.etag)
            self.copies.removed += 1

    def _untold(self, item: Item, there: Item) -> Item:
        """Returns a tombstone that a timer of the target still has to tell of. It does so once."""
        told = there.get("unsettled_at") if there.get("deleted_at") else timestamp_text(now())
        return {**item, "unsettled_at": told}

    async def _check_made(self, container: Container, partition: str, id: str, kind: str) -> None:
        if self._begun is None or kind not in _MADE_AT:
            return
        item = (await self._target.read(container, id, partition)).item
        if _time(item, _MADE_AT) > self._begun:
            raise WrongCall(f"the target has a {kind} that the source does not have: {id}; {_STOPPED}")

    def _check_changed(self, item: Item, there: Item) -> None:
        if self._begun is None:
            return
        if _deleted_by_a_person(there) > self._begun and not _is_gone(item):
            raise WrongCall(f"somebody has deleted a {item['kind']} in the target: {item['id']}; {_STOPPED}")
        if there.get("status") != "deleted" and _time(there, _CHANGED_AT) > _time(item, _CHANGED_AT):
            raise WrongCall(f"the target has a newer {item['kind']}: {item['id']}; {_STOPPED}")


def _deleted_by_a_person(item: Item) -> str:
    """Returns when it was deleted, or nothing if it was not, or if a timer did it."""
    try:
        if item.get("kind") == "session":
            head = SessionHead.model_validate(item)
            is_by_person = head.deleted_at is not None and head.revisions and not is_by_timer(head.revisions[0])
            return timestamp_text(head.deleted_at) if head.deleted_at is not None and is_by_person else ""
        snapshot = Snapshot.model_validate(item)
    except ValidationError:
        return ""
    return "" if snapshot.deleted_at is None else timestamp_text(snapshot.deleted_at)


def _is_gone(item: Item) -> bool:
    """Returns True if it is deleted, or if it has expired, after which a timer deletes it."""
    gone = (item.get("deleted_at"), item.get("expires_at") if item.get("kind") == _SNAPSHOT else None)
    return any(isinstance(at, str) and at <= timestamp_text(now()) for at in gone)


def _time(item: Item, paths: Mapping[str, tuple[str, ...]]) -> str:
    """Returns the time of an item, or nothing if it has none."""
    value: object = item
    for name in paths.get(str(item.get("kind")), ("",)):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _order(kind: str) -> int:
    return 0 if kind in _FIRST else 2 if kind in _LAST else 1


def _present(item: Item) -> Item:
    """Returns the item in the present format, which is the only one in SQLite."""
    payload = {PAYLOAD: item[PAYLOAD]} if PAYLOAD in item else {}
    new = renewed({name: value for name, value in item.items() if name != PAYLOAD})
    return item if new is None else {**new, **payload}
