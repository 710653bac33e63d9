"""No update is lost or applied twice if reads are stale and responses get lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from persistence.conditions import Conditions
from persistence.errors import Changed, Contended, CorruptItem, Gone, NotFound
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionHead, SessionStatus
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.storage.containers import SESSIONS
from persistence.storage.cosmos.engine import CosmosEngine
from persistence.storage.engine import Engine
from tests.conftest import new_cosmos_account
from tests.support.engines import LateReads, saves_at_once
from tests.support.faults import FaultProxy, Recorded
from tests.support.sessions import (
    OWNER,
    assert_sound,
    content_ids,
    new,
    saving,
    session_store,
    sha256,
    stored_content,
    stored_heads,
)

pytestmark = pytest.mark.each_way

WRITERS = 8
seeds = pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 9))]
)


def instances(engine: Engine, many: int = 3) -> list[SessionStore]:
    """Session stores that share only the database, as instances of the app do."""
    return [session_store(engine, SessionRules(keep_revisions=100)) for _ in range(many)]


def split(outcomes: list[Any], *refusals: type[Exception]) -> tuple[list[Any], list[Exception]]:
    """Returns the acknowledged results and the refusals. Raises any other exception."""
    refused = [one for one in outcomes if isinstance(one, refusals)]
    for one in outcomes:
        if isinstance(one, BaseException) and one not in refused:
            raise one
    return [one for one in outcomes if not isinstance(one, BaseException)], refused


async def only_head(engine: Engine) -> SessionHead:
    [head] = await stored_heads(engine)
    return head


@seeds
async def test_late_reads_lose_no_save_without_if_match(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed)
    stores = instances(late)
    head = await stores[0].create(OWNER, new(content="0"))

    async def save(number: int) -> tuple[str, SessionHead]:
        text = f"content {number}"
        return text, await stores[number % 3].save(OWNER, head.id, saving(text))

    outcomes: list[Any] = []
    # Writers of one process share their reads, so one round could have too few of them.
    for first in range(0, 6 * WRITERS, WRITERS):
        saves = (save(number) for number in range(first, first + WRITERS))
        outcomes += await asyncio.gather(*saves, return_exceptions=True)
    # A stale NotFound and ten lost attempts may happen too: the caller knows that they failed.
    acknowledged, _ = split(outcomes, NotFound, Contended)
    assert len(acknowledged) >= WRITERS and late.answered_late > 0
    stored = await only_head(engine)
    history = [(r.version, r.content_hash) for r in stored.revisions]
    assert len(history) == stored.metadata.version == 1 + len(acknowledged)
    assert {(one.metadata.version, sha256(text)) for text, one in acknowledged} == set(history) - {
        (1, sha256("0"))
    }
    await assert_sound(engine)


@seeds
async def test_late_reads_let_no_stale_if_match_through(engine: Engine, seed: int) -> None:
    """Every writer adds a word to the content that it read. A word that is missing later is a lost update."""
    late = LateReads(engine, seed, most=3)
    stores = instances(late)
    id = (await stores[0].create(OWNER, new(content="0"))).id

    async def add(store: SessionStore, word: str) -> str | None:
        try:
            read = await store.get(OWNER, id)
        except (NotFound, CorruptItem):
            return None
        assert read.content is not None
        text = f"{read.content.decode()} {word}"
        head = await store.save(OWNER, id, saving(text), Conditions({read.head.metadata.etag}))
        assert head.metadata.version == read.head.metadata.version + 1
        return word

    async def write(number: int) -> list[Any]:
        adds: list[Any] = []
        for round in range(5):
            adds += await asyncio.gather(add(stores[number % 3], f"{number}.{round}"), return_exceptions=True)
        return adds

    outcomes = [one for adds in await asyncio.gather(*map(write, range(WRITERS))) for one in adds]
    answered, _ = split(outcomes, Changed, NotFound, Contended)
    acknowledged = [word for word in answered if word is not None]
    stored = await only_head(engine)
    texts = [await stored_content(engine, r.content_id or "", r.content_bytes) for r in stored.revisions[::-1]]
    assert all(later.startswith(f"{earlier} ") for earlier, later in zip(texts, texts[1:], strict=False))
    assert sorted(texts[-1].split()[1:]) == sorted(acknowledged)
    assert len(acknowledged) >= 4 and late.answered_late > 0
    await assert_sound(engine)


@seeds
async def test_late_reads_let_nothing_after_a_delete(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed)
    stores = instances(late)
    head = await stores[0].create(OWNER, new(content="0"))
    *saves, one, two = await asyncio.gather(
        *(stores[number % 3].save(OWNER, head.id, saving(f"{number}")) for number in range(1, WRITERS)),
        stores[1].delete(OWNER, head.id),
        stores[2].delete(OWNER, head.id),
        return_exceptions=True,
    )
    deletes, _ = split([one, two], NotFound, Gone, Contended)
    saved, _ = split(saves, NotFound, Gone, Contended)
    tombstone = await only_head(engine)
    # The second of two finds it in the trash, and changes nothing.
    assert (tombstone.status is SessionStatus.TRASHED) == (len(deletes) > 0)
    assert sorted(one.metadata.version for one in saved) == list(range(2, 2 + len(saved)))
    assert tombstone.metadata.version == 1 + len(saved) + min(1, len(deletes))
    await assert_sound(engine)


@seeds
async def test_a_late_reader_sees_only_what_was_there(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed, most=3)
    [store] = instances(late, 1)
    head = await store.create(OWNER, new(content="0"))
    written = {1: "0"}
    for number in range(2, 12):
        head = await store.save(OWNER, head.id, saving(str(number)), Conditions({head.metadata.etag}))
        written[head.metadata.version] = str(number)
        try:
            read = await store.get(OWNER, head.id)
        except NotFound:
            continue
        assert read.content == written[read.head.metadata.version].encode()
    # A single caller that sends the last ETag it received is never refused.
    assert head.metadata.version == 11


class FirstTries:
    """Chooses each write once. The retry has the same body and passes."""

    def __init__(self, chosen: Callable[[Recorded], bool]) -> None:
        self._chosen = chosen
        self._seen: set[tuple[str, str, bytes]] = set()

    def __call__(self, request: Recorded) -> bool:
        key = (request.method, request.path, request.body)
        if request.is_query or not self._chosen(request) or key in self._seen:
            return False
        self._seen.add(key)
        return True


@pytest.fixture
async def proxy(cosmos_endpoint: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(cosmos_endpoint) as running:
        yield running


@pytest.fixture(params=[True, False], ids=["one-batch", "two-steps"])
async def retrying(
    request: pytest.FixtureRequest, cosmos_endpoint: str, proxy: FaultProxy
) -> AsyncIterator[Engine]:
    """An open engine whose driver retries after a 503 by itself."""
    account = await new_cosmos_account(cosmos_endpoint)
    engine = CosmosEngine(
        replace(account, endpoint=proxy.endpoint, endpoint_discovery=True, conditional_batch=request.param)
    )
    await engine.ping()
    proxy.requests.clear()
    yield engine
    await engine.close()


def lose_responses(proxy: FaultProxy, method: str, chosen: Callable[[Recorded], bool] = lambda _: True) -> None:
    """Applies the first try of every chosen write, and replaces its response by a 503. A batch is a POST."""
    proxy.after(method, FirstTries(chosen), times=1_000)


@pytest.mark.parametrize("content", ["one", None], ids=["one commit", "two creates"])
async def test_creates_answered_by_503_are_done_once(
    retrying: Engine, proxy: FaultProxy, content: str | None
) -> None:
    text = content or "".join(chr(0x100 + i * 7919 % 0x5000) for i in range(500_000))
    lose_responses(proxy, "POST", lambda request: request.is_batch or request.is_point)
    [store] = instances(retrying, 1)
    heads = await asyncio.gather(*(store.create(OWNER, new(str(number), text)) for number in range(4)))
    stored = await stored_heads(retrying)
    assert sorted(one.id for one in stored) == sorted(one.id for one in heads)
    assert all(one.metadata.version == 1 for one in stored)
    posts = proxy.sent("POST", lambda request: request.is_batch or (request.is_point and "/docs" in request.path))
    assert len(posts) == 2 * 4 * (1 if content else 2)
    await assert_sound(retrying)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_saves_answered_by_503_are_done_once(retrying: Engine, proxy: FaultProxy, method: str) -> None:
    if method == "PUT" and saves_at_once(retrying):
        pytest.skip("a batch is a POST")
    stores = instances(retrying)
    head = await stores[0].create(OWNER, new(content="0"))
    lose_responses(proxy, method, lambda request: request.is_batch or request.is_point)
    saved = await asyncio.gather(
        *(stores[number % 3].save(OWNER, head.id, saving(f"{number}")) for number in range(1, WRITERS))
    )
    stored = await only_head(retrying)
    history = {r.version: r.content_hash for r in stored.revisions}
    assert stored.metadata.version == WRITERS
    for number, one in enumerate(saved, 1):
        assert history[one.metadata.version] == one.metadata.content_hash == sha256(f"{number}")
    await assert_sound(retrying)


async def test_of_saves_with_one_etag_answered_by_503_exactly_one_wins(
    retrying: Engine, proxy: FaultProxy
) -> None:
    stores = instances(retrying)
    head = await stores[0].create(OWNER, new(content="0"))
    for method in ("POST", "PUT"):
        lose_responses(proxy, method, lambda request: request.is_batch or request.is_point)
    for round in range(1, 4):
        outcomes = await asyncio.gather(
            *(
                stores[number % 3].save(
                    OWNER, head.id, saving(f"{round} {number}"), Conditions({head.metadata.etag})
                )
                for number in range(6)
            ),
            return_exceptions=True,
        )
        [head], refused = split(outcomes, Changed)
        assert len(refused) == 5
    stored = await only_head(retrying)
    assert stored.metadata.etag == head.metadata.etag and stored.metadata.version == 4
    await assert_sound(retrying)


async def test_deletes_and_prunings_answered_by_503_are_done_once(retrying: Engine, proxy: FaultProxy) -> None:
    store = session_store(retrying, SessionRules(keep_revisions=1))
    first = head = await store.create(OWNER, new(content="0"))
    lose_responses(proxy, "DELETE")
    for number in range(REMEMBERED_VERSIONS):
        head = await store.save(OWNER, head.id, saving(str(number + 1)))
    assert first.content_id not in await content_ids(retrying)
    assert len(proxy.sent("DELETE")) == 2
    lose_responses(proxy, "PUT")
    await store.delete(OWNER, head.id)
    trashed = await only_head(retrying)
    assert (trashed.status, trashed.metadata.version) == (SessionStatus.TRASHED, REMEMBERED_VERSIONS + 2)
    await store.purge(OWNER, head.id)
    tombstone = await only_head(retrying)
    assert (tombstone.status, tombstone.metadata.version) == (SessionStatus.DELETED, REMEMBERED_VERSIONS + 3)
    await store.delete(OWNER, head.id)
    assert await only_head(retrying) == tombstone


async def test_an_item_read_late_is_one_that_was_there(engine: Engine) -> None:
    """LateReads itself: stale reads return what was stored before, and their number is limited."""
    late = LateReads(engine, seed=1, most=3)
    item = {"id": "a", "kind": "k", "owner_id": OWNER, "n": 0}
    etags = [await late.create(SESSIONS, item)]
    for n in (1, 2):
        etags.append(await late.replace(SESSIONS, item | {"n": n}, etags[-1]))
    for _ in range(20):
        try:
            stored = await late.read(SESSIONS, "a", OWNER)
        except Exception:
            continue
        assert stored.etag == etags[stored.item["n"]]
    before = late.answered_late
    assert 0 < before <= 3
    assert [(await late.read(SESSIONS, "a", OWNER)).item["n"] for _ in range(5)] == [2] * 5
    assert late.answered_late == before
