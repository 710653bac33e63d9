"""Documents of sessions in their stored form. Every later program must be able to read it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from persistence.content import pack
from persistence.documents import now
from persistence.sessions.documents import (
    NewSession,
    SessionChange,
    SessionContent,
    SessionHead,
    SessionMetadata,
    SessionSummary,
)

HASH = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
AT = "2026-02-03T04:05:06.000000Z"
# As version 0.1 wrote it. Every release must read it, or change the number of the schema.
STORED: dict[str, Any] = {
    "schema": 1,
    "kind": "session",
    "id": "abcdefghijkl",
    "owner_id": "ann",
    "app": None,
    "status": "active",
    "metadata": {
        "title": "First ÉTÉ",
        "description": "In SUMMER",
        "created_at": AT,
        "updated_at": AT,
        "last_accessed_at": AT,
        "content_hash": HASH,
        "content_bytes": 3,
        "version": 7,
        "device_info": None,
        "title__lower": "first été",
        "description__lower": "in summer",
    },
    "deleted_at": None,
    "content_id": "abcdefghijkl~mnopqrstuvwx",
    "revisions": [
        {
            "version": 7,
            "action": "created",
            "saved_at": AT,
            "save_id": "yzABCDEFGHIJ",
            "device_info": None,
            "title": "First ÉTÉ",
            "content_id": "abcdefghijkl~mnopqrstuvwx",
            "content_hash": HASH,
            "content_bytes": 3,
        }
    ],
}


def test_what_the_first_version_stored_is_read_and_written_back() -> None:
    head = SessionHead.model_validate(STORED)
    assert head.metadata.title == "First ÉTÉ" and head.metadata.created_at == datetime(
        2026, 2, 3, 4, 5, 6, tzinfo=UTC
    )
    written = head.to_item()
    assert {name: value for name, value in written.items() if name in STORED and name != "revisions"} == {
        **{name: value for name, value in STORED.items() if name != "revisions"},
        "metadata": written["metadata"],
    }
    assert STORED["metadata"].items() <= written["metadata"].items()
    assert STORED["revisions"][0].items() <= written["revisions"][0].items()
    assert "since" in written["revisions"][0] and written["remembered"] == []
    assert SessionHead.model_validate(written) == head
    assert SessionSummary.model_validate(STORED).metadata == head.metadata


@pytest.mark.parametrize("schema", [3, 0, "1", "2", None, 1.5])
def test_another_schema_is_refused(schema: object) -> None:
    for model in (SessionHead, SessionSummary):
        with pytest.raises(ValidationError):
            model.model_validate({**STORED, "schema": schema})
    content = SessionContent(id="a~b", owner_id="ann", session_id="a", saved_at=now()).to_item()
    assert content["schema"] == 1
    with pytest.raises(ValidationError):
        SessionContent.model_validate({**content, "schema": schema})


@pytest.mark.parametrize("name", ["id", "owner_id", "status", "metadata", "content_id", "revisions"])
def test_an_item_that_lacks_something_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        SessionHead.model_validate({key: value for key, value in STORED.items() if key != name})


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValidationError):
        SessionHead.model_validate({**STORED, "kind": "content"})


def test_the_etag_is_made_of_version_and_content_alone() -> None:
    metadata = SessionHead.model_validate(STORED).metadata
    assert metadata.etag == '"7-ba7816bf8f01cfea"'
    assert metadata.model_copy(update={"last_accessed_at": now(), "title": "Other"}).etag == metadata.etag
    assert metadata.model_copy(update={"version": 8}).etag != metadata.etag
    assert metadata.model_copy(update={"content_hash": "0" * 64}).etag != metadata.etag


@pytest.mark.parametrize(
    ("title", "lower"),
    [
        ("ABC", "abc"),
        ("ÉTÉ", "été"),
        ("İ", "i̇"),
        ("ẞ", "ss"),
        ("ΟΔΟΣ", "οδοσ"),
        ("e\u0301", "é"),
        ("語 \U0001f600", "語 \U0001f600"),
    ],
)
def test_twins_are_caseless_and_follow_their_fields(title: str, lower: str) -> None:
    changed = SessionHead.model_validate(STORED).metadata.model_copy(update={"title": title, "description": title})
    assert (changed.title__lower, changed.description__lower) == (lower, lower)
    assert changed.model_dump(mode="json")["title__lower"] == lower
    # The stored lower-case text is ignored.
    assert SessionMetadata.model_validate({**changed.model_dump(), "title__lower": "x"}).title__lower == lower


def test_without_a_description_there_is_no_twin() -> None:
    metadata = SessionHead.model_validate(STORED).metadata.model_copy(update={"description": None})
    assert metadata.description__lower is None


@pytest.mark.parametrize(("name", "longest"), [("title", 255), ("description", 2_000), ("app", 100)])
def test_texts_have_a_length_in_characters_and_no_nul(name: str, longest: int) -> None:
    new = {"title": "t", "description": None, "content": pack("")}
    for model, base in ((NewSession, new), (SessionChange, {})):
        for good in ("x" * longest, "\U0001f600" * longest):
            assert getattr(model.model_validate({**base, name: good}), name) == good
        for bad in ("x" * (longest + 1), "a\0b", "lone \ud800", 5):
            with pytest.raises(ValidationError):
                model.model_validate({**base, name: bad})


@pytest.mark.parametrize(
    ("device", "kept"),
    [("x" * 255, "x" * 255), ("\U0001f600" * 256, "\U0001f600" * 255), ("a\0b", "ab"), ("\0", None), ("", None)],
    ids=ascii,
)
def test_a_device_is_cut_and_has_no_nul(device: str, kept: str | None) -> None:
    new = {"title": "t", "description": None, "content": pack("")}
    for model, base in ((NewSession, new), (SessionChange, {})):
        assert model.model_validate({**base, "device_info": device}).device_info == kept
        with pytest.raises(ValidationError):
            model.model_validate({**base, "device_info": 5})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        NewSession.model_validate({"title": "t", "description": None, "content": pack(""), "owner_id": "bob"})
    with pytest.raises(ValidationError):
        SessionChange.model_validate({"version": 9})


def test_documents_are_read_only() -> None:
    head = SessionHead.model_validate(STORED)
    for document in (head, head.metadata):
        with pytest.raises(ValidationError):
            document.version = 9  # type: ignore[union-attr]
    with pytest.raises(AttributeError):
        head.revisions[0].version = 9  # type: ignore[misc]
