"""Contents in the memory of one process.

A content is written once under an id that is never reused, so an entry is never out of date. It is found only
through a head that was just read and names it.
"""

from collections import OrderedDict

from persistence.content import Packed

ENTRY_BYTES = 1_000
"""What an entry takes besides its payload: names, hash and dictionary entries."""


class ContentCache:
    """Packed contents that were verified, by owner and id. Takes at most `max_bytes`: what was used longest ago
    goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, str], Packed] = OrderedDict()
        self._ids: dict[str, set[str]] = {}
        self.bytes = 0

    def find(self, owner_id: str, id: str) -> Packed | None:
        """Returns the content, or None if it is not here."""
        packed = self._entries.get((owner_id, id))
        if packed is not None:
            self._entries.move_to_end((owner_id, id))
        return packed

    def keep(self, owner_id: str, id: str, packed: Packed) -> None:
        """Adds a content. One that is larger than the whole cache is not added."""
        if _size(packed) > self._max_bytes or (owner_id, id) in self._entries:
            return
        self._entries[owner_id, id] = packed
        self._ids.setdefault(owner_id, set()).add(id)
        self.bytes += _size(packed)
        while self.bytes > self._max_bytes:
            self._remove(*next(iter(self._entries)))

    def forget(self, owner_id: str) -> None:
        """Removes every content of an owner."""
        for id in tuple(self._ids.get(owner_id, ())):
            self._remove(owner_id, id)

    def _remove(self, owner_id: str, id: str) -> None:
        self.bytes -= _size(self._entries.pop((owner_id, id)))
        ids = self._ids[owner_id]
        ids.remove(id)
        if not ids:
            del self._ids[owner_id]


def _size(packed: Packed) -> int:
    return len(packed.payload) + ENTRY_BYTES
