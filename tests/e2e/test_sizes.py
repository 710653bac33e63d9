"""Lists and polls read the same number of bytes, however large the contents are."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

import pytest

from persistence import Stores, stores_over
from persistence.content import CONTENT_MAX_BYTES, pack
from persistence.sessions.documents import NewSession
from persistence.storage.engine import Engine
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import SETTINGS
from tests.support.engines import CountingReads
from tests.support.http import Client
from tests.support.storage import Storage, call

SESSIONS = 20
SIZES = {"small": 1_024, "large": CONTENT_MAX_BYTES}
"""By owner, the bytes of content in each of their sessions."""
PAGE_BYTES = 4_096
PROCESS_IO = Path("/proc/self/io")


async def fill(stores: Stores, count: int = SESSIONS) -> dict[str, list[str]]:
    """Creates `count` sessions for each owner. Returns their ids."""
    random = Random(1)
    ids: dict[str, list[str]] = {}
    for owner, size in SIZES.items():
        # Random, so that gzip does not make it small.
        content = b64encode(random.randbytes(size * 3 // 4)).decode()
        heads = [await stores.sessions.create(owner, session(n, content)) for n in range(count)]
        ids[owner] = [head.id for head in heads]
    return ids


def session(number: int, content: str) -> NewSession:
    return NewSession(title=f"Session {number:02}", description="What it is about", content=pack(content))


def digits(count: int) -> int:
    """Returns the extra bytes for `count` sizes: the digits of a large number instead of a small one."""
    return count * (len(str(SIZES["large"])) - len(str(SIZES["small"])))


async def test_a_list_asks_for_heads_alone_however_large_the_contents_are(engine: Engine):
    counting = CountingReads(engine)
    stores = stores_over(counting, SETTINGS.store_rules())
    await fill(stores)
    bytes_read = {}
    for owner in SIZES:
        counting.forget()
        response = await Client(stores, SETTINGS, owner).get("persistence/sessions", page_size=str(SESSIONS))
        assert response.status == 200 and len(response.json["items"]) == SESSIONS
        assert (counting.verbs, counting.kinds_read) == (["query"], {"session"})
        bytes_read[owner] = counting.bytes_read
    assert bytes_read["large"] - bytes_read["small"] == digits(SESSIONS)


@pytest.mark.parametrize("path", ["persistence/sessions/metadata/{}", "persistence/sessions/{}"])
async def test_a_poll_reads_one_head_and_writes_nothing(engine: Engine, path: str):
    counting = CountingReads(engine)
    stores = stores_over(counting, SETTINGS.store_rules())
    bytes_read = {}
    for owner, ids in (await fill(stores, 1)).items():
        client = Client(stores, SETTINGS, owner)
        etag = (await client.get(path.format(ids[0]))).etag
        counting.forget()
        response = await client.get(path.format(ids[0]), {"If-None-Match": etag})
        assert (response.status, response.body, response.etag) == (304, b"", etag)
        [asked] = counting.asked
        assert (asked.verb, asked.ids) == ("read", (ids[0],))
        bytes_read[owner] = asked.bytes_read
    # The head contains the size in its metadata, in its one revision, and as all that it keeps.
    assert bytes_read["large"] - bytes_read["small"] == digits(3)


@pytest.mark.skipif(not PROCESS_IO.exists(), reason="only Linux counts what a process reads")
async def test_a_list_takes_no_content_from_the_sqlite_file(tmp_path: Path):
    filled = SqliteEngine(tmp_path)
    await fill(stores_over(filled, SETTINGS.store_rules()))
    await filled.close()
    assert (tmp_path / "savepoint.db").stat().st_size > SESSIONS * CONTENT_MAX_BYTES / 2
    bytes_read = {}
    for owner in SIZES:
        # A new engine has an empty cache.
        engine = SqliteEngine(tmp_path)
        stores = stores_over(engine, SETTINGS.store_rules())
        await until_checked(engine)
        before = bytes_read_so_far()
        page = await stores.sessions.page(owner, page_size=SESSIONS)
        bytes_read[owner] = bytes_read_so_far() - before
        assert len(page.items) == SESSIONS
        await engine.close()
    # The head of a large session has its own page in the file. Heads of small sessions share pages.
    assert 0 < bytes_read["large"] <= bytes_read["small"] + SESSIONS * PAGE_BYTES


async def until_checked(engine: SqliteEngine) -> None:
    """Waits for the check of the structure, which reads the whole file."""
    await asyncio.to_thread(engine._structure._thread.join)


def bytes_read_so_far() -> int:
    """Returns the bytes of all read calls of this process, from the disk or from the cache."""
    counts = dict(line.split(": ") for line in PROCESS_IO.read_text().splitlines())
    return int(counts["rchar"])


@pytest.mark.soak
async def test_a_list_takes_as_long_for_large_sessions_as_for_small_ones(storage: Storage):
    stores = storage.open()
    await fill(stores)
    await stores.close()
    seconds: dict[str, list[float]] = {owner: [] for owner in SIZES}
    with storage.serve() as server:
        async with call(server) as http:
            for _ in range(210):
                for owner, taken in seconds.items():
                    started = perf_counter()
                    response = await http.get("/sessions?page_size=20", headers={"X-User-Id": owner})
                    taken.append(perf_counter() - started)
                    assert len(response.json()["items"]) == SESSIONS
    small, large = (median(after_warming_up(taken)) for taken in seconds.values())
    assert 1 / 1.3 < large / small < 1.3, f"{small * 1e3:.2f} ms and {large * 1e3:.2f} ms"


def after_warming_up(taken: Sequence[float]) -> Sequence[float]:
    return taken[10:]
