"""SessionStore: creating, saving, reading and deleting, on each engine."""

import pytest

from persistence import Stores
from persistence.conditions import Conditions
from persistence.content import CONTENT_MAX_BYTES, pack
from persistence.documents import new_id
from persistence.errors import (
    Changed,
    ContentTooLarge,
    Gone,
    InvalidField,
    NotFound,
    Trashed,
)
from persistence.sessions.documents import SessionChange, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.sessions.store import SessionStore
from persistence.storage.engine import Engine
from tests.support.engines import CountingReads
from tests.support.sessions import (
    OWNER,
    content_ids,
    count,
    new,
    saving,
    session_store,
    sha256,
    stored_heads,
)

LARGE = "".join(chr(0x100 + i * 7919 % 0x5000) for i in range(CONTENT_MAX_BYTES // 3))
"""Too large, even packed, for one commit of content and head."""


@pytest.fixture
def sessions(stores: Stores) -> SessionStore:
    return stores.sessions


async def test_a_new_session_comes_back_as_it_was_sent(sessions: SessionStore) -> None:
    content = 'żółć \0 "\\ \u2028 🙂'
    head = await sessions.create(OWNER, new("Title", content, "About", app="map", device_info="phone"))
    got = await sessions.get(OWNER, head.id)
    assert got.head == head == await sessions.get_head(OWNER, head.id)
    assert got.content == content.encode()
    metadata = head.metadata
    assert (metadata.title, metadata.description, head.app) == ("Title", "About", "map")
    assert (metadata.version, metadata.device_info, head.status) == (1, "phone", SessionStatus.ACTIVE)
    assert (metadata.content_hash, metadata.content_bytes) == (sha256(content), len(content.encode()))
    assert metadata.created_at == metadata.updated_at == metadata.last_accessed_at


async def test_bytes_and_text_are_the_same_content(sessions: SessionStore) -> None:
    head = await sessions.create(OWNER, new(content="ż"))
    assert await sessions.save(OWNER, head.id, SessionChange(content=pack("ż".encode()))) == head
    with pytest.raises(InvalidField, match="content: is not valid UTF-8"):
        await sessions.save(OWNER, head.id, SessionChange(content=pack(b"\xff")))


async def test_empty_content_is_content(sessions: SessionStore) -> None:
    head = await sessions.create(OWNER, new(content=""))
    assert (await sessions.get(OWNER, head.id)).content == b""
    assert (await sessions.save(OWNER, head.id, saving("one"))).metadata.version == 2
    assert (await sessions.save(OWNER, head.id, saving(""))).metadata.content_hash == sha256("")


async def test_a_small_session_is_one_commit_and_a_large_one_two(counting: CountingReads) -> None:
    sessions = session_store(counting)
    await sessions.create(OWNER, new())
    assert counting.verbs == ["commit"]
    counting.forget()
    head = await sessions.create(OWNER, new(content=LARGE))
    # The content is created first, so that a head never names a missing one.
    assert [(one.verb, one.kinds) for one in counting.asked] == [
        ("create", ("content",)),
        ("commit", ("session", "activity")),
    ]
    assert (await sessions.get(OWNER, head.id)).content == LARGE.encode()


async def test_a_save_leaves_what_is_not_given(sessions: SessionStore) -> None:
    first = await sessions.create(OWNER, new("Title", "one", "About", app="map", device_info="phone"))
    second = await sessions.save(OWNER, first.id, saving("two"))
    metadata = second.metadata
    assert (metadata.title, metadata.description, second.app) == ("Title", "About", "map")
    assert (metadata.version, metadata.content_hash, metadata.device_info) == (2, sha256("two"), None)
    assert metadata.created_at == first.metadata.created_at
    assert metadata.updated_at > first.metadata.updated_at
    assert (await sessions.get(OWNER, first.id)).content == b"two"


async def test_a_description_is_cleared_by_an_empty_one(sessions: SessionStore) -> None:
    head = await sessions.create(OWNER, new(description="About"))
    head = await sessions.save(OWNER, head.id, SessionChange(description=""))
    assert (head.metadata.description, head.metadata.description__lower, head.metadata.version) == (None, None, 2)


async def test_renaming_writes_no_content(counting: CountingReads) -> None:
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new())
    counting.forget()
    renamed = await sessions.save(OWNER, head.id, SessionChange(title="Second"))
    assert [(one.verb, one.kinds) for one in counting.asked] == [
        ("read", ("session",)),
        ("commit", ("session", "activity")),
    ]
    assert renamed.content_id == head.content_id
    assert renamed.metadata.etag != head.metadata.etag


@pytest.mark.parametrize(
    "change",
    [
        SessionChange(),
        SessionChange(title="First", description="About", content=pack("one"), app="map"),
        SessionChange(content=pack("one")),
        SessionChange(device_info="another phone"),
    ],
    ids=["nothing", "everything again", "the content again", "only another device"],
)
async def test_what_changes_nothing_writes_nothing(counting: CountingReads, change: SessionChange) -> None:
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new(description="About", app="map"))
    counting.forget()
    assert await sessions.save(OWNER, head.id, change) == head
    assert counting.verbs == ["read"]


@pytest.mark.parametrize("field", ["app", "description"])
async def test_an_empty_field_is_none_and_writes_nothing_if_there_was_none(
    counting: CountingReads, field: str
) -> None:
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new())
    counting.forget()
    assert await sessions.save(OWNER, head.id, SessionChange.model_validate({field: ""})) == head
    assert counting.verbs == ["read"]


async def test_each_field_alone_is_a_change(sessions: SessionStore) -> None:
    head = await sessions.create(OWNER, new())
    changes = [SessionChange(title="b"), SessionChange(description="b"), saving("b"), SessionChange(app="b")]
    for version, change in enumerate(changes, 2):
        assert (await sessions.save(OWNER, head.id, change)).metadata.version == version


async def test_a_right_etag_saves_and_a_stale_one_changes_nothing(engine: Engine) -> None:
    sessions = session_store(engine)
    first = await sessions.create(OWNER, new())
    second = await sessions.save(OWNER, first.id, saving("two"), Conditions({first.metadata.etag}))
    before = await stored_heads(engine), await content_ids(engine)
    for change in (saving("three"), SessionChange(title="three"), SessionChange()):
        with pytest.raises(Changed) as refused:
            await sessions.save(OWNER, first.id, change, Conditions({first.metadata.etag}))
        assert refused.value.current == second
    with pytest.raises(Changed):
        await sessions.delete(OWNER, first.id, {first.metadata.etag})
    assert (await stored_heads(engine), await content_ids(engine)) == before


async def test_one_etag_of_several_is_enough(sessions: SessionStore) -> None:
    head = await sessions.create(OWNER, new())
    tags = {'"7-0123456789abcdef"', head.metadata.etag, "not one of ours"}
    head = await sessions.save(OWNER, head.id, saving("two"), Conditions(tags))
    assert head.metadata.version == 2
    with pytest.raises(Changed):
        await sessions.save(OWNER, head.id, saving("three"), Conditions({"not one of ours"}))
    with pytest.raises(Changed):
        await sessions.save(OWNER, head.id, saving("three"), Conditions(set()))


async def test_a_repeat_under_the_same_save_id_finds_its_first_try_done(engine: Engine) -> None:
    sessions = session_store(engine)
    first = await sessions.create(OWNER, new())
    second = await sessions.save(OWNER, first.id, saving("two"), Conditions({first.metadata.etag}, save_id="key"))
    await sessions.save(OWNER, first.id, saving("three", title="Another's"))
    before = await stored_heads(engine), await content_ids(engine)
    retried = await sessions.save(OWNER, first.id, saving("two"), Conditions({first.metadata.etag}, save_id="key"))
    # With the current ETag, the caller's next If-Match would overwrite what it has never seen.
    assert retried == second
    assert (await stored_heads(engine), await content_ids(engine)) == before


async def test_a_deleted_session_is_a_tombstone_that_keeps_no_words(engine: Engine) -> None:
    sessions = session_store(engine)
    head = await sessions.create(OWNER, new("Secret", description="Secret", device_info="Secret"))
    await sessions.save(OWNER, head.id, saving("two"))
    await sessions.delete(OWNER, head.id, purge=True)
    [tombstone] = await stored_heads(engine)
    assert (tombstone.status, tombstone.metadata.title, tombstone.metadata.version) == ("deleted", "", 3)
    assert tombstone.deleted_at == tombstone.metadata.updated_at
    assert tombstone.content_ids == frozenset()
    assert [r.action for r in tombstone.revisions] == [SessionAction.DELETED]
    assert "Secret" not in tombstone.model_dump_json()
    assert await count(engine, "content") == 0


@pytest.mark.parametrize("purge", [False, True], ids=["trashed", "purged"])
async def test_a_deleted_session_is_gone_for_every_call(counting: CountingReads, purge: bool) -> None:
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new())
    await sessions.delete(OWNER, head.id, {head.metadata.etag}, purge=purge)
    counting.forget()
    for call in (
        sessions.get(OWNER, head.id),
        sessions.get_head(OWNER, head.id),
        sessions.save(OWNER, head.id, saving("two")),
        sessions.save(OWNER, head.id, saving("two"), Conditions({head.metadata.etag})),
    ):
        with pytest.raises(Gone) as refused:
            await call
        assert isinstance(refused.value, Trashed) is not purge
    await sessions.delete(OWNER, head.id)
    await sessions.delete(OWNER, head.id, {head.metadata.etag})
    assert counting.writes == []


@pytest.mark.parametrize("owner", ["bob", "Ann", "ann "])
async def test_another_owners_session_is_as_if_there_were_none(engine: Engine, owner: str) -> None:
    sessions = session_store(engine)
    head = await sessions.create(OWNER, new())
    deleted = await sessions.create(OWNER, new())
    await sessions.delete(OWNER, deleted.id)
    for id in (head.id, deleted.id, new_id()):
        for call in (
            sessions.get(owner, id),
            sessions.get_head(owner, id),
            sessions.save(owner, id, saving("two")),
            sessions.delete(owner, id),
        ):
            with pytest.raises(NotFound):
                await call
    assert (await sessions.page(owner)).items == []
    assert (await sessions.get(OWNER, head.id)).content == b"one"


@pytest.mark.parametrize(
    "id", ["", "short", "thirteen-char", "twelve chars", "../../../etc", "twelvechars\n", "ąąąąąąąąąąąą"]
)
async def test_a_malformed_id_is_refused_before_anything_is_asked(counting: CountingReads, id: str) -> None:
    sessions = session_store(counting)
    for call in (
        sessions.get(OWNER, id),
        sessions.get_head(OWNER, id),
        sessions.save(OWNER, id, saving("two"), Conditions({'"1-a"'})),
        sessions.delete(OWNER, id),
    ):
        with pytest.raises(NotFound):
            await call
    assert counting.asked == []


async def test_a_content_item_is_no_session(sessions: SessionStore) -> None:
    head = await sessions.create(OWNER, new())
    assert head.content_id is not None
    with pytest.raises(NotFound):
        await sessions.get(OWNER, head.content_id)


async def test_too_large_content_is_refused_before_anything_is_asked(counting: CountingReads) -> None:
    sessions = session_store(counting)
    over = "x" * (CONTENT_MAX_BYTES + 1)
    with pytest.raises(ContentTooLarge):
        await sessions.create(OWNER, new(content=over))
    with pytest.raises(ContentTooLarge):
        await sessions.save(OWNER, new_id(), saving(over))
    assert counting.asked == []


async def test_a_poll_reads_the_head_alone(counting: CountingReads) -> None:
    sessions = session_store(counting)
    head = await sessions.create(OWNER, new(content="x" * 100_000))
    counting.forget()
    assert (await sessions.get(OWNER, head.id, if_none_match={head.metadata.etag})).content is None
    await sessions.get_head(OWNER, head.id)
    assert counting.kinds_read == {"session"}
    assert counting.bytes_read < 3_000
