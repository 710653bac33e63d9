"""Makes a partition of one store the same in another one."""

from dataclasses import asdict, dataclass

from operations.checks import text_of
from operations.items import addresses
from persistence.errors import CorruptItem, ItemChanged, ItemExists, ItemNotFound
from persistence.formats.renewal import renewed
from persistence.storage.containers import Container
from persistence.storage.engine import PAYLOAD, Engine, Item, is_readable

_CONTENT = "content"
_FIRST, _LAST = (_CONTENT, "snapshot"), ("session",)
"""Contents come before the heads that name them, and go after them."""


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

    def __init__(self, source: Engine, target: Engine) -> None:
        self._source, self._target = source, target
        self.copies = Copies()

    async def copy(self, container: Container, partition: str) -> None:
        """Makes the partition in the target as in the source. Reads no content that both have."""
        there = {
            str(each["id"]): str(each.get("kind")) async for each in addresses(self._target, container, partition)
        }
        here = {
            str(each["id"]): str(each.get("kind")) async for each in addresses(self._source, container, partition)
        }
        for id in sorted(here, key=lambda id: (_order(here[id]), id)):
            self.copies.compared += 1
            if here[id] == _CONTENT == there.get(id):
                continue  # written once, under an id that is never used again
            await self._copy(container, partition, id, is_there=id in there)
        for id in sorted(there.keys() - here.keys(), key=lambda id: (-_order(there[id]), id)):
            await self._remove(container, partition, id)

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
            if stored.item == item:
                return
            await self._target.replace(container, item, stored.etag)
        await self._check(container, partition, item)
        self.copies.copied += 1

    async def _check(self, container: Container, partition: str, item: Item) -> None:
        """Reads what was written. Raises CorruptItem if it is something else."""
        if (await self._target.read(container, item["id"], partition)).item != item:
            raise CorruptItem(str(item.get("kind")), str(item["id"]))

    async def _remove(self, container: Container, partition: str, id: str) -> None:
        try:
            await self._target.delete(container, id, partition)
            self.copies.removed += 1
        except (ItemNotFound, ItemChanged):
            pass


def _order(kind: str) -> int:
    return 0 if kind in _FIRST else 2 if kind in _LAST else 1


def _present(item: Item) -> Item:
    """Returns the item in the present format, which is the only one in SQLite."""
    payload = {PAYLOAD: item[PAYLOAD]} if PAYLOAD in item else {}
    new = renewed({name: value for name, value in item.items() if name != PAYLOAD})
    return item if new is None else {**new, **payload}
