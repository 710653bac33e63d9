"""Autosaves replace the autosave before them in the history, and nothing else, so that it stays readable."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.conditions import Conditions
from persistence.errors import Changed, NotFound
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange, SessionHead
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.storage.checks import item_size
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.clock import NOON, Clock
from tests.support.drafts import DRAFT, draft
from tests.support.engines import CountingReads
from tests.support.sessions import (
    OWNER,
    assert_sound,
    content_ids,
    new,
    saving,
    session_store,
    sha256,
    stored_heads,
)

SPAN_SECONDS = 60


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


@pytest.fixture
def sessions(stores: Stores, clock: Clock) -> SessionStore:
    return stores.sessions


async def create(sessions: SessionStore) -> str:
    """Creates a session with the content "0", and returns its id."""
    return (await sessions.create(OWNER, new(content="0"))).id


async def autosave(sessions: SessionStore, id: str, content: str, **rest: Any) -> SessionHead:
    return await sessions.save(OWNER, id, saving(content), Conditions(**rest), autosave=True)


def history(head: SessionHead) -> list[str]:
    """Returns the history, newest first, as "version action"."""
    return [f"{revision.version} {revision.action}" for revision in head.revisions]


async def test_autosaves_of_one_span_leave_only_the_newest(
    sessions: SessionStore, clock: Clock, engine: Engine
) -> None:
    id = await create(sessions)
    for second in range(0, 50, 10):
        head = await autosave(sessions, id, f"at {second}")
        clock.advance(seconds=10)
    assert history(head) == ["6 autosaved", "1 created"]
    assert (await sessions.get(OWNER, id)).content == b"at 40"
    assert len(head.content_ids) == 6, "recent versions keep their contents"
    await assert_sound(engine)
    for replaced in (2, 3, 4, 5):
        with pytest.raises(NotFound):
            await sessions.revision(OWNER, id, replaced)


@pytest.mark.parametrize("every", [0.2, 7, 25, 59.9, 60, 100])
async def test_a_span_begins_at_its_first_autosave(sessions: SessionStore, clock: Clock, every: float) -> None:
    id = await create(sessions)
    times: list[datetime] = []
    count = min(int(200 / every), 40)
    for number in range(count):
        head = await autosave(sessions, id, f"number {number}")
        times.append(head.metadata.updated_at)
        clock.advance(seconds=every)
    # If each autosave began a new span, steady typing would leave no history.
    expected: list[datetime] = []
    began = None
    for time in times:
        if began is not None and (time - began).total_seconds() < SPAN_SECONDS:
            expected[-1] = time
        else:
            expected.append(time)
            began = time
    assert [one.saved_at for one in reversed(head.revisions[:-1])] == expected[-19:]


async def test_what_was_saved_on_purpose_is_never_absorbed(sessions: SessionStore, engine: Engine) -> None:
    id = await create(sessions)
    await autosave(sessions, id, "a")
    await autosave(sessions, id, "b")
    await sessions.save(OWNER, id, saving("c"))
    await autosave(sessions, id, "d")
    await sessions.save(OWNER, id, SessionChange(title="Renamed"))
    await autosave(sessions, id, "e")
    await sessions.restore(OWNER, id, 1)
    await autosave(sessions, id, "f")
    await sessions.move(OWNER, id, SessionAction.CLOSED)
    await sessions.move(OWNER, id, SessionAction.REOPENED)
    head = await autosave(sessions, id, "g")
    assert history(head) == (
        ["12 autosaved", "11 reopened", "10 closed", "9 autosaved", "8 restored", "7 autosaved", "6 renamed"]
        + ["5 autosaved", "4 saved", "3 autosaved", "1 created"]
    )
    assert (await sessions.revision(OWNER, id, 4))[2] == b"c"
    await assert_sound(engine)


async def test_saving_on_purpose_what_was_autosaved_keeps_it(sessions: SessionStore, engine: Engine) -> None:
    id = await create(sessions)
    autosaved = await autosave(sessions, id, "a")
    saved = await sessions.save(OWNER, id, saving("a"), Conditions(save_id="press"))
    assert history(saved) == ["3 saved", "2 autosaved", "1 created"] and saved.content_id == autosaved.content_id
    # A second press of Save, or a retry, writes nothing.
    assert await sessions.save(OWNER, id, saving("a")) == saved
    assert await sessions.save(OWNER, id, saving("a"), Conditions(save_id="press")) == saved
    head = await autosave(sessions, id, "b")
    assert history(head) == ["4 autosaved", "3 saved", "2 autosaved", "1 created"]
    assert (await sessions.revision(OWNER, id, 3))[2] == b"a"
    await assert_sound(engine)


@pytest.mark.parametrize(
    ("autosaved", "change"),
    [(True, saving("a")), (False, SessionChange()), (False, SessionChange(title="First"))],
    ids=["the content again, autosaved", "nothing", "the title again"],
)
async def test_a_save_after_an_autosave_that_changes_nothing_writes_nothing(
    engine: Engine, autosaved: bool, change: SessionChange
) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    id = await create(sessions)
    head = await autosave(sessions, id, "a")
    counting.forget()
    assert await sessions.save(OWNER, id, change, autosave=autosaved) == head
    assert counting.verbs == ["read"]


async def test_autosaves_push_nothing_out_that_was_saved_on_purpose(engine: Engine, clock: Clock) -> None:
    sessions = session_store(engine, SessionRules(keep_revisions=4))
    id = await create(sessions)
    await sessions.save(OWNER, id, saving("on purpose"))
    for number in range(6):
        clock.advance(seconds=SPAN_SECONDS)
        head = await autosave(sessions, id, f"auto {number}")
    assert history(head) == ["8 autosaved", "7 autosaved", "2 saved", "1 created"]
    for number in range(3):
        head = await sessions.save(OWNER, id, saving(f"purpose {number}"))
    # If only deliberate saves are left, the oldest goes.
    assert history(head) == ["11 saved", "10 saved", "9 saved", "2 saved"]
    assert history(await autosave(sessions, id, "auto")) == ["12 autosaved", "11 saved", "10 saved", "9 saved"]
    await assert_sound(engine)


@pytest.mark.parametrize("keep", [1, 2])
async def test_taking_a_place_in_a_full_history_pushes_nothing_out(
    engine: Engine, clock: Clock, keep: int
) -> None:
    sessions = session_store(engine, SessionRules(keep_revisions=keep))
    id = await create(sessions)
    for number in range(4):
        head = await autosave(sessions, id, f"auto {number}", save_id=f"key {number}")
    assert history(head) == ["5 autosaved", "1 created"][:keep]
    assert (await autosave(sessions, id, "auto 2", save_id="key 2")).metadata.version == 4
    assert (await sessions.get(OWNER, id)).content == b"auto 3"


async def test_without_a_span_every_autosave_stays(engine: Engine, clock: Clock) -> None:
    settings = SETTINGS.model_copy(update={"autosave_coalesce_seconds": 0})
    drafts = stores_over(engine, settings.store_rules()).drafts
    for number in range(4):
        head, _ = await drafts.put(OWNER, DRAFT, draft(str(number)))
    assert history(head) == ["4 autosaved", "3 autosaved", "2 autosaved", "1 created"]


async def test_an_absorbed_autosave_that_is_sent_again_overwrites_nothing(
    sessions: SessionStore, engine: Engine
) -> None:
    id = await create(sessions)
    first = [await autosave(sessions, id, f"auto {n}", save_id=f"key {n}") for n in range(REMEMBERED_VERSIONS)]
    before = await stored_heads(engine), await content_ids(engine)
    for number, head in enumerate(first):
        again = await autosave(sessions, id, f"auto {number}", save_id=f"key {number}")
        assert again.metadata == head.metadata, "the first response again, with its ETag"
    assert (await stored_heads(engine), await content_ids(engine)) == before
    with pytest.raises(Changed):
        await autosave(sessions, id, "mine", if_match={first[0].metadata.etag})


async def test_an_autosave_is_known_again_in_the_span_after_its_own(sessions: SessionStore, clock: Clock) -> None:
    id = await create(sessions)
    await autosave(sessions, id, "a", save_id="a")
    await autosave(sessions, id, "b", save_id="b")
    clock.advance(seconds=SPAN_SECONDS)
    for content in ("c", "d"):
        await autosave(sessions, id, content, save_id=content)
    for content, version in (("a", 2), ("b", 3), ("c", 4), ("d", 5)):
        assert (await autosave(sessions, id, content, save_id=content)).metadata.version == version
    assert (await sessions.get(OWNER, id)).content == b"d"


async def test_a_head_stays_small_however_much_was_absorbed(
    sessions: SessionStore, clock: Clock, engine: Engine
) -> None:
    id = await create(sessions)
    for span in range(20):
        for number in range(REMEMBERED_VERSIONS + 1):
            head = await autosave(sessions, id, f"{span} {number}")
        clock.advance(seconds=SPAN_SECONDS)
    assert len(head.revisions) == 20 and len(head.remembered) == REMEMBERED_VERSIONS - 1
    stored = item_size((await engine.read(SESSIONS, id, OWNER)).item)
    assert stored < 1.6 * item_size(head.model_copy(update={"remembered": ()}).to_item())


async def test_a_clock_that_is_put_back_leaves_the_history_in_order_of_versions(
    sessions: SessionStore, clock: Clock
) -> None:
    id = await create(sessions)
    for number in range(4):
        head = await autosave(sessions, id, f"auto {number}")
        head = await sessions.save(OWNER, id, saving(f"purpose {number}"))
        clock.advance(minutes=-5)
    assert [revision.version for revision in head.revisions] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert NOON - head.metadata.updated_at > timedelta(minutes=14), "what the clock says"
    assert head.metadata.updated_at == head.revisions[0].saved_at
    assert head.metadata.content_hash == sha256("purpose 3")


async def test_autosaves_that_are_hours_apart_stay_apart_after_the_clock_was_put_back(
    sessions: SessionStore, clock: Clock, engine: Engine
) -> None:
    id = await create(sessions)
    await sessions.save(OWNER, id, saving("on purpose"))
    await autosave(sessions, id, "before")
    clock.advance(hours=-6)
    for hour in range(4):
        head = await autosave(sessions, id, f"hour {hour}")
        clock.advance(hours=1)
    assert [revision.version for revision in head.revisions] == [7, 6, 5, 4, 3, 2, 1]
    assert (await sessions.revision(OWNER, id, 3))[2] == b"before"
    await assert_sound(engine)


async def test_autosaves_after_the_clock_was_put_back_share_a_row_within_the_span(
    sessions: SessionStore, clock: Clock
) -> None:
    id = await create(sessions)
    await autosave(sessions, id, "before")
    clock.advance(hours=-6)
    for number in range(3):
        head = await autosave(sessions, id, f"{number}")
        clock.advance(seconds=10)
    assert history(head) == ["5 autosaved", "2 autosaved", "1 created"]
