"""Processes that end, are killed or fork while something is not saved. Numbers: docs/python-client.md."""

import fcntl
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from savepoint_client import journal
from savepoint_client.http import Call, Http, new_client
from savepoint_client.presence import Presence

from tests.browser.line import answer_is_lost, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.processes import ends, run, says, start
from tests.python_client.waiting import eventually


@contextmanager
def served_by(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yields the origin of a server whose thread runs `serve`, which must end in the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(20)
        assert not thread.is_alive()


DIRTY = """
document = server.open(title="Lap times", wait=60)
document.changed("one")
"""


def leave(person: Person, *texts: str) -> None:
    """Leaves documents in the journal that were never sent, each of a process that is gone."""
    for text in texts:
        run(person, DIRTY.replace("one", text) + "document._running.keep(); os._exit(0)")


def test_p22_a_terminated_process_has_written_the_journal(person: Person) -> None:
    process = start(
        person,
        DIRTY
        + """
while document.state.safe != "device": time.sleep(0.01)
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, document.id, flush=True)
time.sleep(60)
""",
    )
    unasked, id = says(process).split()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert unasked == "True" and process.returncode == -signal.SIGTERM
    assert not person.line.writes()
    (claimed,) = person.connect().recover()
    assert (claimed.id, claimed.copy, claimed.status) == (id, False, "clean")
    assert person.server.content(id) == "one" and not person.entries()


def test_p23_what_is_not_saved_at_exit_is_saved_then(person: Person) -> None:
    id = run(person, DIRTY + "print(document.id)").strip()
    assert person.server.content(id) == "one" and not person.entries()
    (sent,) = person.line.writes()
    assert "on_conflict=copy" in sent.path


def test_p23_a_black_hole_at_exit_holds_nobody_up(person: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        script = (
            "from savepoint_client import saver; saver.AT_EXIT_SECONDS = 1.0\n"
            + DIRTY
            + "print(document.id, flush=True)"
        )
        process = start(person, script, URL=f"http://127.0.0.1:{hole.getsockname()[1]}/api/persistence")
        says(process)
        before = time.monotonic()
        ends(process)
        assert time.monotonic() - before < 10, "a request may take a minute"
    assert len(person.entries()) == 1


def test_p23_a_conflict_at_exit_becomes_a_copy(person: Person) -> None:
    id = person.server.create("one")
    process = start(person, f'document = server.open("{id}", wait=60); print(1, flush=True); input()\n'
                    'document.changed("mine")')  # fmt: skip
    says(process)
    person.server.save(id, "theirs")
    process.communicate("go\n")
    assert person.server.content(id) == "theirs"
    assert [person.server.content(each["id"]) for each in person.server.drafts()] == ["mine"]
    assert not person.entries()


def test_p24_only_the_parent_sends_what_it_has_not_saved(person: Person) -> None:
    run(
        person,
        DIRTY
        + """
names = {server.saver.presence.name}
for _ in range(4):
    out, into = os.pipe()
    if os.fork() == 0:
        assert not document.state.dirty and not server.saver._threads
        os.write(into, server.saver.presence.name.encode())
        sys.exit(0)
    os.wait()
    names.add(os.read(out, 99))
assert len(names) == 5
""",
    )
    assert len(person.line.writes()) == 1
    assert [person.server.content(each["id"]) for each in person.server.drafts()] == ["one"]


@pytest.mark.parametrize("times", [40, pytest.param(1_000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_p25_children_that_edit_and_end_hang_nobody_and_lose_nothing(person: Person, times: int) -> None:
    process = start(
        person,
        """
import threading
document = server.open(title="Parent", wait=0.01, journal_after=0.01)
stopped = threading.Event()
def edits():
    n = 0
    while not stopped.is_set():
        document.changed(f"parent {n}")
        n += 1
        time.sleep(0.001)
thread = threading.Thread(target=edits)
thread.start()
"""
        f"for n in range({times}):"
        """
    child = os.fork()
    if child == 0:
        mine = server.open(title="Child", wait=60) if n % 10 == 0 else document
        mine.changed(f"child {n}")
        os._exit(0)
    end = time.monotonic() + 30
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "a child hangs"
        time.sleep(0.001)
stopped.set()
thread.join()
document.close()
""",
    )
    ends(process, seconds=30 + times)
    found = {each.content for each in person.connect().recoverable()} | set(person.server.everything())
    assert {f"child {n}" for n in range(times)} <= found


def test_p28_a_damaged_journal_is_put_aside_and_the_rest_is_recovered(person: Person) -> None:
    run(person, """
from savepoint_client import saver
saver.AT_EXIT_SECONDS = 0.0
for n in range(5): server.open(title=f"Race {n}", wait=60, journal_after=0).changed(f"text {n}")
while any(each.shown.safe == 'nowhere' for each in server.saver._unsaved): time.sleep(0.01)
os._exit(0)
""")  # fmt: skip
    whole, *others = person.entries()
    executed = person.journal_dir / "executed"
    pickle = f"cos\nsystem\n(S'touch {executed}'\ntR.".encode()
    damages: list[bytes] = [b"", bytes(2_000), others[2].read_bytes()[:100], pickle]
    for path, damage in zip(others, damages, strict=True):
        path.write_bytes(damage)
    found = person.connect().recoverable()
    assert sorted(str(each.aside) for each in found) == ["None", *["unreadable"] * 4]
    assert not executed.exists() and whole.exists()
    assert damages[2].decode() in {each.content for each in found}
    assert len(person.connect().recover()) == 1


def test_p28_an_entry_that_was_taken_on_a_full_disk_is_recovered(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, raw: bytes) -> None:
        raise OSError(28, "No space left on device")

    leave(person, "one", "two")
    server = person.connect()
    first, second = server.recoverable()
    assert first.entry and second.entry
    server.journal.take(first.entry, server.owner(), "gone.1")  # as if that process was killed then
    monkeypatch.setattr(journal, "_write", full)
    assert [each.status for each in server.recover()] == ["clean", "clean"]
    assert set(person.server.everything()) == {"one", "two"} and not person.entries()


def test_p28_a_save_whose_response_was_lost_and_the_edit_after_it_are_recovered(person: Person) -> None:
    id = person.server.create("one")
    person.line.breaks(answer_is_lost, "PUT|PATCH")
    script = f"""
document = server.open("{id}", wait=0.01, journal_after=0.01)
document.changed("two")
while not (document._running.state.attempt and document._running.state.attempt.at == 2): time.sleep(0.01)
document.changed("three")
document._running.keep()
os._exit(0)
"""
    run(person, script)
    person.line.works()
    assert person.server.content(id) == "two"
    (claimed,) = person.connect().recover()
    assert (claimed.id, claimed.copy, person.server.content(id)) == (id, False, "three")
    assert not person.entries()


def test_p27_a_document_opens_if_what_is_left_of_it_cannot_be_taken(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = person.server.create("one")
    run(person, f'document = server.open("{id}"); document.changed("two"); document._running.keep(); os._exit(0)')

    def cannot(*_: object) -> None:
        raise FileExistsError

    monkeypatch.setattr(Presence, "show", cannot)
    assert person.connect().open(id).text == "one" and len(person.entries()) == 1


def test_p23_many_documents_at_exit_hold_nobody_up(person: Person) -> None:
    server = person.connect()
    documents = [server.open(wait=60, max_wait=60) for _ in range(20)]
    with socket.create_server(("127.0.0.1", 0)) as hole:
        for number, document in enumerate(documents):
            document.changed(str(number))
            document._effects.services._base_url = f"http://127.0.0.1:{hole.getsockname()[1]}/api/persistence"  # type: ignore[attr-defined]
        before = time.monotonic()
        server.saver.flush(0.5, ending=True)
        assert time.monotonic() - before < 5
    assert len(person.entries()) == 20
    for document in documents:
        document._running.stop()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "


@pytest.mark.parametrize("first", [False, True], ids=["a connection that was used", "a new connection"])
@pytest.mark.parametrize("start", [HEAD + b"999\r\n\r\n", HEAD[:-16] + b"X-Long: "], ids=["body", "headers"])
def test_p23_a_response_that_drips_is_bounded(start: bytes, first: bool) -> None:
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            if not first:
                connection.recv(65_536)
                connection.sendall(HEAD + b"2\r\n\r\n{}")
            connection.recv(65_536)
            connection.sendall(start)
            while not over.wait(0.05):
                connection.sendall(b" ")

    with served_by(drip) as origin, new_client() as client:
        http = Http(origin, client)
        assert first or http.send(Call("GET", "/", {}), {}).status == 200
        before = time.monotonic()
        assert http.send(Call("GET", "/", {}), {}, 0.5).status == 0
        assert time.monotonic() - before < 3
        over.set()


def test_p23_a_request_that_is_read_slowly_is_bounded() -> None:
    over = threading.Event()

    def sip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            while not over.wait(0.05):
                connection.recv(16_384)

    with served_by(sip) as origin, new_client() as client:
        before = time.monotonic()
        call = Call("PUT", "/", {"Content-Encoding": "identity"}, bytes(8_000_000))
        assert Http(origin, client).send(call, {}, 0.5).status == 0
        assert time.monotonic() - before < 5
        over.set()


def test_p28_an_entry_that_cannot_be_taken_keeps_no_other_waiting(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(person, "one", "two")
    server = person.connect()
    offered = server.recoverable()
    assert offered[0].entry and server.journal.take(offered[0].entry, server.owner(), "gone.1")
    monkeypatch.setattr(server, "recoverable", lambda: offered)
    assert [each.id for each in server.recover()] == [offered[1].id]


def test_p27_a_journal_that_cannot_be_written_stops_no_save(meet: Callable[..., Person], tmp_path: Path) -> None:
    person = meet()
    blocked = tmp_path / "file"
    blocked.write_text("")
    document = person.connect(journal_dir=blocked).open(wait=60, journal_after=0.01)
    document.changed("one")
    eventually(lambda: document.state.error)
    assert document.state.safe == "nowhere" and "could not keep" in str(document.state.error)
    assert document.flush().safe == "server" and document.state.error is None
    assert person.server.content(document.id) == "one"


def test_p27_saving_waits_for_no_lock(person: Person) -> None:
    document = person.connect().open(wait=60, journal_after=0.01)
    document.changed("one")
    eventually(lambda: document.state.safe == "device")
    held = [open(path) for path in person.journal_dir.rglob("*") if path.is_file()]
    try:
        for file in held:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        document.changed("two")
        document.flush(timeout=10)
    finally:
        for file in held:
            file.close()
    assert person.server.content(document.id) == "two" and not person.entries()


@pytest.mark.parametrize("home", ["missing", "file/below"])
def test_p27_without_a_home_the_journal_is_in_no_shared_folder(person: Person, tmp_path: Path, home: str) -> None:
    (tmp_path / "file").write_text("")
    before = set(Path(tempfile.gettempdir()).iterdir())
    process = start(
        person,
        """
server = connect(os.environ["URL"], headers={"X-User-Id": os.environ["USER_ID"]})
document = server.open(wait=60, journal_after=0)
document.changed("one")
while document.state.safe == "nowhere" and not document.state.error: time.sleep(0.01)
print(document.state.safe, server.saver.presence.root)
""",
        HOME=str(tmp_path / home),
        XDG_DATA_HOME="",
    )
    safe, root = process.communicate(timeout=60)[0].split()
    assert safe == ("device" if home == "missing" else "nowhere") and Path(root).is_relative_to(tmp_path / home)
    assert not [each for each in set(Path(tempfile.gettempdir()).iterdir()) - before if "savepoint" in each.name]
    assert [person.server.content(each["id"]) for each in person.server.drafts()] == ["one"]


def test_p27_two_hosts_that_recover_one_entry_make_one_version(person: Person, tmp_path: Path) -> None:
    id = person.server.create("one")
    document = person.connect().open(id, wait=60)
    person.line.breaks(never_arrives)
    document.changed("two")
    eventually(lambda: document.state.safe == "device")
    document.close(timeout=0.1)
    person.line.works()
    (entry,) = person.entries()
    raw, place = entry.read_bytes(), entry.relative_to(person.journal_dir)
    for host in ("a", "b"):
        copy = tmp_path / host / place
        copy.parent.mkdir(parents=True)
        copy.write_bytes(raw)
        server = person.connect(journal_dir=tmp_path / host)
        for each in server.recoverable():
            server.claim(each)
        assert not server.recoverable()
    assert person.server.history(id) == ["two", "one"]


def test_p27_the_journal_is_readable_by_its_user_only(person: Person) -> None:
    document = person.connect().open(wait=60, journal_after=0.01)
    document.changed("one")
    eventually(lambda: document.state.safe == "device")
    (entry,) = person.entries()
    assert entry.stat().st_mode & 0o777 == 0o600 and entry.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("rounds", "seconds"),
    # A machine that is busy with other tests may write later.
    [(2, 4.0), pytest.param(60, 1.0, marks=[pytest.mark.soak, pytest.mark.timeout(900)])],
)
def test_p30_a_killed_process_loses_nothing_older_than_a_second(
    person: Person, rounds: int, seconds: float
) -> None:
    for n in range(rounds):
        process = start(person, """
document = server.open(title="Kill", wait=0.7)
n = 0
while True:
    n += 1
    print(n, time.time(), flush=True)
    document.changed(str(n))
    time.sleep(0.01)
""")  # fmt: skip
        said = [says(process) for _ in range(70 + 37 * n % 200)]
        process.kill()
        killed_at = time.time()
        rest, _ = process.communicate()
        said += [line for line in rest.splitlines() if line]
        old = [int(line.split()[0]) for line in said if killed_at - float(line.split()[1]) > seconds]
        found = {each.content for each in person.connect().recoverable()} | set(person.server.everything())
        newest = max((int(each) for each in found), default=0)
        assert newest >= max(old, default=0), (newest, old)
        for each in (server := person.connect()).recoverable():
            server.set_aside(each)
        for draft in person.server.drafts():
            person.server.act("DELETE", f"/drafts/{draft['id']}?purge=true")
        for each in server.recoverable():
            server.set_aside(each)
