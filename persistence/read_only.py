"""Read-only mode: everything can be read, and nothing of people is written.

The switch is one stored item, which every process reads again while it writes. A process that could not read it
for `UNREAD_MAX_SECONDS` writes nothing. What timers and processes note of themselves is still written.
"""

import asyncio
import math
import time
from contextlib import suppress
from datetime import datetime
from typing import Literal

from persistence.documents import Document, Timestamp, now
from persistence.errors import Contended, CorruptItem, ItemChanged, ItemNotFound, Maintenance, StoreUnavailable
from persistence.retry import Attempts
from persistence.storage.around import Around
from persistence.storage.charge import metered
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION, Container
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine, Item

LOOK_SECONDS = 5.0
"""How long a process relies on what it has read."""

UNREAD_MAX_SECONDS = 30.0
"""How long after it has read that writing is allowed a process writes, if it cannot read the switch again."""

ID = "read_only"


class ReadOnly(Document):
    """The switch, while it is on. `sentence` is for people whose saves wait."""

    kind: Literal["read_only"] = "read_only"
    owner_id: str = TIMERS_PARTITION
    since: Timestamp
    sentence: str | None = None


class Switch:
    """Tells whether this process may write. `always` is the setting, which wins."""

    def __init__(self, engine: Engine, *, always: bool = False) -> None:
        self.engine, self._stored = engine, DocumentSet(engine, SESSIONS, ReadOnly)
        self._always = always
        self._asking = asyncio.Lock()
        self._looked = -math.inf
        self._found: ReadOnly | None = None

    async def check(self) -> None:
        """Raises Maintenance in read-only mode, and StoreUnavailable if that is not known."""
        if self._always:
            raise Maintenance(None)
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            async with self._asking:
                if time.monotonic() - self._looked >= LOOK_SECONDS:
                    with metered():  # no part of what the caller pays
                        await self._look()
        if self._found is not None:
            raise Maintenance(self._found.sentence)

    async def is_on(self) -> bool:
        """Returns True if this process may not write, or if that is not known."""
        try:
            await self.check()
            return False
        except StoreUnavailable:
            return True

    async def turn_on(self, sentence: str | None = None) -> datetime:
        """Stores that it is on, and returns since when. Processes begin writes for up to `UNREAD_MAX_SECONDS`.

        If it is on already, only the sentence changes: there is no moment in which it is off. Raises Contended.
        """
        async for _ in Attempts():
            try:
                stored = await self.engine.read(SESSIONS, ID, TIMERS_PARTITION)
            except ItemNotFound:
                switch = ReadOnly(id=ID, since=now(), sentence=sentence)
                if await self._stored.create_once(switch):
                    return switch.since
                continue
            switch = ReadOnly(id=ID, since=self._since(stored.item), sentence=sentence)
            with suppress(ItemChanged, ItemNotFound):
                await self._stored.replace(switch, stored.etag)
                return switch.since
        raise Contended(ReadOnly.model_fields["kind"].default, ID)

    async def since(self) -> datetime | None:
        """Returns since when it is on. None if it is off. Asks the database."""
        try:
            return self._since((await self.engine.read(SESSIONS, ID, TIMERS_PARTITION)).item)
        except ItemNotFound:
            return None

    def _since(self, item: Item) -> datetime:
        try:
            return self._stored.load(item).since
        except CorruptItem:
            return now()

    async def turn_off(self) -> None:
        """Stores that it is off. Processes write again within `LOOK_SECONDS`."""
        await self._stored.discard(ID, TIMERS_PARTITION)

    async def _look(self) -> None:
        # Before the read: what it returns is at least as new.
        at = time.monotonic()
        try:
            self._found = (await self._stored.read(ID, TIMERS_PARTITION)).document
        except ItemNotFound:
            self._found = None
        except CorruptItem:
            self._found = ReadOnly(id=ID, since=now())
        except StoreUnavailable:
            if at - self._looked >= UNREAD_MAX_SECONDS:
                raise
            return
        self._looked = at


class Guarded(Around):
    """An engine that looks at the switch before each write of what belongs to people."""

    def __init__(self, engine: Engine, switch: Switch) -> None:
        super().__init__(engine)
        self._switch = switch

    async def before_write(self, container: Container, partition: object) -> None:
        if container is not SESSIONS or partition != TIMERS_PARTITION:
            await self._switch.check()
