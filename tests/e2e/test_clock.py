"""A real server whose clock is set while it runs: a year ahead once, and put back."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost
from tests.support.faketime import SetClock, needs_faketime

pytestmark = needs_faketime
DRAFT = "persistence/drafts/draft-000001"


@pytest.fixture
def clock(tmp_path: Path) -> SetClock:
    return SetClock(tmp_path / "clock")


@pytest.fixture
def server(tmp_path: Path, clock: SetClock) -> Iterator[DevhostServer]:
    # Each whole day of the clock has one run, and none is near.
    far = datetime.now(UTC) + timedelta(hours=12)
    settings = {
        "STORE_ENGINE": "sqlite",
        "AUTH_MODE": "local",
        "DATA_DIR": str(tmp_path / "data"),
        "PURGE_SCHEDULE": f"0 {far.minute} {far.hour} * * *",
    }
    with run_devhost(REPOSITORY, {**settings, **clock.env}) as running:
        yield running


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def call(server: DevhostServer, method: str, path: str, **rest: object) -> httpx.Response:
    response = httpx.request(method, f"{server.base_url}/{path}", timeout=20, **rest)  # type: ignore[arg-type]
    assert response.is_success, response.text
    return response


def drafts(server: DevhostServer) -> int:
    # A list is no access.
    return len(call(server, "GET", "api/persistence/drafts").json()["items"])


def runs(server: DevhostServer) -> int:
    return server.stderr().count("purge_stale_drafts: ")


def test_a_clock_that_is_a_year_ahead_once_purges_nothing(server: DevhostServer, clock: SetClock) -> None:
    call(server, "PUT", f"api/{DRAFT}", json={"content": "one"})
    call(server, "POST", "admin/functions/purge_stale_drafts")
    wait_for(lambda: runs(server) == 1)
    clock.set("+366d")
    wait_for(lambda: runs(server) == 2)
    assert "The daily timer deletes nothing this time" in server.stderr()
    assert drafts(server) == 1
    clock.set("+0")
    call(server, "POST", "admin/functions/purge_stale_drafts")
    wait_for(lambda: runs(server) == 3)
    assert server.stderr().count("The daily timer deletes nothing this time") == 2
    assert drafts(server) == 1


def test_after_a_refused_run_the_next_daily_run_goes_on(server: DevhostServer, clock: SetClock) -> None:
    call(server, "PUT", f"api/{DRAFT}", json={"content": "one"})
    call(server, "POST", "admin/functions/purge_stale_drafts")
    wait_for(lambda: runs(server) == 1)
    clock.set("+366d")
    wait_for(lambda: runs(server) == 2)
    assert drafts(server) == 1
    clock.set("+367d")
    wait_for(lambda: runs(server) == 3)
    assert "drafts purged 1" in server.stderr()
    assert drafts(server) == 0


def test_autosaves_after_the_clock_was_put_back_replace_no_version(server: DevhostServer, clock: SetClock) -> None:
    for offset, content in (("+0", "one"), ("+0", "two"), ("-2h", "three"), ("-1h", "four")):
        clock.set(offset)
        call(server, "PUT", f"api/{DRAFT}", json={"content": content})
    history = call(server, "GET", "api/persistence/sessions/draft-000001/revisions").json()
    revisions = history["items"] if isinstance(history, dict) else history
    assert [one["version"] for one in revisions] == [4, 3, 2, 1]
