"""The journal of processes that are gone: damaged, full, locked, or without a home."""

import fcntl
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from savepoint_client import journal
from savepoint_client.presence import Presence

from tests.browser.line import answer_is_lost, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.processes import run, start
from tests.python_client.waiting import eventually

DIRTY = """
document = server.open(title="Lap times", wait=60)
document.changed("one")
"""


def leave(person: Person, *texts: str) -> None:
    """Leaves documents in the journal that were never sent, each of a process that is gone."""
    for text in texts:
        run(person, DIRTY.replace("one", text) + "document._running.keep(); os._exit(0)")


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
