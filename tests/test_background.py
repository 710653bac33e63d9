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
