"""The stored form of documents, which outlives the release that wrote it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from persistence.content import pack
from persistence.documents import Timestamp, is_id, new_id, now, timestamp_text
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

timestamps: TypeAdapter[datetime] = TypeAdapter(Timestamp)
moments = st.datetimes(
    datetime(1, 1, 3),
    datetime(9999, 12, 29),
    timezones=st.builds(timezone, st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes))),
)


def stored(moment: datetime) -> Any:
    return timestamps.dump_python(timestamps.validate_python(moment), mode="json")


@given(moments, moments)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    first, second = stored(one), stored(other)
    assert (first < second) == (one < other) and (first == second) == (one == other)


@given(moments)
def test_a_time_is_stored_as_utc_in_fixed_width_and_comes_back(moment: datetime) -> None:
    text = stored(moment)
    assert len(text) == 27 and text.endswith("Z")
    back = timestamps.validate_json(f'"{text}"')
    assert back == moment and back.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00.000000Z"),
        (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2023-12-31T23:00:00.000000Z"),
        (datetime(5, 6, 7, 8, 9, 10, 11, tzinfo=UTC), "0005-06-07T08:09:10.000011Z"),
    ],
)
def test_the_stored_form_of_a_time(moment: datetime, text: str) -> None:
    assert stored(moment) == text


def test_a_time_without_a_zone_or_out_of_range_is_refused() -> None:
    east, west = timezone(timedelta(hours=1)), timezone(timedelta(hours=-1))
    for moment in (datetime(2024, 1, 1), datetime.min.replace(tzinfo=east), datetime.max.replace(tzinfo=west)):
        with pytest.raises(ValidationError):
            timestamps.validate_python(moment)


def test_now_is_in_utc() -> None:
    assert now().tzinfo is UTC
    assert timestamp_text(now()) <= timestamp_text(now())


def test_ids_are_twelve_characters_that_a_url_takes_and_never_the_same() -> None:
    ids = {new_id() for _ in range(10_000)}
    assert len(ids) == 10_000 and all(is_id(id) and len(id) == 12 for id in ids)
    assert len(set("".join(ids))) == 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "x" * 11,
        "x" * 13,
        "abcdefghijk\n",
        "abcdefghijkl\n",
        "abcdefghijk~",
        "abc/efghijkl",
        "äbcdefghijkl",
    ]
    + ["١٢٣٤٥٦٧٨٩٠١٢", "abcdefghijk ", "..%2F..%2F..", "abcdefghijk\0"],
    ids=ascii,
)
def test_anything_else_is_no_id(text: str) -> None:
    assert not is_id(text)


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
    assert SessionHead.model_validate(written) == head
    assert SessionSummary.model_validate(STORED).metadata == head.metadata


@pytest.mark.parametrize("schema", [2, 0, "1", None, 1.5])
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
    [("ABC", "abc"), ("ÉTÉ", "été"), ("İ", "i̇"), ("ẞ", "ß"), ("語 \U0001f600", "語 \U0001f600")],
)
def test_twins_are_lower_case_and_follow_their_fields(title: str, lower: str) -> None:
    changed = SessionHead.model_validate(STORED).metadata.model_copy(update={"title": title, "description": title})
    assert (changed.title__lower, changed.description__lower) == (lower, lower)
    assert changed.model_dump(mode="json")["title__lower"] == lower
    # The stored lower-case text is ignored.
    assert SessionMetadata.model_validate({**changed.model_dump(), "title__lower": "x"}).title__lower == lower


def test_without_a_description_there_is_no_twin() -> None:
    metadata = SessionHead.model_validate(STORED).metadata.model_copy(update={"description": None})
    assert metadata.description__lower is None


@pytest.mark.parametrize(
    ("name", "longest"), [("title", 255), ("description", 2_000), ("app", 100), ("device_info", 100)]
)
def test_texts_have_a_length_in_characters_and_no_nul(name: str, longest: int) -> None:
    new = {"title": "t", "description": None, "content": pack("")}
    for model, base in ((NewSession, new), (SessionChange, {})):
        for good in ("x" * longest, "\U0001f600" * longest):
            assert getattr(model.model_validate({**base, name: good}), name) == good
        for bad in ("x" * (longest + 1), "a\0b", "lone \ud800", 5):
            with pytest.raises(ValidationError):
                model.model_validate({**base, name: bad})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        NewSession.model_validate({"title": "t", "description": None, "content": pack(""), "owner_id": "bob"})
    with pytest.raises(ValidationError):
        SessionChange.model_validate({"version": 9})


def test_documents_are_read_only() -> None:
    head = SessionHead.model_validate(STORED)
    for document in (head, head.metadata, head.revisions[0]):
        with pytest.raises(ValidationError):
            document.version = 9  # type: ignore[union-attr]
