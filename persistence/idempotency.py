"""Creates that can be repeated: a key that the client made reserves the new id before anything is written.

A repeat under the same key finds the id, completes what was interrupted, or is answered as the first one was.
Records lie in their owner's partition; the timer forgets them after a day.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from persistence.documents import Document, Timestamp, now
from persistence.errors import Contended, ItemExists, ItemNotFound, KeyReused
from persistence.retry import Attempts
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine

RETENTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a client says of a create: the key that all its tries share, and the digest of their body."""

    key: str
    digest: str


class Reservation(Document):
    """The id that a key stands for."""

    kind: Literal["idempotency"] = "idempotency"
    owner_id: str
    target_id: str
    digest: str
    reserved_at: Timestamp


class Reservations:
    """Which key reserved which id."""

    def __init__(self, engine: Engine) -> None:
        self._records = DocumentSet(engine, SESSIONS, Reservation)

    async def find(self, owner_id: str, what: str, attempt: Attempt) -> str | None:
        """The id that the key stands for; None where it has none, or none that is to be seen yet from here. Raises
        KeyReused for another body. One point read."""
        try:
            known = (await self._records.read(_record_id(what, attempt), owner_id)).document
        except ItemNotFound:
            return None
        if known.digest != attempt.digest:
            raise KeyReused
        return known.target_id

    async def reserve(self, owner_id: str, what: str, attempt: Attempt, id: str) -> str:
        """The id that the key stands for, from now on `id` if it had none. Keys of different kinds (`what`) are
        apart. Raises KeyReused for another body. One create, or a read more."""
        record = Reservation(
            id=_record_id(what, attempt),
            owner_id=owner_id,
            target_id=id,
            digest=attempt.digest,
            reserved_at=now(),
        )
        async for _ in Attempts():
            with suppress(ItemExists):
                await self._records.create(record)
                return id
            # Not to be seen yet from here, or just forgotten by the timer: then once more.
            if (known := await self.find(owner_id, what, attempt)) is not None:
                return known
        raise Contended(what, id)


def _record_id(what: str, attempt: Attempt) -> str:
    return "idem~" + hashlib.sha256(f"{what}\0{attempt.key}".encode()).hexdigest()
