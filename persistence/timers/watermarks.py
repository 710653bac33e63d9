"""Watermarks: how far the scans of the timers have come."""

import logging
from datetime import datetime, timedelta
from typing import Literal

from persistence.documents import Document, Timestamp, now, timestamp_text
from persistence.errors import CorruptItem, ItemChanged, ItemNotFound
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine

_log = logging.getLogger(__name__)


class Watermark(Document):
    """How far one scan has come: everything written before `until` has been looked at."""

    kind: Literal["watermark"] = "watermark"
    owner_id: str
    until: Timestamp


class Watermarks:
    """Reads watermarks and moves them on. `name` is the id of the stored watermark, one for each scan."""

    def __init__(self, engine: Engine) -> None:
        self._watermarks = DocumentSet(engine, SESSIONS, Watermark)

    async def read(self, name: str, ahead: timedelta = timedelta()) -> str | None:
        """Returns the stored time. None if there is no watermark yet.

        One that is later than now, by more than `ahead`, counts as none: the clock was put back since.
        """
        try:
            until = (await self._watermarks.read(name, TIMERS_PARTITION)).document.until
            if until <= now() + ahead:
                return timestamp_text(until)
            _log.warning("The watermark %s is later than now, %s: it counts as none", name, timestamp_text(until))
            return None
        except ItemNotFound:
            return None
        except CorruptItem:
            # Nothing else could repair it. Without it the scan looks at everything once more.
            await self._watermarks.discard(name, TIMERS_PARTITION)
            return None

    async def advance(self, name: str, until: object) -> None:
        """Moves the watermark on to a stored time. It goes back only if it is later than now. Ignores what is not
        a time."""
        try:
            at = datetime.fromisoformat(str(until))
            watermark = Watermark(id=name, owner_id=TIMERS_PARTITION, until=at)
        except ValueError:
            return  # the time of a damaged item: a later item moves the watermark on
        try:
            current = await self._watermarks.read(name, TIMERS_PARTITION)
            if current.document.until < watermark.until or current.document.until > now():
                await self._watermarks.replace(watermark, current.etag)
        except ItemNotFound:
            await self._watermarks.create_once(watermark)  # False: another run does the same work
        except ItemChanged:
            pass  # another run does the same work
