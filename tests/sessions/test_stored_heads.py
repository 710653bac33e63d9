"""A head is stored in one of two formats. Both keep all of it, and the second is small."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.sizes import DESCRIPTION, DEVICE, OWNER, TITLE
from persistence.content import pack
from persistence.documents import TITLE_MAX_CHARACTERS, new_id, timestamp_text
from persistence.sessions.documents import (
    REMEMBERED_VERSIONS,
    SessionChange,
    SessionHead,
    SessionSummary,
    StoredFormat,
)
from persistence.sessions.edits import Save
from persistence.sessions.revisions import Revision, SessionAction
from persistence.sessions.rules import SessionRules
from persistence.storage.checks import item_size
from tests.support.clock import Clock
from tests.support.sessions import head_of, sha256

HEAD_MAX_BYTES = 6_000
LARGEST_HEAD_MAX_BYTES = 128_000
NAMED_REVISIONS = 20
NAME_MAX_CHARACTERS = 60

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
TIMES = st.datetimes(datetime(2020, 1, 1), timezones=st.just(UTC)).map(timestamp_text)
REVISIONS = st.builds(
    Revision,
    version=st.just(0),
    action=st.sampled_from(SessionAction),
    saved=TIMES,
    title=TEXTS,
    content_id=st.none() | st.sampled_from(["session-0001~contents0001", "session-0001~contents0002"]),
    content_hash=TEXTS.map(sha256) | st.just(""),
    content_bytes=st.integers(0, 2**40),
    save_id=st.none() | TEXTS.filter(bool),
    device_info=st.none() | TEXTS,
    media_type=st.none() | st.sampled_from(["text/plain", "image/png"]),
    began=st.none() | TIMES,
    name=st.none() | TEXTS,
    named=st.none() | TIMES,
)
formats = pytest.mark.parametrize("stored_format", [1, 2])


def read_back(head: SessionHead) -> SessionHead:
    return SessionHead.model_validate(orjson.loads(orjson.dumps(head.to_item())))


@formats
def test_both_formats_keep_which_request_made_a_copy_and_others_have_no_such_field(
    stored_format: StoredFormat,
) -> None:
    head = head_of().model_copy(update={"schema_version": stored_format})
    assert "copied_by" not in head.to_item() and read_back(head).copied_by is None
    assert read_back(head.model_copy(update={"copied_by": "0123456789abcdef"})).copied_by == "0123456789abcdef"


@formats
@given(st.lists(st.tuples(REVISIONS, st.booleans()), max_size=6), TEXTS, st.none() | TEXTS)
def test_any_history_is_read_as_it_was_written(
    stored_format: StoredFormat, drawn: list[tuple[Revision, bool]], title: str, device: str | None
) -> None:
    numbered = [(one._replace(version=len(drawn) - place), left) for place, (one, left) in enumerate(drawn)]
    head = head_of(title=title, device_info=device).model_copy(
        update={
            "schema_version": stored_format,
            "revisions": tuple(one for one, left in numbered if not left),
            "remembered": tuple(one for one, left in numbered if left),
        }
    )
    assert read_back(head) == head


def test_a_row_has_only_what_differs_from_the_newer_row() -> None:
    head = saved_often(head_of(), 3, lambda number: {"title": "Third" if number == 2 else None})
    versions = [(one.version, one.title) for one in head.revisions]
    assert versions == [(4, "Third"), (3, "First"), (2, "First"), (1, "First")]
    rests = [{**row[-1]} for row in head.to_item()["revisions"]]
    for rest in rests:
        del rest["save_id"]
    assert rests == [{}, {"title": "First"}, {}, {"device_info": "laptop"}]


DAMAGES: dict[str, Callable[[list[Any]], Any]] = {
    "no array": lambda row: 5,
    "an object": lambda row: {},
    "too short": lambda row: row[:5],
    "a version that is a text": lambda row: ["1", *row[1:]],
    "a version that is true": lambda row: [True, *row[1:]],
    "an unknown action": lambda row: [row[0], "lost", *row[2:]],
    "an action that is a list": lambda row: [row[0], [], *row[2:]],
    "a time that is none": lambda row: [*row[:2], "yesterday", *row[3:]],
    "a time without a zone": lambda row: [*row[:2], "2026-01-01T00:00:00.000000", *row[3:]],
    "a content that is a number": lambda row: [*row[:3], 5, *row[4:]],
    "a hash that is a number": lambda row: [*row[:4], 5, *row[5:]],
    "a size that is a text": lambda row: [*row[:5], "5", *row[6:]],
    "a rest that is a text": lambda row: [*row[:6], "rest"],
    "a title that is a number": lambda row: [*row[:6], {"title": 5}],
    "a beginning that is none": lambda row: [*row[:6], {"since": "yesterday"}],
    "a save id that is a number": lambda row: [*row[:6], {"save_id": 5}],
    "a device that is a list": lambda row: [*row[:6], {"device_info": []}],
    "a media type that is an object": lambda row: [*row[:6], {"media_type": {}}],
    "a name that is true": lambda row: [*row[:6], {"name": True}],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_row_is_refused_and_lists_do_not_read_it(damage: Callable[[list[Any]], Any]) -> None:
    item = head_of().to_item()
    item["revisions"] = [damage(row) for row in item["revisions"]]
    with pytest.raises(ValidationError):
        SessionHead.model_validate(item)
    assert SessionSummary.model_validate(item).metadata == head_of().metadata


@pytest.mark.parametrize("field", Revision._fields)
def test_a_damaged_revision_of_format_1_is_refused(field: str) -> None:
    item = head_of().model_copy(update={"schema_version": 1}).to_item()
    stored = {"saved": "saved_at", "began": "since"}.get(field, field)
    assert stored in item["revisions"][0]
    item["revisions"][0][stored] = [5]
    with pytest.raises(ValidationError):
        SessionHead.model_validate(item)


@formats
def test_only_a_tombstone_has_no_content(stored_format: StoredFormat) -> None:
    item = head_of().model_copy(update={"schema_version": stored_format}).to_item()
    with pytest.raises(ValidationError):
        SessionHead.model_validate({**item, "content_id": None})
    with pytest.raises(ValidationError):
        SessionHead.model_validate({**item, "status": "deleted"})


@pytest.mark.parametrize("autosaves", [0, 1, 3, 6], ids=lambda share: f"{share} autosaves for each save")
def test_a_head_stays_small(autosaves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock.installed(monkeypatch)
    head = head_of(title=TITLE, description=DESCRIPTION, device_info=DEVICE)
    head = head.model_copy(update={"owner_id": OWNER})
    head = saved_often(head, 1_000, lambda _: {"device_info": DEVICE}, autosaves, clock)
    assert len(head.revisions) == 20 and head.metadata.version == 1_001
    assert item_size(head.to_item()) < HEAD_MAX_BYTES


def test_a_head_with_the_longest_texts_is_not_large(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock.installed(monkeypatch)
    head = saved_often(head_of(), 60, longest_texts)
    named = [one._replace(name=longest(NAME_MAX_CHARACTERS, one.version)) for one in head.revisions]
    head = head.model_copy(update={"revisions": tuple(named)})
    head = saved_often(head, 20, longest_texts)
    head = saved_often(head, 2 * REMEMBERED_VERSIONS, longest_texts, autosaves=10**9, clock=clock)
    assert len(head.revisions) == NAMED_REVISIONS + 20
    assert len(head.remembered) == REMEMBERED_VERSIONS - 1
    item = head.to_item()
    assert all({"title", "device_info"} <= row[-1].keys() for row in item["revisions"][1:-1])
    assert item_size(item) < LARGEST_HEAD_MAX_BYTES


def saved_often(
    head: SessionHead,
    times: int,
    fields: Callable[[int], dict[str, Any]],
    autosaves: int = 0,
    clock: Clock | None = None,
) -> SessionHead:
    """Returns the head after saves of new contents, with so many autosaves for each deliberate save."""
    rules = SessionRules(coalesce=timedelta(seconds=60))
    for number in range(times):
        if clock is not None:
            clock.advance(seconds=10 if times > 100 else 1)
        change = SessionChange(content=pack(f"{head.metadata.version} {number}"), **fields(number))
        is_autosave = (number + 1) % (autosaves + 1) != 0
        edited = Save(change, new_id(), rules, is_autosave).apply(head)
        assert edited is not None
        head = edited.head
    return head


def longest_texts(number: int) -> dict[str, Any]:
    return {"title": longest(TITLE_MAX_CHARACTERS, number), "device_info": longest(TITLE_MAX_CHARACTERS, ~number)}


def longest(characters: int, number: int) -> str:
    """Returns a text of that length, of characters with four bytes each. Numbers have different texts."""
    return f"{number % 1000:03}".translate(str.maketrans("0123456789", "🙂😀😁😂😃😄😅😆😇😈")).rjust(
        characters, "🙃"
    )
