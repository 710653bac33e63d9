"""What belongs to a person besides the open documents: typed, and paged by iterators."""

import gzip
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from savepoint_client import Gone, NotFound, Offline, Refused
from savepoint_client import command as commands
from tqdm import tqdm

from tests.browser.line import Answer, Forward, Sent, answers, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.processes import SOURCE


def test_lists_are_read_a_page_at_a_time(person: Person) -> None:
    person.server.create_many([f"Race {n:02}" for n in range(25)])
    server = person.connect()
    query: Mapping[str, str | int] = {"page_size": 10, "sort_by": "metadata.title", "sort_direction": "asc"}
    listed = server.sessions.list(query)
    first = next(iter(listed))
    assert first.title == "Race 00" and first.updated_at > datetime.now(UTC) - timedelta(hours=1)
    assert len([each for each in person.line.sent if "/sessions?" in each.path]) == 1
    assert [each.title for each in listed] == [f"Race {n:02}" for n in range(25)]
    assert [len(page) for page in listed.pages()] == [10, 10, 5]


def test_a_session_from_its_creation_to_the_trash_and_back(person: Person) -> None:
    server = person.connect()
    session = server.sessions.create("one", "First", app="race")
    id = session.metadata.id
    assert server.sessions.rename(id, title="Second").title == "Second"
    assert server.sessions.copy(id, title="Third").title == "Third"
    assert server.sessions.close(id).status == "closed"
    assert server.sessions.reopen(id).status == "active"
    assert [each.version for each in server.sessions.revisions(id)][0] == server.sessions.metadata(id).version
    server.sessions.name(id, 1, "Before the race")
    assert server.sessions.revision(id, 1).content == "one"
    server.sessions.name(id, 1, None)
    server.sessions.remove(id)
    with pytest.raises(Gone) as caught:
        server.sessions.get(id)
    assert caught.value.problem and caught.value.status == 410 and caught.value.type == "gone"
    assert [each.id for each in server.trash.list()] == [id]
    assert server.trash.restore(id).id == id
    assert [each.status for each in server.sessions.remove_many([id])] == [204]
    assert server.trash.empty().purged == 1
    actions = [each.action for each in server.activity.list({"session_id": id})]
    assert actions[-1] == "created" and "trashed" in actions
    assert server.account.usage().used.sessions == 1


def test_drafts_and_snapshots(person: Person) -> None:
    server = person.connect()
    draft = server.open(title="Lap times")
    draft.changed("one")
    draft.flush()
    restorable = server.drafts.restorable("race")
    assert restorable.active is None and [each.title for each in restorable.drafts] == ["Lap times"]
    assert server.drafts.get(draft.id).content == "one"
    made = server.snapshots.create("frozen", "For the team")
    assert server.snapshots.get(made.id).content == "frozen"
    assert [each.id for each in server.snapshots.list()] == [made.id]
    assert server.snapshots.stats(made.id).model_fields_set
    assert [each.snapshot_id for each in server.snapshots.opened()] == [made.id]
    server.snapshots.remove(made.id)
    with pytest.raises(Gone):
        server.snapshots.get(made.id)
    server.drafts.remove(draft.id)
    assert not list(server.drafts.list())


def test_errors_are_typed_and_carry_the_problem(person: Person) -> None:
    server = person.connect()
    with pytest.raises(NotFound) as caught:
        server.sessions.get("AAAAAAAAAAAA")
    assert (caught.value.status, caught.value.type) == (404, "not_found")
    with pytest.raises(Refused) as refused:
        list(server.sessions.list({"page_size": 0}))
    assert refused.value.problem and refused.value.problem["errors"]


def test_a_read_is_repeated_and_a_write_keeps_its_key(person: Person) -> None:
    lost = iter([True, True, False])
    person.line.breaks(lambda sent, forward: None if next(lost, False) else forward(), "GET", "/usage")
    server = person.connect()
    assert server.account.usage().used.sessions == 0
    applied = iter([True])
    person.line.breaks(lambda sent, forward: None if forward() and next(applied, False) else forward(), "POST")
    server.sessions.create("one", "First")
    assert len(list(server.sessions.list())) == 1
    person.line.breaks(never_arrives)
    with pytest.raises(Offline):
        server.snapshots.remove("AAAAAAAAAAAA")


def test_an_export_is_streamed_and_imported_by_another(meet: Callable[..., Person], tmp_path: Path) -> None:
    first, second = meet(), meet()
    first.server.create_many([f"Race {n:02}" for n in range(45)])
    seen: list[tuple[int, int]] = []
    file = tmp_path / "all.ndjson"
    size = first.connect().account.export(file, progress=lambda size, lines: seen.append((size, lines)))
    assert size == file.stat().st_size == seen[-1][0] and seen[-1][1] == len(file.read_text().splitlines())
    done = second.connect().account.import_(file, import_id="move-to-2027")
    assert done.imported == 90 and done.refused == 0
    assert len({each.title for each in second.connect().sessions.list()}) == 45
    again = second.connect().account.import_(file, import_id="move-to-2027")
    assert again.imported == 0 or len(list(second.connect().sessions.list())) == 45


def test_an_export_that_breaks_off_is_asked_for_again(person: Person, tmp_path: Path) -> None:
    person.server.create_many(["One", "Two", "Three"])
    cut = iter([True])

    def half(sent: Sent, forward: Forward) -> Answer:
        whole = forward()
        if not next(cut, False):
            return whole
        body = gzip.decompress(whole.body) if whole.headers.get("content-encoding") == "gzip" else whole.body
        return Answer(200, body[: len(body) // 2], {"Content-Type": "application/x-ndjson"})

    person.line.breaks(half, "GET", "/export")
    file = tmp_path / "all.ndjson"
    person.connect().account.export(file)
    lines = file.read_text().splitlines()
    assert len(lines) == len(set(lines)) and '"end"' in lines[-1]
    person.line.breaks(answers(503), "GET", "/export")
    with pytest.raises(Offline):
        person.connect().account.export(tmp_path / "other.ndjson")
    assert sorted(each.name for each in tmp_path.glob("*.ndjson*")) == ["all.ndjson"]


def test_the_command_exports_and_imports(person: Person, tmp_path: Path) -> None:
    person.server.create("one")
    file = str(tmp_path / "all.ndjson")

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "savepoint_client", *words, "--header", f"X-User-Id={person.name}"]
        return subprocess.run(line, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True)

    exported = command("export", person.url, file)
    assert exported.returncode == 0 and "B/s" in exported.stderr, exported
    imported = command("import", person.url, file)
    assert imported.returncode == 0 and "2 imported" in imported.stdout, imported
    assert command("export", person.url, str(tmp_path), "--session", "AAAAAAAAAAAA").returncode == 1
    person.line.breaks(answers(401))
    failed = command("import", person.url, file)
    assert failed.returncode == 1 and "--import-id=" in failed.stderr
    assert "NAME=VALUE" in command("export", person.url, file, "--header", "X-User-Id").stderr


@pytest.mark.parametrize("command", ["export", "import"])
def test_the_bar_of_a_command_that_fails_is_closed(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    bars = list[Any]()

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            bars.append(self)

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(commands, "tqdm", Bar)
    person.line.breaks(answers(401))
    (tmp_path / "all.ndjson").write_text("{}")
    line = [command, person.url, str(tmp_path / "all.ndjson"), "--header", f"X-User-Id={person.name}"]
    assert commands.main(line) == 1
    assert [each.disable for each in bars] == [True], "a closed bar is disabled"
