"""Lines about sessions: every change has its line, or that of its row, and no line tells of anything else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from persistence import stores_over
from persistence.activity.documents import ActivityAction, Actor
from persistence.activity.store import ActivityStore
from persistence.conditions import Conditions
from persistence.errors import Changed, Gone, IllegalMove, NotFound, StoreUnavailable
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.engine import Engine
from tests.support.activity import OWNER, Witness, assert_told, stored_lines, told
from tests.support.breaking import Dies
from tests.support.clock import Clock
from tests.support.engines import AnswersLost, CountingReads, InSteps, saves_at_once
from tests.support.sessions import new, saving, session_store, sweep
from tests.support.timers import clean_up, run_daily

pytestmark = pytest.mark.each_way

LARGE = "large " * 200_000
CLOSED, REOPENED, PROMOTED = SessionAction.CLOSED, SessionAction.REOPENED, SessionAction.PROMOTED


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


def named(save_id: str) -> Conditions:
    return Conditions(save_id=save_id)


async def test_each_change_is_a_line(engine: Engine, clock: Clock) -> None:
    sessions = session_store(engine)
    id = (await sessions.create(OWNER, new(app="map", device_info="laptop"))).id
    await sessions.save(OWNER, id, saving("two", device_info="phone"))
    await sessions.save(OWNER, id, SessionChange(title="Second"))
    await sessions.save(OWNER, id, saving("three"), autosave=True)
    await sessions.move(OWNER, id, CLOSED)
    await sessions.move(OWNER, id, REOPENED)
    await sessions.restore(OWNER, id, 1)
    await sessions.save(OWNER, id, saving(LARGE))
    await sessions.delete(OWNER, id)
    await sessions.untrash(OWNER, id)
    await sessions.delete(OWNER, id, purge=True)
    actions = ["created", "saved", "renamed", "autosaved", "closed", "reopened", "restored", "saved"]
    actions += ["trashed", "untrashed", "deleted"]
    lines = await stored_lines(engine)
    assert [(one.version, one.action.value) for one in lines] == list(enumerate(actions, 1))
    assert [one.subject.title for one in lines] == ["First", "First", *9 * ["Second"]]
    assert {one.subject.id for one in lines} == {id}
    assert {(one.app, one.actor) for one in lines} == {("map", Actor.ME)}
    assert [one.device_info for one in lines[:3]] == ["laptop", "phone", None]
    assert [one.content_bytes for one in lines[:4]] == [3, 3, 3, 5]
    assert [one.at for one in lines] == sorted(one.at for one in lines)


async def test_a_draft_that_a_timer_purges_is_deleted_by_a_timer(engine: Engine, clock: Clock) -> None:
    sessions = session_store(engine)
    await sessions.create_draft(OWNER, "draft-000001", new("Wells"), "save")
    await sessions.create_draft(OWNER, "draft-000002", new(), "save")
    await sessions.move(OWNER, "draft-000002", PROMOTED)
    assert await sessions.purge_due(OWNER, "draft-000001", SessionStatus.DRAFT, clock())
    assert not await sessions.purge_due(OWNER, "draft-000002", SessionStatus.DRAFT, clock())
    assert await told(engine, "draft-000002") == [(1, "created"), (2, "promoted")]
    created, deleted = [one for one in await stored_lines(engine) if one.subject.id == "draft-000001"]
    assert (created.actor, deleted.actor) == (Actor.ME, Actor.TIMER)
    assert (deleted.action.value, deleted.subject.title) == ("deleted", "Wells")


async def test_autosaves_that_share_a_row_share_the_line_of_the_first(engine: Engine, clock: Clock) -> None:
    sessions = session_store(engine)
    id = (await sessions.create(OWNER, new())).id
    for number in range(4):
        await sessions.save(OWNER, id, saving(f"first minute {number}"), autosave=True)
    clock.advance(seconds=61)
    for number in range(3):
        await sessions.save(OWNER, id, saving(f"second minute {number}"), autosave=True)
    head = await sessions.get_head(OWNER, id)
    assert await told(engine, id) == [(1, "created"), (2, "autosaved"), (6, "autosaved")]
    second, first = head.revisions[:2]
    assert [one.at for one in await stored_lines(engine)][1:] == [first.since, second.since]
    await sweep(engine)
    assert len(await told(engine, id)) == 3, "the sweep knows that one line stands for all of them"


async def test_a_save_that_changes_nothing_and_one_that_is_refused_have_no_line(engine: Engine) -> None:
    sessions = session_store(engine)
    head = await sessions.create(OWNER, new(content="one"))
    await sessions.save(OWNER, head.id, saving("one"))
    await sessions.touch(OWNER, head.id)
    with pytest.raises(Changed):
        await sessions.save(OWNER, head.id, saving("two"), Conditions(frozenset({'"9-0"'})))
    await sessions.delete(OWNER, head.id, purge=True)
    await sessions.delete(OWNER, head.id, purge=True)
    with pytest.raises(Gone):
        await sessions.save(OWNER, head.id, saving("two"))
    assert await told(engine, head.id) == [(1, "created"), (2, "deleted")]


async def test_saves_that_share_a_commit_have_a_line_each(engine: Engine) -> None:
    witness = Witness(engine)
    sessions = session_store(witness)
    id = (await sessions.create(OWNER, new())).id
    saves = [sessions.save(OWNER, id, saving(f"{n}"), autosave=n % 3 == 0) for n in range(9)]
    await asyncio.gather(*saves)
    await assert_told(engine, witness)
    assert len(await told(engine, id)) == 10


async def test_a_save_writes_its_line_in_its_commit(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    id = (await sessions.create(OWNER, new())).id
    created = [("commit", ("content", "session", "activity"))]
    assert [(one.verb, one.kinds) for one in counting.writes] == created
    counting.forget()
    await sessions.save(OWNER, id, saving("two"))
    await sessions.save(OWNER, id, SessionChange(title="Second"))
    writes = [(one.verb, one.kinds) for one in counting.writes]
    if saves_at_once(counting):
        assert writes == [("commit", ("session", "content", "activity")), ("commit", ("session", "activity"))]
    else:
        changed = [("replace", ("session",)), ("create", ("activity",))]
        assert writes == [("create", ("content",)), *changed, *changed]


async def test_an_autosave_that_takes_a_row_writes_no_line(engine: Engine) -> None:
    counting = CountingReads(engine)
    sessions = session_store(counting)
    id = (await sessions.create(OWNER, new())).id
    await sessions.save(OWNER, id, saving("two"), autosave=True)
    counting.forget()
    await sessions.save(OWNER, id, saving("three"), autosave=True)
    assert "activity" not in {kind for one in counting.writes for kind in one.kinds}


async def test_without_activity_no_line_is_written(engine: Engine, clock: Clock) -> None:
    sessions = SessionStore(Shared.over(engine, activity_retention=timedelta(0)), SessionRules())
    id = (await sessions.create(OWNER, new())).id
    await sessions.save(OWNER, id, saving("two"))
    await sessions.delete(OWNER, id)
    assert await stored_lines(engine) == []


async def test_the_sweep_writes_the_late_line_of_a_naming(engine: Engine, clock: Clock) -> None:
    in_steps = InSteps(engine)
    id = (await session_store(in_steps).create(OWNER, new())).id
    with pytest.raises(StoreUnavailable):
        await session_store(Dies(in_steps, at=2)).name_revision(OWNER, id, 1, "Wells")
    await session_store(in_steps).save(OWNER, id, saving("two"))
    await sweep(engine)
    assert await told(engine, id) == [(1, "created"), (1, "named"), (2, "saved")]


async def test_a_naming_is_a_line_behind_its_version(engine: Engine, clock: Clock) -> None:
    sessions = session_store(engine)
    id = (await sessions.create(OWNER, new())).id
    await sessions.save(OWNER, id, saving("two"))
    for name in ("Wells", "Wells", "Springs", None, "Wells"):
        await sessions.name_revision(OWNER, id, 1, name)
    assert sorted(await told(engine, id)) == [(1, "created"), *4 * [(1, "named")], (2, "saved")]
    lines = [one for one in await stored_lines(engine) if one.action is ActivityAction.NAMED]
    by_time = sorted(lines, key=lambda one: one.at)
    assert [one.name for one in by_time] == ["Wells", "Springs", None, "Wells"]
    assert all(one.content_bytes == 3 and one.subject.title == "First" for one in lines)


Act = Callable[[SessionStore], Awaitable[object]]


def life_of(id: str, *, with_namings: bool = True) -> list[Act]:
    """Returns changes of a session, each under a name by which a retry is recognised."""

    def save(content: str, *, autosave: bool = False) -> Act:
        name = f"save {len(content)} {content[:9]}"
        return lambda store: store.save(OWNER, id, saving(content), named(name), autosave=autosave)

    namings: list[Act] = [
        lambda store: store.name_revision(OWNER, id, 2, "Wells"),
        lambda store: store.name_revision(OWNER, id, 2, None),
    ]
    return [
        save("two"),
        save("three", autosave=True),
        save("four", autosave=True),
        lambda store: store.save(OWNER, id, SessionChange(title="Second"), named("rename")),
        lambda store: store.move(OWNER, id, CLOSED, named("close")),
        lambda store: store.move(OWNER, id, REOPENED, named("reopen")),
        save(LARGE),
        lambda store: store.restore(OWNER, id, 1, named("restore")),
        *(namings if with_namings else []),
        lambda store: store.delete(OWNER, id),
        lambda store: store.untrash(OWNER, id, named("untrash")),
        lambda store: store.delete(OWNER, id, purge=True),
    ]


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
async def test_a_life_that_is_killed_at_every_write_is_told_as_it_was(
    engine: Engine, clock: Clock, applied: bool
) -> None:
    for at in (1, 2, 3):
        witness = Witness(engine)
        id = (await session_store(witness).create(OWNER, new())).id
        for act in life_of(id):
            try:
                await act(session_store(Dies(witness, at, applied)))
            except StoreUnavailable:
                try:
                    await act(session_store(witness))
                except Gone:
                    pass  # deleted by the try before
        await sweep(engine)
        lines = [one for one in await stored_lines(engine) if one.subject.id == id]
        assert {one.id: (one.version, one.action.value) for one in lines} == witness.expected


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
async def test_what_is_killed_and_never_retried_is_told_if_it_happened(
    engine: Engine, clock: Clock, applied: bool
) -> None:
    witness = Witness(engine)
    for at in (1, 2, 3):
        id = (await session_store(witness).create(OWNER, new())).id
        # A sweep finds sessions by their versions, and a naming makes none. So it is its retry that tells of it.
        for act in life_of(id, with_namings=False):
            try:
                await act(session_store(Dies(witness, at, applied)))
            except (StoreUnavailable, IllegalMove, NotFound):
                await sweep(engine)
        await sweep(engine)
    await assert_told(engine, witness)


async def test_a_retry_of_an_interrupted_save_writes_its_line(engine: Engine) -> None:
    in_steps = InSteps(engine)
    id = (await session_store(in_steps).create(OWNER, new())).id
    with pytest.raises(StoreUnavailable):
        await session_store(Dies(in_steps, at=3)).save(OWNER, id, saving("two"), named("save"))
    assert await told(engine, id) == [(1, "created")]
    head = await session_store(in_steps).save(OWNER, id, saving("two"), named("save"))
    assert head.metadata.version == 2
    assert await told(engine, id) == [(1, "created"), (2, "saved")]


async def test_a_save_whose_response_is_lost_has_its_line(engine: Engine) -> None:
    witness = Witness(engine)
    losing = AnswersLost(InSteps(witness), ["replace", "create"], times=9)
    id = (await session_store(witness).create(OWNER, new())).id
    await session_store(losing).save(OWNER, id, saving("two"))
    await assert_told(engine, witness)


async def test_the_sweep_leaves_rows_to_their_commits_within_the_grace(engine: Engine, clock: Clock) -> None:
    in_steps = InSteps(engine)
    id = (await session_store(in_steps).create(OWNER, new())).id
    with pytest.raises(StoreUnavailable):
        await session_store(Dies(in_steps, at=3)).save(OWNER, id, saving("two"))
    stores = stores_over(engine)
    await stores.timers.run("sweep_sessions")
    assert len(await told(engine, id)) == 1
    clock.advance(minutes=16)
    assert (await stores.timers.run("sweep_sessions"))["lines_written"] == 1
    assert await told(engine, id) == [(1, "created"), (2, "saved")]
    await session_store(engine).save(OWNER, id, saving("three"))
    clock.advance(minutes=16)
    assert (await stores.timers.run("sweep_sessions"))["lines_written"] == 0


async def test_the_sweep_writes_a_late_line_of_the_first_autosave_of_a_row(engine: Engine, clock: Clock) -> None:
    in_steps = InSteps(engine)
    id = (await session_store(in_steps).create(OWNER, new())).id
    with pytest.raises(StoreUnavailable):
        await session_store(Dies(in_steps, at=3)).save(OWNER, id, saving("two"), autosave=True)
    for number in range(REMEMBERED_VERSIONS + 2):
        await session_store(in_steps).save(OWNER, id, saving(f"{number}"), autosave=True)
    head = await session_store(engine).get_head(OWNER, id)
    for _ in range(2):
        await sweep(engine)
        [created, late] = await stored_lines(engine)
        assert (created.action.value, late.action.value, late.at) == (
            "created",
            "autosaved",
            head.revisions[0].since,
        )


async def test_the_sweep_writes_nothing_that_the_retention_removes(engine: Engine, clock: Clock) -> None:
    sessions = session_store(engine)
    id = (await sessions.create(OWNER, new())).id
    clock.advance(days=80)
    await sessions.save(OWNER, id, saving("two"))
    clock.advance(days=11)
    stores = stores_over(engine)
    await run_daily(stores)
    await stores.timers.run("sweep_sessions")
    assert await told(engine, id) == [(2, "saved")]


async def test_lines_outlive_their_session_and_its_tombstone(engine: Engine, clock: Clock) -> None:
    stores = stores_over(engine)
    sessions = stores.sessions
    id = (await sessions.create(OWNER, new("Wells"))).id
    await sessions.delete(OWNER, id, purge=True)
    clock.advance(days=31)
    await clean_up(stores)
    assert (await run_daily(stores))["tombstones_forgotten"] == 1
    page = await ActivityStore(engine).page(OWNER)
    assert [(one.action.value, one.subject.title) for one in page.items] == [
        ("deleted", "Wells"),
        ("created", "Wells"),
    ]


async def test_a_session_that_is_erased_while_it_is_swept_leaves_no_line(engine: Engine, clock: Clock) -> None:
    in_steps = InSteps(engine)
    sessions = session_store(in_steps)
    id = (await sessions.create(OWNER, new())).id
    with pytest.raises(StoreUnavailable):
        await session_store(Dies(in_steps, at=3)).save(OWNER, id, saving("two"))

    class ErasedMeanwhile(CountingReads):
        async def aggregate(self, *given: object) -> int | float | str | None:
            counted = await super().aggregate(*given)  # type: ignore[arg-type]
            await sessions.erase(OWNER, id)
            for line in await stored_lines(engine):
                await ActivityStore(engine).lines.discard(line.id, OWNER)
            return counted

    await sweep(ErasedMeanwhile(engine))
    assert await stored_lines(engine) == []
