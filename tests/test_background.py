"""Background work: it can be waited for, and every failure is logged."""

import asyncio

import pytest

from persistence.background import Background


async def test_what_is_started_goes_on_and_is_waited_for() -> None:
    background, may_end, ended = Background(), asyncio.Event(), list[str]()

    async def work(name: str) -> None:
        await may_end.wait()
        ended.append(name)

    for name in ("a", "b"):
        background.start(work(name), about=name)
    await background.settle("c")
    assert ended == []
    asyncio.get_running_loop().call_later(0.01, may_end.set)
    await background.settle("a")
    assert "a" in ended
    await background.drain()
    assert sorted(ended) == ["a", "b"]


async def test_draining_waits_for_what_the_work_itself_starts() -> None:
    background, ended = Background(), list[str]()

    async def second() -> None:
        await asyncio.sleep(0)
        ended.append("second")

    async def first() -> None:
        background.start(second())

    background.start(first())
    await background.drain()
    assert ended == ["second"]


@pytest.mark.parametrize("how", ["settle", "drain"])
async def test_a_caller_that_is_cancelled_while_it_waits_cancels_no_work(how: str) -> None:
    background, may_end, ended = Background(), asyncio.Event(), list[str]()

    async def work() -> None:
        await may_end.wait()
        ended.append("done")

    background.start(work(), about="a")
    caller = asyncio.create_task(background.settle("a") if how == "settle" else background.drain())
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    may_end.set()
    await background.drain()
    assert ended == ["done"]


async def test_a_pause_ends_with_its_time_by_its_event_and_when_the_tasks_are_drained() -> None:
    background, ended, end = Background(), list[str](), asyncio.Event()

    async def work(name: str, seconds: float, end: asyncio.Event) -> None:
        await background.pause(seconds, end)
        ended.append(name)

    background.start(work("time", 0.01, asyncio.Event()), about="time")
    background.start(work("no time", -1, asyncio.Event()), about="no time")
    background.start(work("event", 3_600, end), about="event")
    background.start(work("drained", 3_600, asyncio.Event()))
    await background.settle("time")
    await background.settle("no time")
    assert sorted(ended) == ["no time", "time"]
    end.set()
    await background.settle("event")
    assert ended[2:] == ["event"]
    await background.drain()
    assert ended[3:] == ["drained"]
    background.start(work("later", 3_600, asyncio.Event()))
    await asyncio.sleep(0.01)
    assert len(ended) == 4, "drained before, and not now"
    await background.drain()
    assert ended[4:] == ["later"]


async def test_a_failure_that_nobody_foresaw_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    background, ended = Background(), list[str]()

    async def fails() -> None:
        raise LookupError("unforeseen")

    async def works() -> None:
        await asyncio.sleep(0)
        ended.append("done")

    background.start(fails(), about="one")
    background.start(works())
    await background.settle("one")
    await background.drain()
    assert ended == ["done"]
    [record] = caplog.records
    assert "LookupError" in record.getMessage() and 'raise LookupError("unforeseen")' in record.getMessage()
