"""Damages of a session or a snapshot, and what `verify` has to say of each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from persistence.snapshots.documents import visitor_item_id
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import PAYLOAD, Engine, Item
from tests.operations.test_verify import (
    another_owner,
    another_schema,
    cut,
    flipped,
    more_bytes,
    more_visits,
    no_old_row,
)

Finding = tuple[str, str, str]
"""Fault, kind and id."""


@dataclass
class Victim:
    """A session with its contents, or a snapshot with its visitors. `found` are the faults to find."""

    engine: Engine
    id: str
    owner: str
    visitor: str = ""
    found: set[Finding] = field(default_factory=set)

    async def item(self, container: Container, id: str, partition: str) -> Item:
        return (await self.engine.read(container, id, partition)).item

    async def change(self, container: Container, id: str, partition: str, harm: Callable[[Item], Any]) -> None:
        stored = await self.engine.read(container, id, partition)
        harm(stored.item)
        await self.engine.replace(container, stored.item, stored.etag)

    async def head(self, harm: Callable[[Item], Any]) -> None:
        await self.change(SESSIONS, self.id, self.owner, harm)

    async def content(self, row: int = 0) -> str:
        """Returns the id of the content of a row of the history."""
        return f"{self.id}~{(await self.item(SESSIONS, self.id, self.owner))['revisions'][row][3]}"


def of_content(harm: Callable[[Item], Any]) -> Any:
    async def plant(victim: Victim) -> None:
        id = await victim.content()
        await victim.change(SESSIONS, id, victim.owner, harm)
        victim.found.add(("damaged", "content", id))

    return plant


def of_head(fault: str, kind: str, harm: Callable[[Item], Any]) -> Any:
    async def plant(victim: Victim) -> None:
        await victim.head(harm)
        victim.found.add((fault, kind, victim.id))

    return plant


def of_snapshot(harm: Callable[[Item], Any]) -> Any:
    async def plant(victim: Victim) -> None:
        await victim.change(SNAPSHOTS, victim.id, victim.id, harm)
        victim.found.add(("damaged", "snapshot", victim.id))

    return plant


def of_visitor(fault: str, harm: Callable[[Item], Any]) -> Any:
    async def plant(victim: Victim) -> None:
        id = visitor_item_id(victim.visitor)
        await victim.change(SNAPSHOTS, id, victim.id, harm)
        victim.found.add((fault, "visitor", id))

    return plant


def of_entry(fault: str, harm: Callable[[Item], Any]) -> Any:
    async def plant(victim: Victim) -> None:
        await victim.change(SNAPSHOT_ACCESS_LOGS, victim.id, victim.visitor, harm)
        victim.found.add((fault, "access_log", victim.id))

    return plant


def without_payload(item: Item) -> None:
    del item[PAYLOAD]


def set_row(row: int, column: int, value: Any) -> Callable[[Item], None]:
    def harm(item: Item) -> None:
        item["revisions"][row][column] = value

    return harm


async def no_content(victim: Victim) -> None:
    id = await victim.content(2)
    await victim.engine.delete(SESSIONS, id, victim.owner)
    victim.found.add(("missing", "content", id))


async def no_head(victim: Victim) -> None:
    await victim.engine.delete(SESSIONS, victim.id, victim.owner)
    victim.found.add(("missing", "session", victim.id))


async def another_reference(victim: Victim) -> None:
    await victim.head(set_row(3, 3, "gone00000000"))
    victim.found.add(("missing", "content", f"{victim.id}~gone00000000"))


async def orphan(victim: Victim) -> None:
    id = await victim.content()
    item = await victim.item(SESSIONS, id, victim.owner)
    await victim.engine.create(SESSIONS, {**item, "id": f"{victim.id}~orphan000000"})
    victim.found.add(("orphan", "content", f"{victim.id}~orphan000000"))


async def no_snapshot(victim: Victim) -> None:
    await victim.engine.delete(SNAPSHOTS, victim.id, victim.id)
    victim.found |= {("missing", "snapshot", victim.id), ("orphan", "visitor", visitor_item_id(victim.visitor))}


async def only_visits(victim: Victim) -> None:
    await victim.engine.delete(SNAPSHOTS, victim.id, victim.id)
    for person in (victim.owner, victim.visitor):
        await victim.engine.delete(SNAPSHOT_ACCESS_LOGS, victim.id, person)
    victim.found.add(("orphan", "visitor", visitor_item_id(victim.visitor)))


async def no_entry_of_owner(victim: Victim) -> None:
    await victim.engine.delete(SNAPSHOT_ACCESS_LOGS, victim.id, victim.owner)
    victim.found.add(("missing", "access_log", victim.id))


async def no_entry_of_visitor(victim: Victim) -> None:
    await victim.engine.delete(SNAPSHOT_ACCESS_LOGS, victim.id, victim.visitor)
    victim.found.add(("missing", "access_log", victim.id))


async def no_visitor(victim: Victim) -> None:
    id = visitor_item_id(victim.visitor)
    await victim.engine.delete(SNAPSHOTS, id, victim.id)
    victim.found.add(("missing", "visitor", id))


async def more_visits_of_entry(victim: Victim) -> None:
    await victim.change(SNAPSHOT_ACCESS_LOGS, victim.id, victim.visitor, more_visits)
    victim.found.add(("counted", "visitor", visitor_item_id(victim.visitor)))


OF_SESSIONS = {
    "flipped content": of_content(flipped),
    "cut content": of_content(cut),
    "no text": of_content(without_payload),
    "unknown content": of_content(another_schema),
    "unknown head": of_head("damaged", "session", another_schema),
    "no content": no_content,
    "no head": no_head,
    "no newest row": of_head("missing", "revision", lambda item: item["revisions"].pop(0)),
    "no row": of_head("missing", "revision", lambda item: item["revisions"].pop(4)),
    "no old row": of_head("missing", "revision", no_old_row),
    "another reference": another_reference,
    "another hash of the newest row": of_head("damaged", "session", set_row(0, 4, "0" * 64)),
    "another size of the newest row": of_head("damaged", "session", set_row(0, 5, 1)),
    "another size of an old row": of_head("damaged", "session", set_row(11, 5, 1)),
    "another size": of_head("damaged", "session", lambda item: item["metadata"].update(content_bytes=1)),
    "another sum": of_head("derived", "session", more_bytes),
    "orphan": orphan,
}
OF_SNAPSHOTS = {
    "flipped snapshot": of_snapshot(flipped),
    "no text": of_snapshot(without_payload),
    "another size": of_snapshot(lambda item: item["metadata"].update(content_bytes=1)),
    "no snapshot": no_snapshot,
    "only visits": only_visits,
    "no entry of the owner": no_entry_of_owner,
    "no entry of a visitor": no_entry_of_visitor,
    "no visitor": no_visitor,
    "more visits": of_visitor("counted", more_visits),
    "more visits of the entry": more_visits_of_entry,
    "unknown visitor": of_visitor("damaged", another_schema),
    "another owner": of_entry("derived", another_owner),
}
