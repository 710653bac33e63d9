"""Creates that can be repeated: a key that the client made reserves the new id before anything is written.

A repeat under the same key finds the id, completes what was interrupted, or is answered as the first one was.
Records lie in their owner's partition; the timer forgets them after a day.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from persistence.collection import Collection
from persistence.documents import Document, Timestamp, now
from persistence.engines.containers import SESSIONS
from persistence.engines.engine import Engine
from persistence.errors import Contended, ItemExists, ItemNotFound, KeyReused
from persistence.session_heads import ATTEMPTS, back_off

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
        self._records = Collection(engine, SESSIONS, Reservation)

    async def reserve(self, owner_id: str, what: str, attempt: Attempt, id: str) -> tuple[str, bool]:
        """The id that the key stands for, from now on `id` if it had none, and whether it had one. Keys of
        different kinds (`what`) are apart. Raises KeyReused for another body. One create, or a read more."""
        record_id = "idem~" + hashlib.sha256(f"{what}\0{attempt.key}".encode()).hexdigest()
        record = Reservation(
            id=record_id, owner_id=owner_id, target_id=id, digest=attempt.digest, reserved_at=now()
        )
        for number in range(ATTEMPTS):
            await back_off(number)
            with suppress(ItemExists):
                await self._records.create(record)
                return id, False
            # Not to be seen yet from here, or just forgotten by the timer: then once more.
            with suppress(ItemNotFound):
                known = (await self._records.read(record_id, owner_id)).document
                if known.digest != attempt.digest:
                    raise KeyReused
                return known.target_id, True
        raise Contended(what, id)
