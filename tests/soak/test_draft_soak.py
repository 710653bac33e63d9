"""Many drafts are saved every 200 ms on a bad line, through two servers. One server is killed again and again.

At the end every draft has the newest acknowledged content, and the other server uses no more memory than before.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from random import Random

import aiohttp
import pytest

from tests.conftest import new_cosmos_account
from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost
from tests.support.drafting import Tab, assert_matches
from tests.support.storage import Storage, look_into, on_cosmos, on_sqlite

KEEP = 20
SLOPE_MAX_MB_A_MINUTE = 4.0
"""Memory growth of the surviving server, after the first third of the time."""
GROWTH_MAX_MB = 40.0
"""Instead of the slope, for runs too short to measure one."""


def memory_mb(server: DevhostServer) -> float:
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the server is gone")


async def sample_memory(server: DevhostServer, samples: list[tuple[float, float]]) -> None:
    while True:
        samples.append((time.monotonic(), memory_mb(server)))
        await asyncio.sleep(0.5)


def slope_a_minute(samples: Sequence[tuple[float, float]]) -> float:
    """Returns the slope by least squares, in megabytes a minute."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread


async def kill_now_and_then(storage: Storage, victim: DevhostServer, every: float, stop: asyncio.Event) -> int:
    """Kills a server and restarts it on the same port, until `stop`. Returns the number of kills."""
    random, kills = Random(1), 0
    with ExitStack() as restarted:
        while True:
            try:
                await asyncio.wait_for(stop.wait(), every * random.uniform(0.5, 1.5))
                return kills
            except TimeoutError:
                victim.kill()
                kills += 1
                again = run_devhost(REPOSITORY, storage.environ, victim.port)
                victim = await asyncio.to_thread(restarted.enter_context, again)


async def soak(storage: Storage, drafts: int, seconds: float, kill_every: float) -> Sequence[tuple[float, float]]:
    """Runs the load and checks every draft. Returns the memory samples of the surviving server."""
    storage = Storage({**storage.environ, "KEEP_REVISIONS": str(KEEP)})
    samples: list[tuple[float, float]] = []
    async with AsyncExitStack() as stack:
        survivor, victim = (stack.enter_context(storage.serve()) for _ in range(2))
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        tabs = [Tab(number, http, [survivor, victim]) for number in range(drafts)]
        stop = asyncio.Event()
        killing = asyncio.create_task(kill_now_and_then(storage, victim, kill_every, stop))
        sampling = asyncio.create_task(sample_memory(survivor, samples))
        began = time.monotonic()
        try:
            await asyncio.gather(*(tab.work(began + seconds) for tab in tabs))
        finally:
            sampling.cancel()
            stop.set()
            kills = await killing
        took = time.monotonic() - began

    stores = storage.open()
    # With this many deliberate saves, no autosave stays in a history.
    found = await look_into(stores.engine, has_gaps=True)
    await stores.close()
    assert found.heads.keys() == {tab.id for tab in tabs}
    for tab in tabs:
        assert_matches(tab, found.heads[tab.id], KEEP)
    counts = sum((tab.counts for tab in tabs), Counter[str]())
    # A save that was interrupted leaves at most one content for the timer.
    assert len(found.orphans) <= counts["cut off"] + counts["no response"] + counts["given up"]
    saves = sum(len(tab.acknowledged) for tab in tabs)
    milliseconds = sorted(1e3 * second for tab in tabs for second in tab.seconds)
    p50, p95 = (milliseconds[int(len(milliseconds) * share)] for share in (0.5, 0.95))
    print(
        f"\n{drafts} drafts, {took:.0f} s, {kills} kills: {saves} saves acknowledged, {saves / took:.0f} a second,"
        f" p50 {p50:.0f} ms, p95 {p95:.0f} ms; {dict(counts)};"
        f" contents left for the timer {len(found.orphans)};"
        f" memory {samples[0][1]:.0f} to {samples[-1][1]:.0f} MB"
    )
    assert kills > 0 and min(counts[name] for name in ("cut off", "twice", "late", "no response")) > 0
    assert saves > drafts * seconds, "less than one save a second per draft is no load"
    return samples


def after_warm_up(samples: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    return samples[len(samples) // 3 :]


@pytest.fixture(params=["sqlite", "cosmos"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """The storage of each engine in turn."""
    if request.param == "sqlite":
        return on_sqlite(tmp_path / "data")
    return on_cosmos(await new_cosmos_account(request.getfixturevalue("cosmos_endpoint")))


async def test_ten_drafts_hold_the_newest_acknowledged_content(storage: Storage) -> None:
    storage = Storage({**storage.environ, "AUTOSAVE_COALESCE_SECONDS": "3"})
    samples = await soak(storage, drafts=10, seconds=8, kill_every=3)
    rest = after_warm_up(samples)
    assert rest[-1][1] - rest[0][1] < GROWTH_MAX_MB


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_fifty_drafts_for_five_minutes_hold_the_newest_acknowledged_content(storage: Storage) -> None:
    samples = await soak(storage, drafts=50, seconds=300, kill_every=20)
    slope = slope_a_minute(after_warm_up(samples))
    print(f"memory after warm-up: {slope:+.2f} MB a minute")
    assert slope < SLOPE_MAX_MB_A_MINUTE
