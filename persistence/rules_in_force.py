"""The rules by which processes delete. If they have different ones, the one that keeps most is in force.

One stored document has every value that a process has confirmed, and when. A value is no longer in force if no
process has confirmed it for a day.
"""

import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator

from persistence.background import Background
from persistence.documents import Document, Timestamp, now
from persistence.errors import Contended, CorruptItem, ItemChanged, ItemNotFound, PersistenceError
from persistence.faults import named
from persistence.retry import Attempts
from persistence.storage.containers import SESSIONS, TIMERS_PARTITION
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine

ID = "rules_in_force"
IN_FORCE_FOR = timedelta(hours=24)
CONFIRM_AFTER = timedelta(hours=1)
LOOK_SECONDS = 60.0
"""How long a process relies on what it has read."""

_log = logging.getLogger(__name__)

_Values = dict[str, dict[str, datetime]]


def _number(text: str) -> str:
    """Raises ValueError if the text is no number."""
    if not math.isfinite(float(text)):
        raise ValueError("must be finite")
    return text


class ConfirmedRules(Document):
    """By the name of a setting: each value, as text, with the time when a process confirmed it last."""

    kind: Literal["rules_in_force"] = "rules_in_force"
    owner_id: str
    confirmed: dict[str, dict[Annotated[str, AfterValidator(_number)], Timestamp]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of this process: the name of its setting and its `own` value. A larger value keeps more."""

    rules: "RulesInForce"
    name: str
    own: float

    @property
    def value(self) -> float:
        """The value in force, as it was read last. Infinite before it was read, so that nothing is deleted."""
        return self.rules.value(self.name)

    async def look(self) -> float:
        """Returns the value in force. Reads it if this was not done within a minute. Raises StoreUnavailable."""
        await self.rules.look()
        return self.value


class RulesInForce:
    """The rules of this process, and those in force. A look is one read, and one write an hour."""

    def __init__(self, engine: Engine) -> None:
        self._stored = DocumentSet(engine, SESSIONS, ConfirmedRules)
        self._own: dict[str, float] = {}
        self._in_force: Mapping[str, float] = {}
        self._looked = self._called = -math.inf
        self._warned: set[tuple[str, float, float]] = set()

    def add(self, name: str, value: float | timedelta) -> Rule:
        """Adds a rule of this process, by the name of its setting. A duration counts in days. Reads nothing."""
        own = value / timedelta(days=1) if isinstance(value, timedelta) else float(value)
        self._own[name] = max(own, self._own.get(name, own))
        return Rule(self, name, own)

    def value(self, name: str) -> float:
        """See `Rule.value`."""
        return self._in_force.get(name, math.inf)

    async def look(self) -> None:
        """Confirms the rules of this process and reads the others, if that was not done within a minute."""
        if time.monotonic() - self._looked >= LOOK_SECONDS or self._own.keys() != self._in_force.keys():
            await self._confirm()
            self._looked = time.monotonic()

    def confirm_soon(self, background: Background) -> None:
        """Confirms the rules of this process in the background, if that was not done within an hour."""
        if time.monotonic() - self._called >= CONFIRM_AFTER.total_seconds():
            self._called = time.monotonic()
            background.start(self._try_confirm())

    async def _try_confirm(self) -> None:
        try:
            await self.look()
        except PersistenceError as exc:
            self._called = -math.inf
            _log.warning("The rules of this process are not confirmed yet: %s", named(exc))

    async def _confirm(self) -> None:
        async for _ in Attempts():
            at = now()
            try:
                current = await self._stored.read(ID, TIMERS_PARTITION)
                confirmed, etag = current.document.confirmed, current.etag
            except ItemNotFound:
                confirmed, etag = {}, None
            except CorruptItem:
                # Nothing else could repair it. The other processes confirm their rules again.
                await self._stored.discard(ID, TIMERS_PARTITION)
                continue
            changed = _confirmed(confirmed, self._own, at)
            if changed == confirmed or await self._write(changed, etag):
                self._take_over(changed)
                return
        raise Contended("rules", ID)

    async def _write(self, confirmed: _Values, etag: str | None) -> bool:
        document = ConfirmedRules(id=ID, owner_id=TIMERS_PARTITION, confirmed=confirmed)
        if etag is None:
            return await self._stored.create_once(document)
        with suppress(ItemChanged, ItemNotFound):  # another process confirms its rules
            await self._stored.replace(document, etag)
            return True
        return False

    def _take_over(self, confirmed: _Values) -> None:
        self._in_force = {name: max(map(float, confirmed[name])) for name in self._own}
        for name, value in self._in_force.items():
            if (own := self._own[name]) < value and (difference := (name, own, value)) not in self._warned:
                self._warned.add(difference)
                _log.warning(
                    "%s=%g is not applied yet: another process has %g, which holds until 24 hours after it ends",
                    *difference,
                )


def _confirmed(before: _Values, own: Mapping[str, float], at: datetime) -> _Values:
    """Returns the values that are in force at a time, with those of a process. Its times are renewed once an hour.
    Times in the future become this time: the clock of another process was wrong."""
    after = {
        name: {value: min(when, at) for value, when in values.items() if at - when < IN_FORCE_FOR}
        for name, values in before.items()
    }
    for name, number in own.items():
        values, value = after.setdefault(name, {}), f"{number:g}"
        if value not in values or at - values[value] >= CONFIRM_AFTER:
            values[value] = at
    return after
