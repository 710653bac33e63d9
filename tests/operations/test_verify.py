"""`verify` finds each damage, says nothing of a sound store, and mends what can be derived."""

import gzip
import json
import random
import zlib
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from operations import verify
from persistence.storage.containers import CONTAINERS, SESSIONS, Container
from persistence.storage.engine import PAYLOAD, Engine, Item
from tests.operations.store import everything, filled, terminal
from tests.support.clock import Clock

BY_NAME = {container.name: container for container in CONTAINERS}
Address = tuple[str, str, str]


class Open:
    """A place whose store is open already."""

    longest_call_s = 30.0

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def opened(self, *, create: bool = False) -> AsyncIterator[Engine]:
        yield self.engine

    async def damage(self) -> None:
        """The form of a file is checked in test_damaged_files.py."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the store and of the checks."""
    clock = Clock.installed(monkeypatch)
    monkeypatch.setattr("operations.checks.now", clock)
    return clock


async def verified(
    engine: Engine, capsys: pytest.CaptureFixture[str], *, repair: bool = False
) -> tuple[int, list[dict[str, Any]]]:
    """Returns the exit status and what was found."""
    capsys.readouterr()
    pace = {"calls_per_second": None, "units_per_second": None}
    with terminal() as shown:
        status = await verify.run(Namespace(store=Open(engine), repair=repair, **pace), shown)
    *found, _ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return status, found


async def test_a_sound_store_has_nothing_to_report(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    await filled(engine)
    assert await verified(engine, capsys) == (0, [])


def cut(item: Item) -> None:
    item[PAYLOAD] = item[PAYLOAD][:-1]


def flipped(item: Item) -> None:
    """One bit that matters: gzip's header and the last bits of its stream have some that nobody reads."""
    before = gzip.decompress(item[PAYLOAD])
    while True:
        payload = bytearray(item[PAYLOAD])
        payload[random.randrange(len(payload))] ^= 1 << random.randrange(8)
        try:
            is_harmless = gzip.decompress(payload) == before
        except (OSError, EOFError, zlib.error):
            is_harmless = False
        if not is_harmless:
            item[PAYLOAD] = bytes(payload)
            return


def another_schema(item: Item) -> None:
    item["schema"] = 77


def another_title(item: Item) -> None:
    item["metadata"] = {**item["metadata"], "title": "Other"}


def more_bytes(item: Item) -> None:
    item["kept_bytes"] += 1


def no_old_row(item: Item) -> None:
    item["revisions"].pop()


def more_visits(item: Item) -> None:
    item["visits"] += 1


def another_owner(item: Item) -> None:
    item["owner_id"] = "somebody else"


def other_bytes(item: Item) -> None:
    item["snapshot_metadata"] = {**item["snapshot_metadata"], "content_bytes": 1}


def deleted(item: Item) -> None:
    item["snapshot_deleted"] = True


DAMAGES: dict[str, tuple[tuple[str, ...], Callable[[Item], None] | None, str]] = {
    # Of which kinds, what is done to the item, and the fault. None removes it.
    "cut": (("content", "snapshot"), cut, "damaged"),
    "flipped": (("content", "snapshot"), flipped, "damaged"),
    "another schema": (
        ("session", "content", "activity", "snapshot", "access_log", "visitor"),
        another_schema,
        "damaged",
    ),
    "another title": (("session",), another_title, "derived"),
    "another sum": (("session",), more_bytes, "derived"),
    "another number": (("visitor",), more_visits, "counted"),
    "another owner": (("access_log",), another_owner, "derived"),
    "other bytes": (("access_log",), other_bytes, "derived"),
    "marked as deleted": (("access_log",), deleted, "derived"),
    "no entry": (("access_log",), None, "missing"),
    "no content": (("content",), None, "missing"),
    "no visitor": (("visitor",), None, "missing"),
}


async def plant(engine: Engine, address: Address, harm: Callable[[Item], None] | None) -> None:
    name, partition, id = address
    container: Container = BY_NAME[name]
    if harm is None:
        await engine.delete(container, id, partition)
        return
    stored = await engine.read(container, id, partition)
    harm(stored.item)
    await engine.replace(container, stored.item, stored.etag)


def live(item: Item) -> bool:
    return item.get("status") != "deleted" and item.get("deleted_at") is None


@pytest.mark.one_engine
@pytest.mark.parametrize("damage", DAMAGES)
async def test_each_damage_is_found_by_id_and_kind(
    engine: Engine, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    kinds, harm, fault = DAMAGES[damage]
    await filled(engine, people=2, sessions=2)
    items = await everything(engine)
    for kind in kinds:
        address, item = next((each, item) for each, item in items.items() if item["kind"] == kind and live(item))
        await plant(engine, address, harm)
        status, found = await verified(engine, capsys)
        assert status == 1
        assert (fault, address[2]) in {(one["fault"], one["id"]) for one in found}, (kind, found)
        assert not {"person", "Título"} & set(json.dumps(found))
        stored = None if harm is None else await engine.read(BY_NAME[address[0]], address[2], address[1])
        if stored is None:
            await engine.create(BY_NAME[address[0]], item)
        else:
            await engine.replace(BY_NAME[address[0]], item, stored.etag)
        assert await verified(engine, capsys) == (0, []), "as it was"


async def test_what_can_be_derived_is_mended_and_nothing_else(
    engine: Engine, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    stores = await filled(engine, people=2, sessions=1)
    before = await everything(engine)
    addresses = {item["kind"]: address for address, item in before.items() if live(item)}
    await plant(engine, addresses["session"], more_bytes)
    await plant(engine, addresses["visitor"], more_visits)
    await plant(engine, addresses["access_log"], another_owner)
    heads = [address for address, item in before.items() if item["kind"] == "session" and live(item)]
    beside = next(address for address in heads if address != addresses["session"])
    orphan = {**before[addresses["content"]], "id": f"{beside[2]}~lost00000000", "owner_id": beside[1]}
    await engine.create(SESSIONS, orphan)
    assert [one["fault"] for one in (await verified(engine, capsys))[1]].count("orphan") == 0, "it may be in work"
    clock.at += timedelta(days=2)
    status, found = await verified(engine, capsys, repair=True)
    assert (status, {one["fault"] for one in found}) == (0, {"derived", "counted", "orphan"})
    assert all(one["repaired"] for one in found)
    assert await everything(engine) == before
    await plant(engine, addresses["content"], cut)
    status, [found_again] = await verified(engine, capsys, repair=True)
    assert (status, found_again["fault"], found_again["repaired"]) == (1, "damaged", False)
    await stores.close()


@pytest.mark.parametrize(
    ("kind", "harm", "finding"),
    [
        ("session", another_schema, ("damaged", "session")),
        ("session", None, ("missing", "session")),
        ("session", no_old_row, ("missing", "revision")),
        ("access_log", another_schema, ("damaged", "access_log")),
        ("access_log", None, ("missing", "access_log")),
    ],
)
async def test_a_repair_removes_nothing_of_what_lost_its_head_a_row_or_its_entry(
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    clock: Clock,
    kind: str,
    harm: Callable[[Item], None] | None,
    finding: tuple[str, str],
) -> None:
    """Contents of a head or a row that is lost, and the visitor that repeats a lost entry, are the last copies."""
    stores = await filled(engine, people=2, sessions=1)
    for address, item in (await everything(engine)).items():
        if item["kind"] == kind and live(item) and not (harm is no_old_row and len(item["revisions"]) == 1):
            await plant(engine, address, harm)
    before = await everything(engine)
    clock.at += timedelta(days=2)
    for _ in range(2):
        status, found = await verified(engine, capsys, repair=True)
        assert status == 1 and not any(one["repaired"] for one in found)
        assert {(one["fault"], one["kind"]) for one in found if one["kind"] == finding[1]} == {finding}
    assert await everything(engine) == before
    await stores.close()


async def test_contents_without_a_head_or_a_line_stay(
    engine: Engine, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    """Lines are kept for a time only, so nobody knows whether a person has deleted the session."""
    stores = await filled(engine, people=1, sessions=1)
    for address, item in (await everything(engine)).items():
        if item["kind"] in ("session", "activity"):
            await plant(engine, address, None)
    before = await everything(engine)
    clock.at += timedelta(days=2)
    status, found = await verified(engine, capsys, repair=True)
    assert status == 1 and {("orphan", "content")} <= {(one["fault"], one["kind"]) for one in found}
    assert not any(one["repaired"] for one in found)
    assert await everything(engine) == before
    await stores.close()


async def test_a_head_from_before_sums_were_kept_has_lost_no_row(
    engine: Engine, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    """What an interrupted save left beside it is an orphan."""
    stores = await filled(engine, people=1, sessions=1, versions=2)
    items = await everything(engine)
    head = next(item for item in items.values() if item["kind"] == "session" and live(item))
    [(address, content)] = [
        each for each in items.items() if each[1]["kind"] == "content" and each[0][2] == head["content_id"]
    ]
    container, owner, _ = address
    left = {**content, "id": f"{head['id']}~left-over"}
    await engine.create(SESSIONS, left)
    await plant(engine, (container, owner, head["id"]), lambda item: item.pop("kept_bytes"))
    clock.at += timedelta(days=2)
    _, found = await verified(engine, capsys, repair=True)
    assert ("missing", "revision") not in {(one["fault"], one["kind"]) for one in found}
    assert [(one["fault"], one["repaired"]) for one in found if one["id"] == left["id"]] == [("orphan", True)]
    await stores.close()
