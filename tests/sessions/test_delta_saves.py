"""Saves by delta: the same promises as of every save, and one more read at most."""

import asyncio
import random
from typing import Any

import pytest

from benchmarks.deltas import delta_of, written
from persistence.conditions import Conditions
from persistence.errors import (
    BaseGone,
    Changed,
    CorruptItem,
    DeltaRule,
    Gone,
    IllegalMove,
    InvalidDelta,
    KeyReused,
    NotFound,
)
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange, SessionHead
from persistence.sessions.patches import ContentDelta
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import PAYLOAD, Engine, Stored
from tests.sessions.test_races import UnseenContent
from tests.support.deltas import inserting
from tests.support.engines import AnswersLost, CountingReads, LateReads, saves_at_once
from tests.support.sessions import (
    OWNER,
    assert_sound,
    content_ids,
    damage,
    new,
    saving,
    session_store,
    sha256,
    stored_heads,
)

pytestmark = pytest.mark.each_way

BASE = "The quick brown fox jumps over the lazy dog."
EDITED = "The quick brown fox jumped over the lazy dog."
CHANGE = delta_of(EDITED.encode(), (24, 0), b"ed", (len(BASE) - 25, 25))
CACHED = SessionRules(cached_bytes=1_000_000)

cached = pytest.mark.parametrize("rules", [SessionRules(), CACHED], ids=["without a cache", "with a cache"])


async def save(
    sessions: SessionStore,
    head: SessionHead,
    delta: bytes = CHANGE,
    result: str = EDITED,
    save_id: str | None = None,
    **rest: Any,
) -> SessionHead:
    """Saves a delta from the version of the head that the caller has."""
    etag = head.metadata.etag
    content = ContentDelta(etag, delta, sha256(result))
    return await sessions.save_delta(OWNER, head.id, content, Conditions({etag}, save_id=save_id), **rest)


async def assert_only(engine: Engine, head: SessionHead) -> None:
    """Asserts that the session is as this head says, and that there is no other content."""
    assert [(one.id, one.metadata.version) for one in await stored_heads(engine)] == [
        (head.id, head.metadata.version)
    ]
    assert await content_ids(engine) == head.content_ids
    assert (await session_store(engine).get(OWNER, head.id)).content is not None


@cached
async def test_a_delta_makes_the_next_version(engine: Engine, rules: SessionRules) -> None:
    sessions = session_store(engine, rules)
    head = await sessions.create(OWNER, new(content=BASE, media_type="text/markdown", app="map"))
    saved = await save(sessions, head, change=SessionChange(device_info="tablet"))
    metadata = saved.metadata
    assert (metadata.version, metadata.content_hash, metadata.content_bytes) == (2, sha256(EDITED), len(EDITED))
    assert (metadata.title, metadata.media_type, saved.app) == ("First", "text/markdown", "map")
    assert (metadata.device_info, saved.revisions[0].action) == ("tablet", SessionAction.SAVED)
    assert (await sessions.get(OWNER, head.id)).content == EDITED.encode()
    back = await save(sessions, saved, delta_of(BASE.encode(), (24, 0), b"s", (19, 26)), BASE)
    assert (await sessions.get(OWNER, head.id)).content == BASE.encode() and back.metadata.version == 3
    await assert_sound(engine)


async def test_an_autosave_by_delta_replaces_the_autosave_before(engine: Engine) -> None:
    sessions = session_store(engine, CACHED)
    head = await sessions.create(OWNER, new(content=BASE))
    first = await save(sessions, head, autosave=True)
    second = await save(sessions, first, inserting(b"two"), "two", autosave=True)
    assert [one.version for one in second.revisions] == [3, 1]
    assert second.revisions[0].action is SessionAction.AUTOSAVED


async def test_a_delta_that_changes_nothing_writes_nothing(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting, CACHED)
    head = await sessions.create(OWNER, new(content=BASE))
    counting.forget()
    same = await save(sessions, head, delta_of(BASE.encode(), (len(BASE), 0)), BASE)
    assert same.metadata.etag == head.metadata.etag and not counting.writes


async def test_the_base_costs_no_read_if_it_is_known_and_one_if_not(engine: Engine) -> None:
    counting = CountingReads(engine)
    for rules, reads in ((CACHED, ["session"]), (SessionRules(), ["session", "content"])):
        sessions = session_store(counting, rules)
        head = await sessions.create(OWNER, new(content=BASE))
        counting.forget()
        await save(sessions, head)
        assert [kind for one in counting.asked if one.verb == "read" for kind in one.kinds] == reads
        if saves_at_once(engine):
            assert [one.verb for one in counting.writes] == ["commit"]


async def test_a_stale_base_is_refused_with_what_is_current(engine: Engine) -> None:
    sessions = session_store(engine, CACHED)
    head = await sessions.create(OWNER, new(content=BASE))
    current = await sessions.save(OWNER, head.id, saving("theirs"))
    with pytest.raises(Changed) as refused:
        await save(sessions, head)
    assert isinstance(refused.value.current, SessionHead)
    assert refused.value.current.metadata.etag == current.metadata.etag
    await assert_only(engine, current)


async def test_of_deltas_from_one_version_exactly_one_is_saved(engine: Engine) -> None:
    stores = [session_store(engine, rules) for rules in (SessionRules(), CACHED)]
    head = await stores[0].create(OWNER, new(content=BASE))
    texts = [f"{BASE} {number}" for number in range(8)]
    outcomes = await asyncio.gather(
        *(
            save(stores[number % 2], head, delta_of(text.encode(), (len(BASE), 0), text[44:].encode()), text)
            for number, text in enumerate(texts)
        ),
        return_exceptions=True,
    )
    [saved] = [one for one in outcomes if isinstance(one, SessionHead)]
    assert [type(one) for one in outcomes if one is not saved] == [Changed] * 7
    assert saved.metadata.version == 2
    await assert_sound(engine)


@cached
async def test_a_retry_returns_its_own_version_although_its_base_is_not_current_any_more(
    engine: Engine, rules: SessionRules
) -> None:
    sessions, others = session_store(engine, rules), session_store(engine)
    head = await sessions.create(OWNER, new(content=BASE))
    first = await save(sessions, head, save_id="key-1")
    for number in range(REMEMBERED_VERSIONS - 1):
        assert (await save(sessions, head, save_id="key-1")).metadata.etag == first.metadata.etag
        await others.save(OWNER, head.id, saving(f"theirs {number}"))
    again = await save(session_store(engine, rules), head, save_id="key-1")
    assert (again.metadata.version, again.metadata.content_hash) == (2, sha256(EDITED))
    assert (await others.get_head(OWNER, head.id)).metadata.version == REMEMBERED_VERSIONS + 1
    await others.save(OWNER, head.id, saving("one more"))
    with pytest.raises(Changed):
        await save(sessions, head, save_id="key-1")


@cached
async def test_a_delta_whose_answer_was_lost_is_saved_once(engine: Engine, rules: SessionRules) -> None:
    head = await session_store(engine).create(OWNER, new(content=BASE))
    losing = AnswersLost(engine, ["replace"])
    saved = await save(session_store(losing, rules), head)
    assert (losing.times, saved.metadata.version) == (0, 2)
    await assert_only(engine, saved)


async def test_a_retry_with_the_whole_content_is_the_same_save(engine: Engine) -> None:
    sessions = session_store(engine)
    head = await sessions.create(OWNER, new(content=BASE))
    first = await save(sessions, head, save_id="key-1", change=SessionChange(device_info="tablet"))
    conditions = Conditions({head.metadata.etag}, save_id="key-1")
    whole = await sessions.save(OWNER, head.id, saving(EDITED, device_info="tablet"), conditions)
    assert whole.metadata.etag == first.metadata.etag
    for result, device in ((BASE, "tablet"), (EDITED, "phone")):
        with pytest.raises(KeyReused):
            await save(sessions, head, result=result, save_id="key-1", change=SessionChange(device_info=device))
    assert (await sessions.get_head(OWNER, head.id)).metadata.version == 2


@pytest.mark.parametrize(
    ("delta", "result", "rule"),
    [
        (b"nonsense", EDITED, DeltaRule.WELL_FORMED),
        (written(45, (45, 0)), EDITED, DeltaRule.WITHIN_BASE),
        (written(45, (44, 0)), EDITED, DeltaRule.SIZE),
        (written(44, (44, 0)), EDITED, DeltaRule.CHECKSUM),
        (delta_of(BASE.encode(), (44, 0)), EDITED, DeltaRule.DIGEST),
        (delta_of(BASE[4:8].encode() + BASE[:4].encode(), (4, 4), (4, 0)), BASE[:8], DeltaRule.DIGEST),
        (inserting(b"\xff\xfe"), EDITED, DeltaRule.UTF8),
    ],
)
@cached
async def test_nothing_is_written_of_a_delta_that_breaks_a_rule(
    engine: Engine, rules: SessionRules, delta: bytes, result: str, rule: DeltaRule
) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting, rules)
    head = await sessions.create(OWNER, new(content=BASE))
    counting.forget()
    with pytest.raises(InvalidDelta) as refused:
        await save(sessions, head, delta, result)
    assert refused.value.rule is rule
    assert not counting.writes
    assert (await sessions.get(OWNER, head.id)).content == BASE.encode()


async def test_a_result_with_the_announced_digest_needs_no_checksum(engine: Engine) -> None:
    sessions = session_store(engine, CACHED)
    head = await sessions.create(OWNER, new(content=BASE))
    assert (await save(sessions, head, written(8, (8, 0)), BASE[:8])).metadata.content_hash == sha256(BASE[:8])


async def test_a_large_delta_is_applied_as_a_small_one(engine: Engine) -> None:
    sessions = session_store(engine, CACHED)
    head = await sessions.create(OWNER, new(content=BASE))
    text = BASE * 10_000
    delta = delta_of(text.encode(), *[(len(BASE), 0)] * 10_000)
    assert len(delta) > 32_000
    saved = await save(sessions, head, delta, text)
    assert (await sessions.get(OWNER, head.id)).content == text.encode()
    with pytest.raises(InvalidDelta):
        await save(sessions, saved, delta[:-1], text)


async def test_the_status_goes_before_the_delta(engine: Engine) -> None:
    sessions = session_store(engine, CACHED)
    head = await sessions.create(OWNER, new(content=BASE))
    closed = await sessions.move(OWNER, head.id, SessionAction.CLOSED)
    with pytest.raises(IllegalMove):
        await save(sessions, closed, b"nonsense")
    await sessions.delete(OWNER, head.id)
    with pytest.raises(Gone):
        await save(sessions, closed, b"nonsense")
    with pytest.raises(NotFound):
        await save(sessions, closed.model_copy(update={"id": "session-0000"}))
    with pytest.raises(NotFound):
        etag = head.metadata.etag
        await sessions.save_delta("ben", head.id, ContentDelta(etag, CHANGE, sha256(EDITED)), Conditions({etag}))


async def test_a_base_that_is_not_seen_yet_is_waited_for(engine: Engine) -> None:
    unseen = UnseenContent(engine)
    sessions = session_store(unseen)
    head = await sessions.create(OWNER, new(content=BASE))
    unseen.unseen = 2
    assert (await save(sessions, head)).metadata.version == 2


async def test_a_base_that_is_gone_is_refused_soon(engine: Engine) -> None:
    unseen = UnseenContent(engine)
    sessions = session_store(unseen)
    head = await sessions.create(OWNER, new(content=BASE))
    unseen.unseen = 100
    with pytest.raises(BaseGone) as refused:
        await save(sessions, head)
    assert isinstance(refused.value.current, SessionHead)
    assert refused.value.current.metadata.etag == head.metadata.etag
    assert unseen.unseen > 90
    await assert_only(engine, head)


async def test_a_damaged_base_is_never_built_upon(engine: Engine) -> None:
    sessions = session_store(engine)
    head = await sessions.create(OWNER, new(content=BASE))
    assert head.content_id is not None
    await damage(engine, head.content_id, **{PAYLOAD: b"no gzip"})
    with pytest.raises(CorruptItem):
        await save(sessions, head)
    assert (await sessions.get_head(OWNER, head.id)).metadata.version == 1
    assert (await sessions.save(OWNER, head.id, saving(EDITED))).metadata.version == 2, "a whole content heals"


@pytest.mark.parametrize("seed", range(5))
async def test_over_replicas_that_lag_no_delta_is_refused_wrongly(engine: Engine, seed: int) -> None:
    head = await session_store(engine).create(OWNER, new(content=BASE))
    source = random.Random(seed)
    late = LateReads(engine, seed, most=2)
    text = BASE
    for number in range(8):
        sessions = session_store(late, source.choice([SessionRules(), CACHED]))
        edited = f"{text} {number}"
        head = await save(
            sessions, head, delta_of(edited.encode(), (len(text), 0), edited[len(text) :].encode()), edited
        )
        text = edited
    assert head.metadata.version == 9
    assert (await session_store(engine).get(OWNER, head.id)).content == text.encode()


class SlowToRead(CountingReads):
    """Holds the next read of a head until `release` is set."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.release, self.waits = asyncio.Event(), asyncio.Event()

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        if container is SESSIONS and "~" not in id:
            self.waits.set()
            await self.release.wait()
        return await super().read(container, id, partition)


@cached
async def test_a_delta_can_follow_a_save_in_the_same_commit(engine: Engine, rules: SessionRules) -> None:
    head = await session_store(engine).create(OWNER, new())
    slow = SlowToRead(engine)
    sessions = session_store(slow, rules)
    first = asyncio.create_task(sessions.save(OWNER, head.id, saving("first")))
    await slow.waits.wait()
    # Both wait behind the first, so they share a commit. The client knows the ETag, because versions are counted.
    second = asyncio.create_task(sessions.save(OWNER, head.id, saving(BASE)))
    etag = f'"3-{sha256(BASE)[:16]}"'
    delta = ContentDelta(etag, CHANGE, sha256(EDITED))
    third = asyncio.create_task(sessions.save_delta(OWNER, head.id, delta, Conditions({etag})))
    await asyncio.sleep(0)
    slow.release.set()
    saved = await asyncio.gather(first, second, third)
    assert [one.metadata.version for one in saved] == [2, 3, 4]
    assert (await sessions.get(OWNER, head.id)).content == EDITED.encode()
    await assert_sound(engine)


@cached
async def test_a_delta_that_is_refused_leaves_the_others_in_its_commit_alone(
    engine: Engine, rules: SessionRules
) -> None:
    sessions = session_store(engine, rules)
    head = await sessions.create(OWNER, new(content=BASE))
    outcomes = await asyncio.gather(
        sessions.save(OWNER, head.id, saving("first")),
        save(sessions, head),
        sessions.save(OWNER, head.id, saving("second")),
        save(sessions, head, b"nonsense"),
        return_exceptions=True,
    )
    kinds = [type(one) for one in outcomes]
    assert kinds == [SessionHead, Changed, SessionHead, Changed]
    await assert_sound(engine)
