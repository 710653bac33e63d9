"""Edits as pure functions of a head: what they allow, what they change, and what they create. No engine."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from persistence.content import pack
from persistence.errors import IllegalMove, NotFound
from persistence.sessions.deletions import Delete, Purge, Trash, Untrash
from persistence.sessions.documents import (
    MOVES,
    REMEMBERED_VERSIONS,
    SessionChange,
    SessionHead,
    SessionStatus,
)
from persistence.sessions.edits import (
    Edit,
    Edited,
    Move,
    Restore,
    Save,
    with_digest,
    with_digest_of_save,
)
from persistence.sessions.history import as_revision
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import SessionRules
from persistence.storage.engine import PAYLOAD
from tests.support.clock import NOON
from tests.support.sessions import OWNER, head_of, saving, sha256

ID = head_of().id
RULES = SessionRules()
LIVE = (SessionStatus.DRAFT, SessionStatus.ACTIVE, SessionStatus.CLOSED)
DRAFT, ACTIVE, CLOSED = LIVE


def save(change: SessionChange, *, autosave: bool = False, save_id: str = "save") -> Save:
    return Save(change, save_id, RULES, autosave)


def applied(edit: Edit, head: SessionHead) -> Edited:
    edited = edit.apply(head)
    assert edited is not None
    return edited


def saved(head: SessionHead, change: SessionChange, *, autosave: bool = False) -> SessionHead:
    return applied(save(change, autosave=autosave), head).head


EDITS: dict[str, tuple[Edit, Sequence[SessionStatus]]] = {
    "saved": (save(saving("two")), (DRAFT, ACTIVE)),
    "saved as a draft": (replace(save(saving("two")), editable={DRAFT}), (DRAFT,)),
    "promoted": (Move(SessionAction.PROMOTED, "move", RULES), (DRAFT,)),
    "closed": (Move(SessionAction.CLOSED, "move", RULES), (ACTIVE,)),
    "reopened": (Move(SessionAction.REOPENED, "move", RULES), (CLOSED,)),
    "restored": (Restore(1, "restore", RULES), (DRAFT, ACTIVE)),
    "deleted": (Delete("deletion"), LIVE),
    "discarded": (Delete("deletion", DRAFT), (DRAFT,)),
    "trashed": (Trash("trash", RULES), LIVE),
    "restored from the trash": (Untrash("untrash", RULES), ()),
    "purged": (Delete("purge", SessionStatus.TRASHED, reaches_trash=True), ()),
    "purged if it is due": (Purge("purge", DRAFT, NOON), LIVE),
}
LEGAL = {
    DRAFT: ("saved", "promoted", "deleted"),
    ACTIVE: ("saved", "closed", "deleted"),
    CLOSED: ("reopened", "deleted"),
}


@pytest.mark.parametrize("status", LIVE)
@pytest.mark.parametrize("move", EDITS)
def test_each_edit_is_checked_against_the_status(move: str, status: SessionStatus) -> None:
    edit, allowed = EDITS[move]
    if status in allowed:
        edit.check(head_of(status))
        return
    with pytest.raises(IllegalMove) as refused:
        edit.check(head_of(status))
    error = refused.value
    assert (error.kind, error.id, error.status, error.move) == ("session", ID, status, move)
    assert error.legal == LEGAL[status]


@pytest.mark.parametrize(
    "change",
    [
        SessionChange(),
        SessionChange(title="First", description="About", app="map", content=pack("one")),
        SessionChange(device_info="phone"),
        saving("one", device_info="phone"),
    ],
    ids=["nothing", "everything again", "only another device", "the content again on another device"],
)
@pytest.mark.parametrize("autosave", [False, True])
def test_a_save_that_changes_no_field_changes_nothing(change: SessionChange, autosave: bool) -> None:
    assert save(change, autosave=autosave).apply(head_of()) is None


def test_clearing_what_is_empty_changes_nothing() -> None:
    head = head_of(description=None).model_copy(update={"app": None})
    assert save(SessionChange(description="", app="")).apply(head) is None


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (SessionChange(title="Second"), {"title": "Second"}),
        (SessionChange(description="More"), {"description": "More"}),
        (SessionChange(description=""), {"description": None}),
        (SessionChange(media_type="text/plain"), {"media_type": "text/plain"}),
        (saving("other"), {"content_hash": sha256("other"), "content_bytes": 5}),
    ],
)
def test_a_save_changes_the_given_fields_and_no_others(change: SessionChange, fields: dict[str, Any]) -> None:
    head = head_of()
    after = saved(head, change).metadata
    always = {"version", "updated_at", "last_accessed_at", "device_info"}
    assert after.model_dump(exclude=always, exclude_computed_fields=True) == {
        **head.metadata.model_dump(exclude=always, exclude_computed_fields=True),
        **fields,
    }


def test_an_app_is_set_and_cleared() -> None:
    head = saved(head_of(), SessionChange(app="chart"))
    assert head.app == "chart"
    assert saved(head, SessionChange(app="")).app is None


def test_new_content_is_created_and_named() -> None:
    head = head_of()
    edited = applied(save(saving("two")), head)
    assert edited.content is not None
    assert edited.content["id"] == edited.head.content_id == edited.head.revisions[0].content_id
    assert edited.content["id"].startswith(f"{ID}~") and edited.content["id"] not in head.content_ids
    assert (edited.content["owner_id"], edited.content["session_id"]) == (OWNER, ID)
    assert edited.content[PAYLOAD] == pack("two").payload


def test_each_application_creates_another_content() -> None:
    # An attempt that seemed lost may have succeeded, and its content may have been pruned since.
    edit = save(saving("two"))
    first, second = applied(edit, head_of()), applied(edit, head_of())
    assert first.content is not None and second.content is not None
    assert first.content["id"] != second.content["id"]


@pytest.mark.parametrize(
    ("status", "edit"),
    [
        (ACTIVE, save(SessionChange(title="Second"))),
        (ACTIVE, save(saving("one", title="Second"))),
        (DRAFT, Move(SessionAction.PROMOTED, "move", RULES)),
        (ACTIVE, Delete("deletion")),
        (DRAFT, Purge("purge", DRAFT, NOON)),
        (CLOSED, Trash("trash", RULES)),
    ],
    ids=["title", "title and the same content", "move", "delete", "purge", "trash"],
)
def test_without_new_content_none_is_created(status: SessionStatus, edit: Edit) -> None:
    head = head_of(status)
    edited = applied(edit, head)
    assert edited.content is None
    assert edited.head.content_ids <= head.content_ids


@pytest.mark.parametrize(
    ("change", "autosave", "action"),
    [
        (saving("two"), False, SessionAction.SAVED),
        (saving("two", title="Second"), False, SessionAction.SAVED),
        (SessionChange(title="Second"), False, SessionAction.RENAMED),
        (saving("one", title="Second"), False, SessionAction.RENAMED),
        (saving("two"), True, SessionAction.AUTOSAVED),
        (SessionChange(title="Second"), True, SessionAction.AUTOSAVED),
    ],
)
def test_the_history_says_what_a_save_did(change: SessionChange, autosave: bool, action: SessionAction) -> None:
    edited = applied(save(change, autosave=autosave, save_id="mine"), head_of())
    newest = edited.head.revisions[0]
    assert (newest.action, newest.save_id, newest.version) == (action, "mine", 2)
    assert newest == as_revision(edited.head, action, "mine")
    assert newest.since == newest.saved_at


def test_a_deliberate_save_of_autosaved_content_enters_the_history() -> None:
    autosaved = saved(head_of(), saving("two"), autosave=True)
    assert save(saving("two"), autosave=True).apply(autosaved) is None
    assert save(SessionChange(title="First")).apply(autosaved) is None
    edited = applied(save(saving("two", device_info="phone")), autosaved)
    assert edited.content is None and edited.head.content_id == autosaved.content_id
    assert [one.action for one in edited.head.revisions] == ["saved", "autosaved", "created"]
    assert edited.head.metadata.device_info == "phone"
    assert save(saving("two")).apply(edited.head) is None


@pytest.mark.parametrize("device", ["phone", None])
@pytest.mark.parametrize("autosave", [False, True])
def test_the_device_is_that_of_the_last_save(device: str | None, autosave: bool) -> None:
    head = saved(head_of(), saving("two", device_info=device), autosave=autosave)
    assert head.metadata.device_info == head.revisions[0].device_info == device
    assert head.revisions[-1].device_info == "laptop"
    assert applied(Move(SessionAction.CLOSED, "move", RULES), head).head.metadata.device_info == device
    assert applied(Restore(1, "restore", RULES), head).head.metadata.device_info == device


@pytest.mark.parametrize("action", MOVES)
def test_a_move_changes_the_status_alone(action: SessionAction) -> None:
    before, after = MOVES[action]
    head = head_of(before)
    moved = applied(Move(action, "mine", RULES), head).head
    assert (moved.status, moved.metadata.version) == (after, 2)
    assert (moved.revisions[0].action, moved.revisions[0].save_id) == (action, "mine")
    times = {"version": 2, "updated_at": moved.metadata.updated_at, "last_accessed_at": moved.metadata.updated_at}
    assert moved.metadata == head.metadata.model_copy(update=times)
    assert (moved.content_id, moved.app, moved.revisions[1:]) == (head.content_id, head.app, head.revisions)


def test_a_restore_names_the_content_of_the_old_version() -> None:
    head = head_of()
    later = saved(head, saving("other", title="Second", media_type="text/plain"))
    edited = applied(Restore(1, "mine", RULES), later)
    after = edited.head.metadata
    assert (after.content_hash, after.content_bytes, after.media_type) == (sha256("one"), 3, None)
    assert (after.title, after.version) == ("Second", 3)
    assert edited.content is None and edited.head.content_id == head.content_id
    assert edited.head.revisions[0].action == "restored"
    assert Restore(2, "mine", RULES).apply(later) is None, "that content is current"
    with pytest.raises(NotFound):
        Restore(3, "mine", RULES).apply(later)


def test_a_tombstone_keeps_no_content_and_no_words() -> None:
    head = saved(head_of(), saving("two", title="Secret", description="Secret", device_info="Secret"))
    tombstone = applied(Delete("mine"), head).head
    assert (tombstone.id, tombstone.owner_id, tombstone.status) == (ID, OWNER, SessionStatus.DELETED)
    assert tombstone.content_ids == frozenset() and tombstone.remembered == ()
    assert [(one.version, one.action) for one in tombstone.revisions] == [(3, "deleted")]
    assert tombstone.deleted_at == tombstone.unsettled_at == tombstone.metadata.updated_at
    assert "Secret" not in tombstone.model_dump_json() and "First" not in tombstone.model_dump_json()


@pytest.mark.parametrize("status", LIVE)
def test_the_trash_keeps_everything_and_a_restore_gives_the_status_back(status: SessionStatus) -> None:
    head = head_of(status)
    trashed = applied(Trash("trash", RULES), head).head
    assert (trashed.status, trashed.status_before) == (SessionStatus.TRASHED, status)
    assert (trashed.revisions[0].action, trashed.revisions[1:]) == ("trashed", head.revisions)
    restored = applied(Untrash("untrash", RULES), trashed).head
    assert (restored.status, restored.status_before) == (status, None)
    assert (restored.revisions[0].action, restored.revisions[1:]) == ("untrashed", trashed.revisions)
    assert restored.kept_bytes == trashed.kept_bytes == head.kept_bytes == 3
    for later in (trashed, restored):
        assert (later.content_id, later.metadata.title) == (head.content_id, "First")
        assert later.metadata.last_accessed_at == later.metadata.updated_at
    as_it_was = trashed.as_of(head.revisions[0])
    assert (as_it_was.status, as_it_was.status_before) == (status, None)
    tombstone = applied(Delete("purge", reaches_trash=True), trashed).head
    assert (tombstone.status_before, tombstone.stale_since, tombstone.kept_bytes) == (None, None, 0)


def test_kept_bytes_count_each_content_of_the_history_once() -> None:
    head = saved(head_of(), saving("other"))
    assert head.kept_bytes == 3 + 5
    assert saved(head, SessionChange(title="Renamed")).kept_bytes == 3 + 5
    assert applied(Restore(1, "restore", RULES), head).head.kept_bytes == 3 + 5
    pruned = applied(replace(save(saving("it")), rules=SessionRules(keep_revisions=1)), head).head
    assert pruned.kept_bytes == 3 + 5 + 2, "the contents of the last ten versions are kept"
    for number in range(REMEMBERED_VERSIONS):
        edit = replace(save(SessionChange(title=f"{number}")), rules=SessionRules(keep_revisions=1))
        pruned = applied(edit, pruned).head
    assert pruned.kept_bytes == 2


@pytest.mark.parametrize("of", [DRAFT, SessionStatus.TRASHED])
@pytest.mark.parametrize("status", [*LIVE, SessionStatus.TRASHED])
@pytest.mark.parametrize(
    ("since_access", "is_purged"),
    [(timedelta(microseconds=-1), False), (timedelta(0), True), (timedelta(days=1), True)],
    ids=["opened later", "at that time", "opened before"],
)
def test_a_purge_deletes_what_is_due_of_one_status_alone(
    status: SessionStatus, since_access: timedelta, is_purged: bool, of: SessionStatus
) -> None:
    edited = Purge("purge", of, NOON + since_access).apply(head_of(status))
    if status is of and is_purged:
        assert edited is not None and edited.head.status is SessionStatus.DELETED
    else:
        assert edited is None


def test_a_digest_tells_one_request_from_another() -> None:
    assert with_digest("key", "restored", 1) == with_digest("key", "restored", 1)
    assert (
        len({with_digest("key", "restored", 1), with_digest("key", "restored", 2), with_digest("key", "x")}) == 3
    )
    assert with_digest("key", "x").startswith("key.")
    assert with_digest(None, "x") != with_digest(None, "x"), "a write without a name is never recognised"


def test_the_digest_of_a_save_covers_every_field_and_no_compression() -> None:
    changes = [
        SessionChange(),
        SessionChange(title="a"),
        SessionChange(description="a"),
        SessionChange(app="a"),
        SessionChange(device_info="a"),
        SessionChange(media_type="a/b"),
        saving("a"),
        saving("b"),
    ]
    assert len({with_digest_of_save("key", change) for change in changes}) == len(changes)
    otherwise_packed = replace(pack("a"), payload=b"other bytes of the same content")
    assert with_digest_of_save("key", SessionChange(content=otherwise_packed)) == with_digest_of_save(
        "key", saving("a")
    )
