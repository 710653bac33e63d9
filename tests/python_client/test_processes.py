"""Processes that end, are killed or fork while something is not saved. Numbers: docs/python-client.md."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from savepoint_client.http import Call, Http, new_client

from tests.python_client.conftest import Person
from tests.python_client.processes import ends, run, says, start


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
