"""Kills of a server while clients write."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from tests.devhost.server import DevhostServer


async def kill_at_work(server: DevhostServer, work: Iterable[Coroutine[Any, Any, Any]], seconds: float) -> None:
    """Lets clients do their work for `seconds`, then kills the server. Returns when each client has noticed it."""
    working = [asyncio.create_task(one) for one in work]
    ended, _ = await asyncio.wait(working, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*ended)
    assert not ended, "a client lost its connection before the kill"
    server.kill()
    await asyncio.gather(*working)
