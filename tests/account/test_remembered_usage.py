"""A process remembers what a person stores, with its own writes, so that limits and usage cost little."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from pytest_mock import MockerFixture

from persistence import Rules, Stores, stores_over
from persistence.content import pack
from persistence.errors import StorageFull, StoreUnavailable, TooMany
from persistence.limits import LimitRules
from persistence.sessions.documents import NewSession, SessionChange, SessionHead
from persistence.sessions.revisions import SessionAction
from persistence.snapshots.documents import NewSnapshot
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Query
from tests.support.breaking import Refuses
from tests.support.engines import Around, CountingReads

OWNER, DRAFT = "ann", "draft-000001"
SECONDS = 10.0


def limited(engine: Engine, sessions: int = 100, stored_bytes: int = 1000) -> Stores:
    counts = {"sessions": sessions, "drafts": 100, "snapshots": 100}
    limits = LimitRules(counts, {"stored_bytes": stored_bytes}, timedelta(seconds=SECONDS))
    return stores_over(engine, Rules(limits=limits))


def new(content: str = "12345") -> NewSession:
    return NewSession(title="First", description=None, content=pack(content))


async def create(stores: Stores, content: str = "12345") -> SessionHead:
    return await stores.sessions.create(OWNER, new(content))


@pytest.fixture
def clock(mocker: MockerFixture) -> Callable[[float], None]:
    """Lets seconds pass for what is remembered."""
    clock = mocker.patch("persistence.remembered.time.monotonic", return_value=1000.0)

    def wait(seconds: float) -> None:
        clock.return_value += seconds

    return wait


async def test_many_writes_count_only_once_in_a_while(engine: Engine, clock: Callable[[float], None]) -> None:
    counting = CountingReads(engine)
    stores = limited(counting)
    head = await create(stores)
    first = counting.verbs.count("aggregate")
    assert first == 3  # the sessions, and the bytes in two containers
    for number in range(5):
        await create(stores)
        await stores.sessions.save(OWNER, head.id, SessionChange(content=pack("x" * (10 + number))))
    assert counting.verbs.count("aggregate") == first
    clock(SECONDS)
    await create(stores)
    assert counting.verbs.count("aggregate") == 2 * first


async def test_its_own_writes_are_never_forgotten(engine: Engine, clock: Callable[[float], None]) -> None:
    stores = limited(engine, sessions=3, stored_bytes=20)
    head = await create(stores)
    await create(stores)
    with pytest.raises(StorageFull):
        await stores.sessions.save(OWNER, head.id, SessionChange(content=pack("x" * 16)))
    await stores.sessions.save(OWNER, head.id, SessionChange(content=pack("x" * 15)))
    await create(stores, "")
    with pytest.raises(TooMany):
        await create(stores, "")
    with pytest.raises(StorageFull):
        await stores.drafts.put(OWNER, DRAFT, SessionChange(content=pack("x")))


async def test_what_was_freed_can_be_used_at_once(engine: Engine, clock: Callable[[float], None]) -> None:
    stores = limited(engine, sessions=1, stored_bytes=5)
    for _ in range(3):
        head = await create(stores)
        await stores.sessions.delete(OWNER, head.id)
    snapshot = await stores.snapshots.create(OWNER, NewSnapshot(title="First", content=pack("12345")))
    await stores.snapshots.delete(OWNER, snapshot.id)
    await create(stores)


async def test_a_write_that_failed_takes_no_room(engine: Engine, clock: Callable[[float], None]) -> None:
    broken = Refuses(engine, SESSIONS, "commit")
    stores = limited(broken, sessions=2, stored_bytes=10)
    await create(stores)
    broken.refusing = True
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await create(stores)
    broken.refusing = False
    await create(stores)
    with pytest.raises(TooMany):
        await create(stores)


async def test_writes_of_another_process_count_when_the_time_is_over(
    engine: Engine, clock: Callable[[float], None]
) -> None:
    one, other = limited(engine, sessions=2), limited(engine, sessions=2)
    await create(one)
    await create(other)
    assert (await one.limits.usage(OWNER))["sessions"] == 2
    await create(one)  # the last moment of what it remembers
    clock(SECONDS)
    for stores in (one, other):
        with pytest.raises(TooMany) as refused:
            await create(stores)
        assert refused.value.used == 3


async def test_a_process_that_knows_too_much_counts_before_it_refuses(
    engine: Engine, clock: Callable[[float], None]
) -> None:
    one, other = limited(engine, sessions=2), limited(engine, sessions=2)
    heads = [await create(one), await create(one)]
    await other.sessions.delete(OWNER, heads[0].id)
    await create(one)


CHANGES: dict[str, Callable[[Stores, SessionHead], Awaitable[object]]] = {
    "create": lambda stores, head: create(stores),
    "save": lambda stores, head: stores.sessions.save(OWNER, head.id, SessionChange(content=pack("other"))),
    "close": lambda stores, head: stores.sessions.move(OWNER, head.id, SessionAction.CLOSED),
    "delete": lambda stores, head: stores.sessions.delete(OWNER, head.id),
    "erase": lambda stores, head: stores.sessions.erase(OWNER, head.id),
    "draft": lambda stores, head: stores.drafts.put(OWNER, DRAFT, SessionChange(content=pack("d"))),
    "promote": lambda stores, head: stores.drafts.promote(OWNER, DRAFT),
    "snapshot": lambda stores, head: stores.snapshots.create(OWNER, NewSnapshot(session_id=head.id)),
}


async def test_the_usage_shows_its_own_writes_at_once(engine: Engine, clock: Callable[[float], None]) -> None:
    stores = limited(engine)
    await stores.drafts.put(OWNER, DRAFT, SessionChange(content=pack("draft")))
    for name, change in CHANGES.items():
        head = await create(stores)
        await stores.limits.usage(OWNER)
        await change(stores, head)
        assert await stores.limits.usage(OWNER) == await limited(engine).limits.usage(OWNER), name
    snapshot = await stores.snapshots.create(OWNER, NewSnapshot(title="First", content=pack("12345")))
    assert (await stores.limits.usage(OWNER))["snapshots"] == 2
    await stores.snapshots.delete(OWNER, snapshot.id)
    assert (await stores.limits.usage(OWNER))["snapshots"] == 1


async def test_the_usage_is_counted_once_in_a_while_if_nothing_changes(
    engine: Engine, clock: Callable[[float], None]
) -> None:
    counting = CountingReads(engine)
    stores = limited(counting)
    await create(limited(engine))
    usage = await stores.limits.usage(OWNER)
    asked = len(counting.asked)
    await create(limited(engine))
    clock(SECONDS - 0.1)
    assert await stores.limits.usage(OWNER) == usage
    assert len(counting.asked) == asked
    clock(0.1)
    assert (await stores.limits.usage(OWNER))["sessions"] == usage["sessions"] + 1


class WritesMeanwhile(Around):
    """Lets something be written as soon as an aggregate has its result."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.write: Callable[[], Awaitable[object]] | None = None

    async def aggregate(
        self, container: Container, query: Query, function: Aggregate, path: str = "id"
    ) -> int | float | str | None:
        result = await super().aggregate(container, query, function, path)
        if self.write is not None:
            write, self.write = self.write, None
            await write()
        return result


async def test_a_write_while_the_usage_is_counted_is_in_the_next_usage(
    engine: Engine, clock: Callable[[float], None]
) -> None:
    around = WritesMeanwhile(engine)
    stores = limited(around)
    around.write = lambda: create(stores)
    await stores.limits.usage(OWNER)
    all_bytes = {"stored_bytes": 5, "kept_bytes": 5, "trash_bytes": 0}
    assert await stores.limits.usage(OWNER) == {"sessions": 1, "drafts": 0, "snapshots": 0, **all_bytes}


async def test_of_many_at_once_only_as_many_pass_as_are_allowed(
    engine: Engine, clock: Callable[[float], None]
) -> None:
    stores = limited(engine, sessions=5)
    await create(stores)
    results = await asyncio.gather(*(create(stores) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(result, SessionHead) for result in results) == 4
    assert all(isinstance(result, SessionHead | TooMany) for result in results)
