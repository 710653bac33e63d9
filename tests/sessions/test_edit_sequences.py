"""Any sequence of edits leaves a history that is in order, short enough, and that recognises retries."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.content import pack
from persistence.errors import IllegalMove, NotFound, TooManyNamed
from persistence.sessions.deletions import Delete
from persistence.sessions.documents import (
    MOVES,
    REMEMBERED_VERSIONS,
    SessionChange,
    SessionHead,
    SessionStatus,
)
from persistence.sessions.edits import Edit, Edited, Move, Name, Restore, Save
from persistence.sessions.rules import SessionRules
from tests.support.clock import Clock
from tests.support.sessions import head_of

NAMED_MAX = 2
TEXTS = st.sampled_from(["one", "two", "three"])
CHANGES = st.builds(
    SessionChange,
    title=st.none() | TEXTS,
    description=st.none() | st.just("") | TEXTS,
    app=st.none() | st.just("") | TEXTS,
    device_info=st.none() | TEXTS,
    content=st.none() | TEXTS.map(pack),
)


def edits(rules: SessionRules) -> st.SearchStrategy[Save | Move | Restore | Name]:
    """Edits without a save id."""
    return st.one_of(
        st.builds(Save, CHANGES, st.just(""), st.just(rules), autosave=st.booleans()),
        st.builds(Move, st.sampled_from([*MOVES]), st.just(""), st.just(rules)),
        st.builds(Restore, st.integers(1, 12), st.just(""), st.just(rules)),
        st.builds(Name, st.integers(1, 12), st.none() | TEXTS, st.just(""), st.just(rules)),
    )


def try_edit(edit: Edit, head: SessionHead) -> Edited | None:
    try:
        edit.check(head)
        return edit.apply(head)
    except (IllegalMove, NotFound, TooManyNamed):
        return None


@pytest.mark.parametrize("span", [timedelta(0), timedelta(hours=1)], ids=["each autosave stays", "coalesced"])
@pytest.mark.parametrize("keep", [1, 2, 5])
@given(data=st.data())
def test_any_sequence_of_edits_leaves_a_sound_history(data: st.DataObject, keep: int, span: timedelta) -> None:
    rules = SessionRules(keep_revisions=keep, named_max=NAMED_MAX, coalesce=span)
    head = head_of(data.draw(st.sampled_from([SessionStatus.DRAFT, SessionStatus.ACTIVE])))
    # The clock may be set back.
    steps = st.lists(st.tuples(st.sampled_from([-5, 0, 20, 70]), edits(rules)), min_size=1, max_size=20)
    created, done = {head.content_id}, {"creation"}
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock.installed(patch)
        for number, (minutes, drawn) in enumerate(data.draw(steps)):
            clock.advance(minutes=minutes)
            edit = replace(drawn, save_id=f"write-{number}")
            before = head.to_item()
            edited = try_edit(edit, head)
            assert head.to_item() == before, "the head that was given stays as it was"
            if edited is None:
                assert head.revision_by(edit.save_id) is None
                continue
            if isinstance(edit, Name):
                assert_only_names(head, edited.head, edit)
                head = edited.head
                continue
            if edited.content is not None:
                assert edited.content["id"] not in created
                assert edited.content["id"] == edited.head.content_id
                created.add(edited.content["id"])
            assert_follows(head, edited.head, edit, keep)
            assert edited.head.content_ids <= created
            done.add(edit.save_id)
            head = edited.head
        assert {one.save_id for one in (*head.revisions, *head.remembered)} - {None} <= done
        deletion = Delete("deletion")
        assert_follows(head, deletion.apply(head).head, deletion, keep=1)


def assert_follows(before: SessionHead, after: SessionHead, edit: Edit, keep: int) -> None:
    """`after` is the next version. Its history is in order, has at most `keep` unnamed, and names the edit."""
    newest = after.metadata.version
    assert newest == before.metadata.version + 1
    versions = [one.version for one in after.revisions]
    assert versions[0] == newest and versions == sorted(set(versions), reverse=True)
    assert sum(one.name is None for one in after.revisions) <= keep
    if after.status is not SessionStatus.DELETED:
        assert names_of(after) == names_of(before), "a version with a name stays"
    assert after.revisions[0].saved_at == after.metadata.updated_at
    assert after.revisions[0] == after.revision_by(edit.save_id)
    assert after.revisions[0].content_id == after.content_id
    remembered = [one.version for one in after.remembered]
    assert not {*remembered} & {*versions} and remembered == sorted(remembered, reverse=True)
    named = {one.version: one.content_id for one in (*before.revisions, *before.remembered, after.revisions[0])}
    assert all(one.content_id == named[one.version] for one in after.remembered)
    recent = [one.version for one in after.revisions if one.save_id is not None]
    assert recent == [version for version in versions if newest - version < REMEMBERED_VERSIONS]
    if after.status is not SessionStatus.DELETED:
        last = range(max(1, newest - REMEMBERED_VERSIONS + 1), newest + 1)
        assert {*last} <= {*remembered, *versions}, "the last versions are remembered"
    assert all(newest - version < REMEMBERED_VERSIONS for version in remembered)
    assert SessionHead.model_validate(after.to_item()) == after


def assert_only_names(before: SessionHead, after: SessionHead, edit: Name) -> None:
    """Only one name and its time differ: no version and no ETag."""
    assert after.model_copy(update={"revisions": before.revisions}) == before
    assert [one._replace(name=None, named=None) for one in after.revisions] == [
        one._replace(name=None, named=None) for one in before.revisions
    ]
    names = names_of(before)
    if edit.name is None:
        del names[edit.version]
    else:
        names[edit.version] = edit.name
    assert names_of(after) == names and len(names) <= NAMED_MAX
    assert SessionHead.model_validate(after.to_item()) == after


def names_of(head: SessionHead) -> dict[int, str]:
    return {one.version: one.name for one in head.revisions if one.name is not None}
