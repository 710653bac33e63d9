"""A fault in a timer ends one step, or skips one item. All else is done, and the log says what was not."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

from functions.timers import _run
from persistence import Stores
from persistence.documents import now
from persistence.errors import CorruptItem, ItemNotFound, OwnerFull, StoreUnavailable, Throttled
from persistence.kind import Counts, Kind, Step
from persistence.storage.containers import SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine, Item
from persistence.timers.run import StepFailed, Timers
from persistence.timers.scan import Scan
from persistence.timers.watermarks import Watermark
from tests.support.items import store, thing
from tests.support.timers import records

PRIVATE = "a private title"


def timers(engine: Engine, *faults: Exception | None) -> Timers:
    """Returns timers with a step for each fault. Each counts `done` if it has none."""

    def step(fault: Exception | None) -> Step:
        async def run(at: datetime, counts: Counts) -> None:
            if fault is not None:
                raise fault
            counts.add("done")

        return Step(("done",), run)

    return Timers([Kind(timer_steps={"sweep_sessions": [step(fault)]}) for fault in faults], engine)


@pytest.mark.parametrize(
    "fault", [StoreUnavailable(), Throttled(1), ValueError(PRIVATE), KeyError(PRIVATE)], ids=repr
)
async def test_a_step_that_fails_stops_no_other_and_the_host_sees_it(
    engine: Engine, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    raised = type(fault) if isinstance(fault, StoreUnavailable) else StepFailed
    with pytest.raises(raised) as failed:
        await _run(timers(engine, None, fault, None, StoreUnavailable(), None), records(engine), "sweep_sessions")
    assert failed.value.__cause__ is None and failed.value.__suppress_context__
    [counts] = [one for one in caplog.messages if one.startswith("sweep_sessions in part: done 3")]
    assert not [one for one in caplog.messages if one.startswith("sweep_sessions:")], "the alert waits for it"
    [ended] = [record for record in caplog.records if "ended with errors" in record.getMessage()]
    assert ended.levelno == logging.ERROR and "sweep_sessions" in ended.getMessage()
    assert len([one for one in caplog.messages if one.startswith("A step of") and "reference" in one]) == 2
    assert PRIVATE not in caplog.text and PRIVATE not in repr(failed.value)


async def test_a_run_without_a_fault_has_one_line(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await _run(timers(engine, None, None), records(engine), "sweep_sessions")
    assert len([one for one in caplog.records if one.name == "savepoint.timers"]) == 1


async def each(engine: Engine, work: Callable[[Item], Awaitable[None]]) -> Counts:
    """Does the work with ten items, a few at once."""
    counts = Counts(())
    items = [thing(f"item-{n}", n=n) for n in range(10)]
    await Scan(engine, 100).each(counts, items, work)
    return counts


@pytest.mark.parametrize(
    "fault",
    [ValueError(PRIVATE), TypeError(PRIVATE), OverflowError(PRIVATE), AssertionError(PRIVATE)]
    + [LookupError(PRIVATE), CorruptItem("session", "item-3"), OwnerFull()],
    ids=lambda one: type(one).__name__,
)
async def test_an_item_with_a_fault_is_skipped_with_a_reference_and_stops_no_other(
    engine: Engine, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    done = []

    async def work(item: Item) -> None:
        if item["n"] == 3:
            raise fault
        if item["n"] == 4:
            raise ItemNotFound
        done.append(item["n"])

    counts = await each(engine, work)
    assert counts["skipped"] == 1 and sorted(done) == [0, 1, 2, 5, 6, 7, 8, 9]
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "item-3" in line and "reference" in line and PRIVATE not in caplog.text


@pytest.mark.parametrize("fault", [StoreUnavailable(), Throttled(1)], ids=lambda one: type(one).__name__)
async def test_a_store_that_is_away_ends_the_step(engine: Engine, fault: StoreUnavailable) -> None:
    async def work(item: Item) -> None:
        if item["n"] == 3:
            raise fault

    with pytest.raises(type(fault)):
        await each(engine, work)


async def test_an_item_that_cannot_be_read_is_skipped_without_work(engine: Engine) -> None:
    async def work(item: Item) -> None:
        raise AssertionError("nothing is known of it")

    counts = Counts(())
    await Scan(engine, 100).each(counts, [{"id": "one", "schema": None}], work)
    assert counts["skipped"] == 1


async def test_what_is_due_and_damaged_is_left_and_what_is_sound_is_done(stores: Stores) -> None:
    engine = stores.engine
    at = "2024-01-01T00:00:00.000000Z"
    await store(engine, [{**thing(f"{n}", kind="watermark"), "until": at, "deleted_at": at} for n in range(3)])
    etag = (await engine.read(SESSIONS, "1", "ann")).etag
    await engine.replace(SESSIONS, {**thing("1", kind="watermark"), "schema": None, "deleted_at": at}, etag)
    counts = Counts(("tombstones_forgotten",))
    await Scan(engine, 100).forget_tombstones(counts, DocumentSet(engine, SESSIONS, Watermark), now())
    assert (counts["tombstones_forgotten"], counts["skipped"]) == (2, 1)
    assert (await engine.read(SESSIONS, "1", "ann")).item["deleted_at"] == at
