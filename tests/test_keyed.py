"""Keyed: one value per key, as long as it is referenced."""

import asyncio
from weakref import ref

from persistence.keyed import Keyed


async def test_a_key_has_one_value_while_it_is_held() -> None:
    locks = Keyed(asyncio.Lock)
    held = locks["ann", "one"]
    assert locks["ann", "one"] is held
    assert locks["ann", "two"] is not held and locks["ben", "one"] is not held


async def test_a_value_that_nobody_holds_is_dropped() -> None:
    locks = Keyed(asyncio.Lock)
    other = locks["other"]
    lock = locks["key"]
    dropped = ref(lock)
    del lock
    assert dropped() is None
    assert locks["key"] is not None and locks["other"] is other


async def test_only_a_missing_value_is_made() -> None:
    class Value:
        made = 0

        def __init__(self) -> None:
            Value.made += 1

    values = Keyed(Value)
    held = [values[key] for key in ("a", "b", "a")]
    assert Value.made == 2
    held.clear()
    assert isinstance(values["a"], Value) and Value.made == 3


async def test_tasks_that_come_and_go_never_share_a_lock() -> None:
    locks = Keyed(asyncio.Lock)
    inside, entered = 0, 0

    async def enter(delay: int) -> None:
        nonlocal inside, entered
        for _ in range(delay):
            await asyncio.sleep(0)
        async with locks["key"]:
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1
            entered += 1

    await asyncio.gather(*(enter(number % 7) for number in range(40)))
    assert entered == 40
