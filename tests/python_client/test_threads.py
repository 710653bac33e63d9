"""What can raise, hang or be many: the thread that saves lives on, and says what is wrong."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from savepoint_client import DocumentState, Offline, connect

from tests.browser.line import never_arrives
from tests.python_client.conftest import Person
from tests.python_client.dropping import dropping
from tests.python_client.waiting import eventually

QUICK: dict[str, Any] = {"wait": 0.05, "journal_after": 0.02}


class Once:
    """Raises when it is called first."""

    def __init__(self, then: Callable[..., Any]) -> None:
        self._then = then
        self.calls = 0

    def __call__(self, *given: Any) -> Any:
        self.calls += 1
        if self.calls == 1:
            raise ValueError("no luck")
        return self._then(*given)


def test_p20_a_text_that_cannot_be_read_turns_the_light_red_and_then_is_saved(person: Person) -> None:
    document = person.connect().open(serialize=Once(lambda: "two"), **QUICK)
    document.changed()
    eventually(lambda: document.state.error)
    assert document.state.status == "refused" and "no luck" in str(document.state.error)
    document.changed()
    eventually(lambda: document.state.status == "clean")
    assert document.state.error is None and person.server.content(document.id) == "two"


def test_p20_a_text_that_was_read_while_it_changed_is_read_again(person: Person) -> None:
    document = person.connect().open(serialize=Once(lambda: "two"), **QUICK)
    document.changed()
    eventually(lambda: document.state.status == "clean")
    assert person.server.content(document.id) == "two"


def test_p20_a_journal_that_fails_turns_the_light_red_and_the_edit_is_saved(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = person.connect()
    document = server.open(**QUICK)
    monkeypatch.setattr(server.journal, "put", Once(server.journal.put))
    seen = list[DocumentState]()
    document.subscribe(seen.append)
    document.changed("one")
    eventually(lambda: document.state.status == "clean")
    assert any(each.error and "no luck" in each.error for each in seen)
    assert person.server.content(document.id) == "one" and document.state.error is None


def test_p20_a_subscriber_that_fails_turns_the_light_red_and_the_edit_is_saved(person: Person) -> None:
    document = person.connect().open(**QUICK)
    document.subscribe(Once(lambda state: None))
    assert "no luck" in str(document.state.error)
    document.changed("one")
    eventually(lambda: document.state.status == "clean")
    assert document.state.error is None and person.server.content(document.id) == "one"


def test_p21_without_a_thread_flush_saves_in_the_caller(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    document = person.connect().open(**QUICK)
    monkeypatch.setattr(threading.Thread, "start", cannot)
    document.changed("one")
    assert document._running.saver._threads == {}
    person.line.works()
    monkeypatch.undo()  # the line has a thread for each connection
    monkeypatch.setattr(document._running.saver, "wake", lambda lane: None)
    document.flush(timeout=5)
    assert person.server.content(document.id) == "one"


def test_p21_flush_raises_in_time_if_nothing_responds(person: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        url = f"http://127.0.0.1:{hole.getsockname()[1]}/api/persistence"
        with connect(url, journal_dir=person.journal_dir) as server:
            document = server.open()
            document.changed("one")
            before = time.monotonic()
            with pytest.raises(Offline):
                document.flush(timeout=0.6)
            assert time.monotonic() - before < 6
            assert document.state.safe == "device"
            document.close(timeout=0.1)


@pytest.mark.parametrize("applied", [False, True], ids=["before it arrives", "before its response"])
def test_p29_a_connection_that_the_server_has_dropped_makes_one_version(person: Person, applied: bool) -> None:
    id = person.server.create("one")
    with dropping(person.line, applied=applied) as origin:
        with connect(
            f"{origin}/api/persistence", headers={"X-User-Id": person.name}, journal_dir=person.journal_dir
        ) as server:
            document = server.open(id, **QUICK)
            for text in ("two", "three"):
                document.changed(text)
                eventually(lambda: document.state.status == "clean")
            assert server.account.usage().used.sessions == 1
    assert document.state.version == 3 and person.server.history(id)[0] == "three"
    assert len({each.headers["Idempotency-Key"] for each in person.line.writes()}) == 2


def test_p29_lost_responses_make_one_version_and_log_no_link(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    document = person.connect().open(person.server.create("one"))
    link = document.share(title="For the team")
    person.connect().snapshots.get(link.id)
    assert link.url.endswith(link.id) and link.id not in caplog.text
    drops = iter([True])
    person.line.breaks(lambda sent, forward: None if forward() and next(drops, False) else forward(), "PUT|PATCH")
    document.changed("two")
    eventually(lambda: document.state.status == "dirty")
    with pytest.raises(Offline):
        document.flush()
    document.flush()
    assert person.server.history(document.id) == ["two", "one"]
    assert len({each.headers["Idempotency-Key"] for each in person.line.writes("/content")}) == 1


async def test_p30_calls_work_in_a_running_event_loop(person: Person) -> None:
    document = person.connect().open()
    document.changed("one")
    document.flush()
    document.changed("two")
    await asyncio.to_thread(document.flush)
    assert person.server.content(document.id) == "two"


def test_p30_what_a_killed_kernel_left_is_offered_and_opened(person: Person) -> None:
    id = person.server.create("one")
    first = person.connect().open(id, wait=60, journal_after=0.01)
    person.line.breaks(never_arrives)
    first.changed("two")
    eventually(lambda: first.state.safe == "device")
    first._running.stop()
    first._running.saver.close()
    person.line.works()
    server = person.connect()
    (offered,) = server.recoverable()
    assert (offered.content, offered.current, offered.version) == ("two", True, 1)
    shown = list[str]()
    second = server.open(id, apply=shown.append)
    second.flush()
    assert shown == ["two"] and second.state.recovered
    assert person.server.history(id) == ["two", "one"] and not server.recoverable()


def test_what_an_open_document_has_is_offered_to_nobody(person: Person) -> None:
    document = person.connect().open(wait=60, journal_after=0.01)
    document.changed("one")
    eventually(lambda: document.state.safe == "device")
    assert person.entries() and not person.connect().recoverable()


@pytest.mark.parametrize(
    ("threads", "documents", "seconds"),
    [(20, 5, 1.5), pytest.param(100, 20, 60, marks=[pytest.mark.soak, pytest.mark.timeout(400)])],
)
def test_p15_many_threads_lose_nothing_and_leave_nothing(
    person: Person, threads: int, documents: int, seconds: float
) -> None:
    server = person.connect()
    opened = [server.open(title=f"Race {n}", wait=0.1) for n in range(documents)]
    locks = [threading.Lock() for _ in opened]
    last = [""] * documents
    end = time.monotonic() + seconds
    before = threading.active_count()
    sizes = list[int]()

    def edits(number: int) -> None:
        count = 0
        while time.monotonic() < end:
            at = (number + count) % documents
            count += 1
            with locks[at]:
                last[at] = f"thread {number} edit {count}"
                opened[at].changed(last[at])
            time.sleep(0.005)

    running = [threading.Thread(target=edits, args=(n,)) for n in range(threads)]
    for each in running:
        each.start()
    while any(each.is_alive() for each in running):
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]))
        time.sleep(seconds / 20)
    for each in running:
        each.join()
    for document, text in zip(opened, last, strict=True):
        document.flush()
        assert person.server.content(document.id) == text
        document.close()
    ours = [each.name for each in threading.enumerate() if each.name.startswith("savepoint-")]
    assert sorted(ours) == ["savepoint-journal", "savepoint-saver"]
    assert sizes[-1] < sizes[len(sizes) // 2] * 1.5
    assert threading.active_count() <= before + 40  # those of the line
    assert not person.entries()
