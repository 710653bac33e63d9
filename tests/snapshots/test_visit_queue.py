"""Visits wait in memory until they are written together. None is lost while the process lives. On each engine."""

import asyncio
import logging
from collections import Counter

import pytest

from persistence import Stores, stores_over
from persistence.errors import StoreUnavailable
from persistence.snapshots.documents import AccessLog
from persistence.storage.containers import SNAPSHOT_ACCESS_LOGS, SNAPSHOTS, Container
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Watched
from tests.support.clock import Clock
from tests.support.engines import CountingReads
from tests.support.snapshots import GRACE, OWNER, VISITOR, damage, entry_of, new, stored, visit, visitors_of
from tests.support.timers import clean_up

QUEUE = "persistence.snapshots.visit_queue"
MANY, SOAK_MANY = {"sqlite": 1_000, "cosmos": 200}, 10_000


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.retry._BASE_SECONDS", 0.000_1)


@pytest.fixture
async def waiting(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> str:
    """A snapshot whose next visit waits for an hour, or until something hurries it. Returns its id."""
    monkeypatch.setattr(f"{QUEUE}.GROUP_SECONDS", 3_600)
    made = await stores.snapshots.create(OWNER, new("Title", description="About"))
    # Of somebody else: the first visit after a quiet second is written at once.
    await visit(stores, "cleo", made.id)
    return made.id


class Held(Watched):
    """Holds patches of entries from `hold` on until they are released. Counts them, and those held at once."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.is_held, self.is_released = asyncio.Event(), asyncio.Event()
        self.is_released.set()

    def hold(self) -> None:
        self.is_held.clear()
        self.is_released.clear()
        self.patches = self.at_once = self.most_at_once = 0

    async def before(self, verb: str, container: Container) -> None:
        if (verb, container) == ("patch", SNAPSHOT_ACCESS_LOGS) and not self.is_released.is_set():
            self.patches += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.is_held.set()
            await self.is_released.wait()
            self.at_once -= 1


async def assert_visits(engine: Engine, snapshot_id: str, expected: dict[str, int]) -> None:
    """Asserts that entries and visitor items have these visits of people, besides the owner's."""
    entries = await stored(engine, SNAPSHOT_ACCESS_LOGS, AccessLog)
    visits = {entry["visitor_id"]: entry["visits"] for entry in entries if entry["visitor_id"] != OWNER}
    assert visits == expected
    visitors = {id: one.visits for id, one in (await visitors_of(engine, snapshot_id)).items() if id != OWNER}
    assert visitors == expected


async def open_by_many(stores: Stores, people: int) -> None:
    """Lets many people open a snapshot as fast as they can, some of them twice. Then writes what waits."""
    made = await stores.snapshots.create(OWNER, new())
    twice = [f"person {number}" for number in (*range(people), *range(0, people, 3))]
    names = iter(twice)

    async def open_one_after_the_other() -> None:
        for name in names:
            await stores.snapshots.get(name, made.id)

    await asyncio.gather(*(open_one_after_the_other() for _ in range(100)))
    await stores.access_logs.drain()
    await assert_visits(stores.engine, made.id, Counter(twice))
    stats = await stores.snapshots.stats(OWNER, made.id)
    assert (stats.visits, stats.visitors) == (len(twice) + 1, people + 1)


async def test_every_visit_of_many_people_is_written(engine: Engine, engine_name: str) -> None:
    class Slow(Watched):
        """The first group takes longer than a second."""

        async def before(self, verb: str, container: Container) -> None:
            if (verb, container) == ("create", SNAPSHOT_ACCESS_LOGS):
                await asyncio.sleep(max(0, until - loop.time()))

    loop = asyncio.get_running_loop()
    until = loop.time() + 1.2
    await open_by_many(stores_over(Slow(engine), SETTINGS.store_rules()), MANY[engine_name])


@pytest.mark.soak
@pytest.mark.timeout(1_200)
async def test_every_visit_of_ten_thousand_people_is_written(stores: Stores) -> None:
    await open_by_many(stores, SOAK_MANY)


async def test_visits_of_one_person_are_written_as_one_and_one_after_the_other(engine: Engine) -> None:
    held = Held(counting := CountingReads(engine))
    stores = stores_over(held, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    counting.forget()
    held.hold()
    for _ in range(50):
        await stores.snapshots.get(VISITOR, made.id)
        await held.is_held.wait()
    assert held.patches == 1
    held.is_released.set()
    await stores.access_logs.drain()
    await assert_visits(engine, made.id, {VISITOR: 50})
    # The first visit creates both items, if it finds none. The others are added together.
    assert counting.verbs.count("create") == 2 and counting.verbs.count("patch") == 4


async def test_draining_writes_at_once_what_waits(stores: Stores, waiting: str) -> None:
    for _ in range(3):
        await stores.snapshots.get(VISITOR, waiting)
    assert await entry_of(stores.engine, VISITOR, waiting) is None
    await stores.access_logs.drain()
    await assert_visits(stores.engine, waiting, {"cleo": 1, VISITOR: 3})


async def test_an_erasure_finds_the_first_visit_that_waits(stores: Stores, waiting: str) -> None:
    await stores.snapshots.get(VISITOR, waiting)
    for erase in (kind.erase for kind in stores.kinds if kind.erase is not None):
        async for _ in erase.run(VISITOR):
            pass
    await stores.access_logs.drain()
    await assert_visits(stores.engine, waiting, {"cleo": 1})


async def test_a_visit_during_the_count_of_another_does_not_come_after_the_removal(engine: Engine) -> None:
    held = Held(engine)
    stores = stores_over(held, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    held.hold()
    for _ in range(2):
        await stores.snapshots.get(VISITOR, made.id)
        await held.is_held.wait()
    removing = asyncio.create_task(stores.access_logs.remove(VISITOR, made.id))
    await asyncio.sleep(0)
    held.is_released.set()
    await removing
    await stores.access_logs.drain()
    await assert_visits(engine, made.id, {})


async def test_a_visit_before_a_deletion_that_is_counted_after_it_is_settled_by_the_timer(
    stores: Stores, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    await stores.snapshots.get(VISITOR, waiting)
    await stores.snapshots.delete(OWNER, waiting)
    await stores.access_logs.drain()
    clock.advance(seconds=GRACE.total_seconds() + 1)
    await clean_up(stores)
    entry = await entry_of(stores.engine, VISITOR, waiting)
    assert entry is not None and entry.visits == 1
    assert entry.snapshot_deleted and entry.snapshot_metadata.description is None
    assert await visitors_of(stores.engine, waiting) == {}


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("is_applied", [False, True], ids=["not applied", "applied"])
@pytest.mark.parametrize("container", [SNAPSHOT_ACCESS_LOGS, SNAPSHOTS], ids=["row", "visitor item"])
async def test_a_write_that_fails_is_tried_again_and_counts_once(
    engine: Engine, container: Container, is_applied: bool
) -> None:
    class Fails(Watched):
        """Raises in place of, or after, the next write."""

        left = 0

        async def before(self, verb: str, container_: Container) -> None:
            if not is_applied:
                self._fail(verb, container_)

        async def after(self, verb: str, container_: Container) -> None:
            if is_applied:
                self._fail(verb, container_)

        def _fail(self, verb: str, container_: Container) -> None:
            if self.left and container_ is container and verb in ("patch", "create"):
                self.left -= 1
                raise StoreUnavailable

    failing = Fails(engine)
    stores = stores_over(failing, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    for visits in range(1, 4):
        failing.left = 1 if is_applied else 3
        await visit(stores, VISITOR, made.id)
        assert failing.left == 0
        await assert_visits(engine, made.id, {VISITOR: visits})


@pytest.mark.usefixtures("quick_retries")
async def test_a_process_that_ends_tries_less_often(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    class Refuses(Watched):
        tries = 0
        refusing = False

        async def before(self, verb: str, container: Container) -> None:
            if self.refusing and (verb, container) == ("patch", SNAPSHOT_ACCESS_LOGS):
                self.tries += 1
                raise StoreUnavailable

    refuses = Refuses(engine)
    stores = stores_over(refuses, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    refuses.refusing = True
    await stores.snapshots.get(VISITOR, made.id)
    await stores.shared.background.drain()
    assert refuses.tries == 5
    assert "1 visits were not counted" in caplog.text


@pytest.mark.usefixtures("quick_retries")
async def test_what_cannot_be_written_is_logged_with_its_number(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    held = Held(engine)
    stores = stores_over(held, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    await visit(stores, VISITOR, made.id)
    await damage(engine, SNAPSHOT_ACCESS_LOGS, made.id, VISITOR, visits="many")
    held.hold()
    caplog.set_level(logging.ERROR)
    for _ in range(4):
        await stores.snapshots.get(VISITOR, made.id)
        await held.is_held.wait()
    held.is_released.set()
    await stores.access_logs.drain()
    lost = [record.getMessage() for record in caplog.records if record.name == QUEUE]
    assert [message.partition(" visits were not counted")[0] for message in lost] == ["1", "3"]
    assert VISITOR not in "".join(lost)


async def test_an_open_waits_for_room_in_a_full_queue(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{QUEUE}.WAITING_MAX", 2)
    monkeypatch.setattr(f"{QUEUE}.ROOM_SECONDS", 3_600)
    held = Held(engine)
    stores = stores_over(held, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    held.hold()
    people = [f"person {number}" for number in range(40)]
    opens = [asyncio.create_task(stores.snapshots.get(person, made.id)) for person in people]
    while held.at_once < 32:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # enough for the rest, if they did not wait
    assert not all(task.done() for task in opens)
    held.is_released.set()
    await asyncio.gather(*opens)
    await stores.access_logs.drain()
    await assert_visits(engine, made.id, dict.fromkeys(people, 1))
    assert held.most_at_once == 32


async def test_an_open_waits_for_room_no_longer_than_a_while_and_counts_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{QUEUE}.WAITING_MAX", 2)
    monkeypatch.setattr(f"{QUEUE}._LOST_FROM", 6)
    monkeypatch.setattr(f"{QUEUE}.ROOM_SECONDS", 0.01)
    monkeypatch.setattr(f"{QUEUE}._CONCURRENCY", 1)
    held = Held(engine)
    stores = stores_over(held, SETTINGS.store_rules())
    made = await stores.snapshots.create(OWNER, new())
    held.hold()
    people = [f"person {number}" for number in range(9)]
    await stores.snapshots.get(people[0], made.id)
    await held.is_held.wait()
    for person in people[1:]:
        _, content = await stores.snapshots.get(person, made.id)
        assert content == b"one"
    held.is_released.set()
    await stores.access_logs.drain()
    await assert_visits(engine, made.id, dict.fromkeys(people[:7], 1))
    assert [record.args for record in caplog.records if record.name == QUEUE] == [(2,)]
