"""Creates that can be retried: a key that the client made reserves the new id before anything is written.

A retry under the same key finds the id, and completes what was interrupted or returns what the first try created.
Records lie in their owner's partition. The daily timer removes those that are older than a day.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, Self

from persistence.documents import Document, Timestamp, now
from persistence.errors import Contended, ItemExists, ItemNotFound, KeyReused
from persistence.retry import Attempts
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine

RETENTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key that all tries of one create share, and a digest of the request that it stands for."""

    key: str
    digest: str

    def about(self, *things: str) -> Self:
        """Returns the key with a digest of these things, too: what the request says outside of its body."""
        digest = hashlib.sha256("\0".join((self.digest, *things)).encode()).hexdigest()
        return replace(self, digest=digest)


class IdempotencyRecord(Document):
    """The id that a key has reserved."""

    kind: Literal["idempotency"] = "idempotency"
    owner_id: str
    target_id: str
    digest: str
    reserved_at: Timestamp


class IdempotencyKeys:
    """The ids that keys have reserved. Keys for different things (`what`, such as "session") are independent."""

    def __init__(self, engine: Engine) -> None:
        self._records = DocumentSet(engine, SESSIONS, IdempotencyRecord)

    async def find(self, owner_id: str, what: str, key: IdempotencyKey) -> str | None:
        """Returns the id that a key has reserved. None if the key is unknown, or not yet visible on this replica.

        Raises KeyReused for a different request. One point read.
        """
        try:
            record = (await self._records.read(_record_id(what, key), owner_id)).document
        except ItemNotFound:
            return None
        if record.digest != key.digest:
            raise KeyReused
        return record.target_id

    async def reserve(self, owner_id: str, what: str, key: IdempotencyKey, id: str) -> str:
        """Reserves `id` for a key, and returns the id that the key stands for: an earlier one if there is one.

        Raises KeyReused for a different request, and Contended. One create, and a read if the key is known.
        """
        record = IdempotencyRecord(
            id=_record_id(what, key),
            owner_id=owner_id,
            target_id=id,
            digest=key.digest,
            reserved_at=now(),
        )
        async for _ in Attempts():
            with suppress(ItemExists):
                await self._records.create(record)
                return id
            # It may be invisible on this replica yet, or the timer has just removed it: then try again.
            if (reserved := await self.find(owner_id, what, key)) is not None:
                return reserved
        raise Contended(what, id)


def _record_id(what: str, key: IdempotencyKey) -> str:
    return "idem~" + hashlib.sha256(f"{what}\0{key.key}".encode()).hexdigest()
