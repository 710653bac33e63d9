"""Atomic sync against other writers, lost answers and dying engines: all or nothing every time."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from persistence.conditions import Conditions
from persistence.content import pack
from persistence.errors import (
    Changed,
    Contended,
    ItemsRefused,
    ItemsStale,
    NotFound,
    PersistenceError,
    StoreUnavailable,
)
from persistence.idempotency import IdempotencyKey
from persistence.retry import ATTEMPTS
from persistence.sessions.documents import SessionChange, SessionHead
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.storage.containers import Container
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import Create, Engine, Replace
from persistence.sync.items import SaveItem, SyncItem
from persistence.sync.store import SyncStore
from tests.conftest import new_cosmos_account
from tests.sessions.test_no_lost_update import lose_responses
from tests.support.activity import Witness, assert_told
from tests.support.breaking import Dies
from tests.support.engines import AnswersLost, Around, CountingReads, LateReads
from tests.support.faults import FaultProxy
from tests.support.interleaved import Program, interleave, orders
from tests.support.sessions import OWNER, assert_sound, saving, session_store, stored_heads
from tests.support.sync import KEY, LARGE, create, etags, id_of, save, some, sync_store

RULES = SessionRules(keep_revisions=400)
MANY = 3
"""Sessions that each sync changes."""


def marked(mark: str, if_match: Sequence[str | None] = (None,) * MANY, content: str = "") -> list[SyncItem]:
    """Returns items that leave a mark in each session: its title."""
    change = SessionChange(title=mark, content=pack(mark + content))
    return [SaveItem(id_of(number), change, tag) for number, tag in enumerate(if_match)]


async def marks(engine: Engine) -> dict[str, set[str]]:
    """Returns for each mark the sessions whose history has it."""
    found: dict[str, set[str]] = defaultdict(set)
    for head in await stored_heads(engine):
        for revision in head.revisions:
            found[revision.title].add(head.id)
    return found


async def assert_whole(engine: Engine, outcomes: dict[str, object]) -> None:
    """Asserts that a mark of a sync is in all sessions, or in none if it was refused. Without an outcome, both are
    possible."""
    found = await marks(engine)
    everywhere = {id_of(number) for number in range(MANY)}
    for mark, outcome in outcomes.items():
        if isinstance(outcome, StoreUnavailable):
            assert found[mark] in (set(), everywhere), mark
        elif isinstance(outcome, PersistenceError):
            assert found[mark] == set(), mark
        else:
            assert found[mark] == everywhere, (mark, outcome)


async def heads_of(engine: Engine) -> list[SessionHead]:
    return sorted(await stored_heads(engine), key=lambda head: head.id)


async def test_forty_rounds_of_eight_writers_with_one_etag_each(engine: Engine) -> None:
    """Four syncs and four single saves, from two instances."""
    witness = Witness(engine)
    stores = [(sync_store(witness, RULES), session_store(witness, RULES)) for _ in range(2)]
    await some(witness, MANY)
    won = {"sync": 0, "single": 0}
    for round in range(40):
        outcomes = await race(stores, round, etags(await heads_of(engine)))
        syncs, singles = outcomes[:4], outcomes[4:]
        assert all(isinstance(one, ItemsStale | list) for one in syncs), outcomes
        assert all(isinstance(one, Changed | SessionHead) for one in singles), outcomes
        await assert_whole(engine, {f"{round} sync {number}": one for number, one in enumerate(syncs)})
        together = sum(isinstance(one, list) for one in syncs)
        alone = sum(isinstance(one, SessionHead) for one in singles)
        assert (together, alone) == (1, 0) or (together == 0 and 1 <= alone <= MANY), outcomes
        won["sync" if together else "single"] += 1
    assert min(won.values()) > 0, won
    await assert_sound(engine)
    await assert_told(engine, witness)


async def race(stores: Sequence[tuple[SyncStore, SessionStore]], round: int, tags: Sequence[str]) -> list[object]:
    """Lets four syncs and four single saves begin at once, in an order that changes. A single save is faster than
    a sync, so it waits a random time. Returns the outcomes."""
    barrier = asyncio.Barrier(8)
    draw = random.Random(round)

    async def sync(number: int) -> object:
        await barrier.wait()
        return await stores[number % 2][0].apply_together(OWNER, marked(f"{round} sync {number}", tags))

    async def single(number: int) -> object:
        target = number % MANY
        change = SessionChange(title=f"{round} single {number}")
        await barrier.wait()
        await asyncio.sleep(draw.choice([0, 0.1]))
        return await stores[number % 2][1].save(OWNER, id_of(target), change, Conditions({tags[target]}))

    writers = [sync(number) for number in range(4)] + [single(number) for number in range(4)]
    first = round % 8
    outcomes = await asyncio.gather(*writers[first:], *writers[:first], return_exceptions=True)
    return list(outcomes[8 - first :] + outcomes[: 8 - first])


async def test_syncs_and_saves_without_conditions_all_win_in_turn(engine: Engine) -> None:
    stores = [(sync_store(engine, RULES), session_store(engine, RULES)) for _ in range(2)]
    await some(engine, MANY)
    syncs = [stores[n % 2][0].apply_together(OWNER, marked(f"sync {n}")[:: 1 - 2 * (n % 2)]) for n in range(8)]
    singles = [stores[n % 2][1].save(OWNER, id_of(n % MANY), saving(f"single {n}")) for n in range(9)]
    outcomes: list[Any] = await asyncio.gather(*syncs, *singles, return_exceptions=True)
    await assert_whole(engine, {f"sync {n}": outcomes[n] for n in range(8)})
    for one in outcomes:
        assert not isinstance(one, BaseException) or isinstance(one, Contended), one
    done = sum(isinstance(one, list) for one in outcomes[:8])
    versions = [head.metadata.version for head in await heads_of(engine)]
    assert sum(versions) == MANY + MANY * done + sum(isinstance(one, SessionHead) for one in outcomes[8:])
    assert done >= 4
    await assert_sound(engine)


@pytest.mark.parametrize("seed", range(3))
async def test_late_reads_let_nothing_be_half_done(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed)
    await some(late, MANY)
    stores = [(sync_store(late, RULES), session_store(late, RULES)) for _ in range(3)]
    outcomes: dict[str, object] = {}
    for round in range(3):
        syncs = {f"{round} {n}": stores[n % 3][0].apply_together(OWNER, marked(f"{round} {n}")) for n in range(4)}
        singles = [stores[n % 3][1].save(OWNER, id_of(n % MANY), saving(f"{round} {n}")) for n in range(4)]
        done = await asyncio.gather(*syncs.values(), *singles, return_exceptions=True)
        for one in done:
            allowed = Contended | NotFound | ItemsRefused
            assert not isinstance(one, BaseException) or isinstance(one, allowed), one
        outcomes |= dict(zip(syncs, done, strict=False))
    assert late.answered_late > 0 and any(isinstance(one, list) for one in outcomes.values())
    await assert_whole(engine, outcomes)
    await assert_sound(engine)


@pytest.mark.parametrize("seed", range(3))
async def test_late_reads_let_no_stale_item_through(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed)
    heads = await some(late, MANY)
    stores = [sync_store(late, RULES) for _ in range(3)]
    outcomes: dict[str, object] = {}
    for round in range(4):
        tags = etags(heads)
        syncs = {
            f"{round} {n}": stores[n % 3].apply_together(OWNER, marked(f"{round} {n}", tags)) for n in range(6)
        }
        done: list[Any] = await asyncio.gather(*syncs.values(), return_exceptions=True)
        outcomes |= dict(zip(syncs, done, strict=True))
        [heads] = [one for one in done if isinstance(one, list)]
        # A stale read may find a new session missing.
        assert sum(isinstance(one, ItemsRefused | Contended) for one in done) == 5
    await assert_whole(engine, outcomes)
    assert [head.metadata.version for head in await heads_of(engine)] == [5] * MANY
    await assert_sound(engine)


@pytest.mark.parametrize("content", ["", LARGE], ids=["one commit", "contents first"])
@pytest.mark.parametrize("has_key", [True, False])
async def test_a_sync_whose_answer_was_lost_is_done_once(engine: Engine, content: str, has_key: bool) -> None:
    heads = await some(engine, MANY)
    lossy = AnswersLost(engine, ["replace", "create"], times=1 if content == "" else MANY + 1)
    items = [*marked("mine", etags(heads), content), create(10)]
    synced = await sync_store(lossy).apply_together(OWNER, items, KEY if has_key else None)
    assert lossy.times == 0
    assert [one.metadata.version for one in synced] == [2, 2, 2, 1]
    assert etags(await heads_of(engine)) == etags(synced)
    await assert_sound(engine)


async def test_creations_whose_answer_was_lost_are_done_once(engine: Engine) -> None:
    lossy = AnswersLost(engine, ["commit"])
    synced = await sync_store(lossy).apply_together(OWNER, [create(0), create(1)])
    assert lossy.times == 0 and await heads_of(engine) == synced
    await assert_sound(engine)


async def test_after_a_lost_answer_it_returns_its_own_versions_not_later_ones(engine: Engine) -> None:
    heads = await some(engine, MANY)
    others = session_store(engine)
    lossy = AnswersLost(engine, ["replace"])

    async def others_save() -> None:
        for number in range(MANY):
            await others.save(OWNER, id_of(number), saving("another's"))

    lossy.meanwhile = others_save
    tags = etags(heads)
    # The last item changes nothing, so no save id tells that it was committed.
    items = [*marked("mine", tags)[:2], save(2, "one", tags[2])]
    synced = await sync_store(lossy).apply_together(OWNER, items)
    assert [one.metadata.version for one in synced] == [2, 2, 1]
    assert [head.metadata.version for head in await heads_of(engine)] == [3, 3, 2]
    with pytest.raises(ItemsStale):
        await sync_store(engine).apply_together(OWNER, marked("again", etags(synced)))
    await assert_sound(engine)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("content", ["", LARGE], ids=["one commit", "contents first"])
async def test_an_engine_that_dies_at_any_write_leaves_all_or_nothing(
    engine: Engine, content: str, applied: bool
) -> None:
    await some(engine, MANY)
    writes = 1 if content == "" else MANY + 1
    for at in range(1, writes + 2):
        mark = f"at {at}"
        try:
            outcome: object = await sync_store(Dies(engine, at, applied)).apply_together(
                OWNER, marked(mark, content=content), IdempotencyKey(mark, mark)
            )
        except StoreUnavailable as exc:
            outcome = exc
        assert isinstance(outcome, list) == (at > writes)
        await assert_whole(engine, {mark: outcome})
        was_there = mark in await marks(engine)
        assert was_there == (at > writes or (at == writes and applied))
        before = [head.metadata.version for head in await heads_of(engine)]
        again = await sync_store(engine).apply_together(
            OWNER, marked(mark, content=content), IdempotencyKey(mark, mark)
        )
        await assert_whole(engine, {mark: again})
        after = [head.metadata.version for head in await heads_of(engine)]
        assert after == before if was_there else after == [version + 1 for version in before]
    await assert_sound(engine)


def syncing(mark: str, tags: Sequence[str]) -> Program:
    return lambda over: sync_store(over).apply_together(OWNER, marked(mark, tags))


def single_save(content: str, tag: str) -> Program:
    return lambda over: session_store(over).save(OWNER, id_of(1), saving(content), Conditions({tag}))


async def test_a_sync_and_a_save_in_every_order_have_one_end(engine: Engine) -> None:
    won = set()
    await some(engine, 2)
    for number, order in enumerate(orders(3, 2)):
        heads = await heads_of(engine)
        tags, before = etags(heads), [head.metadata.version for head in heads]
        programs = syncing(f"sync {number}", tags), single_save(f"single {number}", tags[1])
        synced, saved = await interleave(engine, order, *programs)
        after = [head.metadata.version for head in await heads_of(engine)]
        if isinstance(synced, list):
            assert isinstance(saved, Changed) and after == [version + 1 for version in before], order
        else:
            assert isinstance(synced, ItemsStale) and isinstance(saved, SessionHead), (order, synced, saved)
            assert after == [before[0], before[1] + 1], order
        won.add(isinstance(synced, list))
    assert len(won) == 2
    await assert_sound(engine)


async def test_of_two_syncs_in_every_order_one_wins(engine: Engine) -> None:
    heads = await some(engine, 2)
    for number, order in enumerate(orders(3, 3)):
        tags = etags(heads)
        outcomes = await interleave(engine, order, syncing(f"a {number}", tags), syncing(f"b {number}", tags))
        assert sorted(type(one).__name__ for one in outcomes) == ["ItemsStale", "list"], order
        heads = await heads_of(engine)
        assert len({head.metadata.title for head in heads}) == 1, order
    await assert_sound(engine)


async def test_ten_lost_attempts_end_in_contended(engine: Engine) -> None:
    class NeverInTime(Around):
        """Another store always saves one of the sessions just before a commit."""

        async def commit(
            self, container: Container, partition: str, operations: Sequence[Create | Replace]
        ) -> list[str]:
            await others.save(OWNER, id_of(1), saving(f"faster {len(counting.asked)}"))
            return await super().commit(container, partition, operations)

    others = session_store(engine)
    await some(engine, MANY)
    counting = CountingReads(NeverInTime(engine))
    with pytest.raises(Contended):
        await sync_store(counting).apply_together(OWNER, marked("mine"))
    assert counting.verbs.count("commit") == ATTEMPTS
    assert "mine" not in await marks(engine)
    await assert_sound(engine)


async def test_a_session_that_is_erased_meanwhile_refuses_all(engine: Engine) -> None:
    class Erased(Around):
        async def commit(
            self, container: Container, partition: str, operations: Sequence[Create | Replace]
        ) -> list[str]:
            if operations[0].item["id"] == id_of(0):
                await session_store(engine).erase(OWNER, id_of(1))
            return await super().commit(container, partition, operations)

    await some(engine, MANY)
    with pytest.raises(ItemsRefused) as refused:
        await sync_store(Erased(engine)).apply_together(OWNER, marked("mine"))
    [failed] = refused.value.failed
    assert failed.index == 1 and isinstance(failed.error, NotFound)
    assert await marks(engine) == {"Title 0": {id_of(0)}, "Title 2": {id_of(2)}}
    await assert_sound(engine)


@pytest.fixture
async def proxy(cosmos_endpoint: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(cosmos_endpoint) as running:
        yield running


async def test_syncs_answered_by_503_are_done_once(cosmos_endpoint: str, proxy: FaultProxy) -> None:
    """The driver sends each write again by itself."""
    account = await new_cosmos_account(cosmos_endpoint)
    engine = CosmosEngine(replace(account, endpoint=proxy.endpoint, endpoint_discovery=True))
    await some(engine, MANY)
    lose_responses(proxy, "POST", lambda request: request.is_batch or request.is_point)
    stores = [sync_store(engine, RULES) for _ in range(2)]
    syncs = [stores[n % 2].apply_together(OWNER, [*marked(f"sync {n}"), create(10 + n)]) for n in range(4)]
    outcomes: list[Any] = await asyncio.gather(*syncs, return_exceptions=True)
    assert [len(one) for one in outcomes] == [4] * 4, outcomes
    await assert_whole(engine, {f"sync {n}": one for n, one in enumerate(outcomes)})
    versions = [head.metadata.version for head in await heads_of(engine)]
    assert versions == [5] * MANY + [1] * 4
    await assert_sound(engine)
    await engine.close()
