"""A damaged item makes its own reads fail, and no others."""

import logging
from typing import Any

import pytest

from persistence.conditions import Conditions
from persistence.errors import CorruptItem, Gone
from persistence.sessions.store import SessionStore
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import PAYLOAD, Engine
from persistence.storage.query import Sort
from tests.support.sessions import OWNER, content_ids, count, damage, new, saving, session_store

HEAD_DAMAGES: dict[str, dict[str, Any]] = {
    "another schema": {"schema": 3},
    "a schema that is no number": {"schema": "1"},
    "no metadata": {"metadata": "gone"},
    "no title": {"metadata.title": None},
    "a version that is no number": {"metadata.version": "many"},
    "a time that is none": {"metadata.created_at": "yesterday"},
    "an unknown status": {"status": "lost"},
    "no status": {"status": None},
    "a title that is an object": {"metadata.title": {"a": 1}},
    "a time that is a list": {"metadata.updated_at": [1]},
    "in the trash from nowhere": {"status": "trashed"},
    "in the trash after its deletion": {"status": "trashed", "status_before": "deleted"},
}
head_damages = pytest.mark.parametrize("fields", HEAD_DAMAGES.values(), ids=HEAD_DAMAGES)


@pytest.fixture
def sessions(engine: Engine) -> SessionStore:
    return session_store(engine)


@head_damages
async def test_a_damaged_head_fails_alone(
    engine: Engine, sessions: SessionStore, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    hurt, sound = await sessions.create(OWNER, new("hurt")), await sessions.create(OWNER, new("sound"))
    await damage(engine, hurt.id, **fields)
    for call in (
        sessions.get(OWNER, hurt.id),
        sessions.get_head(OWNER, hurt.id),
        sessions.save(OWNER, hurt.id, saving("two")),
        sessions.delete(OWNER, hurt.id),
    ):
        with pytest.raises(CorruptItem) as failed:
            await call
        assert (failed.value.kind, failed.value.id) == ("session", hurt.id)
        [line] = [r.getMessage() for r in caplog.records if failed.value.reference in r.getMessage()]
        assert hurt.id in line
    assert [one.id for one in (await sessions.page(OWNER)).items] == [sound.id]
    assert (await sessions.get(OWNER, sound.id)).content == b"one"
    assert (await sessions.save(OWNER, sound.id, saving("two"))).metadata.version == 2


@head_damages
async def test_a_session_with_a_damaged_head_can_be_erased(
    engine: Engine, sessions: SessionStore, fields: dict[str, Any]
) -> None:
    hurt = await sessions.create(OWNER, new("hurt"))
    await damage(engine, hurt.id, **fields)
    assert await sessions.erase(OWNER, hurt.id) == 2, "its head and its content"
    assert (await count(engine, "session"), await content_ids(engine)) == (0, set())


@head_damages
async def test_a_damaged_head_does_not_stop_the_pages(
    engine: Engine, sessions: SessionStore, fields: dict[str, Any]
) -> None:
    ids = [(await sessions.create(OWNER, new(f"title {number}"))).id for number in range(7)]
    await damage(engine, ids[2], **fields)
    await damage(engine, ids[5], **fields)
    sound = sorted({*ids} - {ids[2], ids[5]})
    for path in ("metadata.updated_at", "metadata.title", "metadata.created_at", "id"):
        seen: list[str] = []
        cursor = None
        for _ in range(len(ids)):
            page = await sessions.page(OWNER, (), Sort(path), page_size=1, cursor=cursor)
            seen += [one.id for one in page.items]
            if (cursor := page.cursor) is None:
                break
        assert cursor is None and sorted(seen) == sound, path


@pytest.mark.parametrize(
    "fields",
    [
        {PAYLOAD: b"no gzip"},
        {PAYLOAD: b""},
        {PAYLOAD: None},
        {PAYLOAD: b"\x1f\x8b\x08"},
        {"schema": 3},
        {"saved_at": "yesterday"},
        {"session_id": 7},
    ],
    ids=["no gzip", "empty", "no payload", "cut short", "another schema", "a time that is none", "a number as id"],
)
async def test_damaged_content_fails_the_reading_of_its_session(
    engine: Engine, sessions: SessionStore, fields: dict[str, Any]
) -> None:
    hurt = await sessions.create(OWNER, new("hurt"))
    await damage(engine, hurt.content_id or "", **fields)
    await assert_only_content_fails(sessions, hurt.id)


async def test_one_wrong_bit_in_the_content_is_noticed(engine: Engine, sessions: SessionStore) -> None:
    hurt = await sessions.create(OWNER, new("hurt", content="some words, some more words"))
    payload = (await engine.read(SESSIONS, hurt.content_id or "", OWNER)).item[PAYLOAD]
    for position in (len(payload) // 2, len(payload) - 6):
        changed = bytearray(payload)
        changed[position] ^= 1
        await damage(engine, hurt.content_id or "", **{PAYLOAD: bytes(changed)})
        with pytest.raises(CorruptItem):
            _ = (await sessions.get(OWNER, hurt.id)).content


async def test_a_missing_content_is_a_corrupt_session(engine: Engine, sessions: SessionStore) -> None:
    hurt = await sessions.create(OWNER, new("hurt"))
    await engine.delete(SESSIONS, hurt.content_id or "", OWNER)
    await assert_only_content_fails(sessions, hurt.id)


async def assert_only_content_fails(sessions: SessionStore, id: str) -> None:
    """Asserts that reading the content fails. Listing, polling, saving and deleting the session still work."""
    with pytest.raises(CorruptItem):
        _ = (await sessions.get(OWNER, id)).content
    head = await sessions.get_head(OWNER, id)
    assert (await sessions.get(OWNER, id, if_none_match={head.metadata.etag})).content is None
    assert [one.id for one in (await sessions.page(OWNER)).items] == [id]
    await sessions.save(OWNER, id, saving("whole again"), Conditions({head.metadata.etag}))
    assert (await sessions.get(OWNER, id)).content == b"whole again"
    await sessions.delete(OWNER, id)
    with pytest.raises(Gone):
        await sessions.get_head(OWNER, id)


async def test_a_damaged_item_is_logged_without_what_it_holds(
    engine: Engine, sessions: SessionStore, caplog: pytest.LogCaptureFixture
) -> None:
    hurt = await sessions.create(OWNER, new("a private title"))
    await damage(engine, hurt.id, **{"metadata.created_at": "a private time"})
    with caplog.at_level(logging.DEBUG, "persistence"):
        await sessions.page(OWNER)
    [record] = [one for one in caplog.records if one.name == "persistence.storage.document_set"]
    assert hurt.id in record.getMessage() and "created_at" in record.getMessage()
    assert "private" not in caplog.text
