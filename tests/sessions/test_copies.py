"""A copy of a session is a session with content of its own, and no content travels."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.documents import TITLE_MAX_CHARACTERS
from persistence.errors import CorruptItem, Gone, KeyReused, NotFound, StorageFull, StoreUnavailable, TooMany
from persistence.idempotency import IdempotencyKey
from persistence.limits import STORED_BYTES, LimitRules
from persistence.sessions.documents import SessionChange, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import PAYLOAD, Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Dies
from tests.support.drafts import DRAFT, a_session
from tests.support.engines import AnswersLost
from tests.support.sessions import OWNER, assert_sound, content_ids, count, damage, new, saving, stored_heads

KEY = IdempotencyKey("key", "digest")


def over(engine: Engine) -> Stores:
    return stores_over(engine, SETTINGS.store_rules())


@pytest.mark.parametrize("status", [SessionStatus.ACTIVE, SessionStatus.CLOSED, SessionStatus.DRAFT])
@pytest.mark.parametrize("wanted", [SessionStatus.ACTIVE, SessionStatus.DRAFT])
async def test_a_copy_is_a_new_session_and_the_other_stays(
    stores: Stores, engine: Engine, status: SessionStatus, wanted: SessionStatus
) -> None:
    source = await a_session(stores, status)
    copy = await stores.sessions.copy(OWNER, DRAFT, status=wanted)
    assert copy.id != source.id and copy.status is wanted
    assert (copy.metadata.title, copy.metadata.version) == ("Second (copy)", 1)
    assert [one.action for one in copy.revisions] == [SessionAction.CREATED]
    assert await stores.sessions.get_head(OWNER, DRAFT) == source, "not even an access is recorded"
    assert not copy.content_ids & source.content_ids, "content of its own"
    await stores.sessions.delete(OWNER, DRAFT, purge=True)
    assert (await stores.sessions.get(OWNER, copy.id)).content == b"two"
    await assert_sound(engine)


async def test_a_copy_takes_everything_over_that_a_session_has(stores: Stores, engine: Engine) -> None:
    made = new("Plan", "one", "About", app="map", media_type="text/html", device_info="Phone")
    source = await stores.sessions.create(OWNER, made)
    copy = await stores.sessions.copy(OWNER, source.id)
    metadata = copy.metadata
    assert (copy.app, metadata.description, metadata.media_type) == ("map", "About", "text/html")
    assert metadata.device_info is None, "no device has saved it"
    assert metadata.content_hash == source.metadata.content_hash
    payloads = [(await engine.read(SESSIONS, id, OWNER)).item[PAYLOAD] for id in await content_ids(engine)]
    assert len(payloads) == 2 and payloads[0] == payloads[1]


async def test_a_version_of_the_history_can_be_copied(stores: Stores) -> None:
    source = await stores.sessions.create(OWNER, new("Plan", "one", media_type="text/plain"))
    await stores.sessions.save(OWNER, source.id, saving("two", media_type="text/html"))
    await stores.sessions.save(OWNER, source.id, SessionChange(title="Renamed"))
    copy = await stores.sessions.copy(OWNER, source.id, version=1, title="Old plan")
    assert (copy.metadata.title, copy.metadata.media_type) == ("Old plan", "text/plain")
    assert (await stores.sessions.get(OWNER, copy.id)).content == b"one"
    assert (await stores.sessions.copy(OWNER, source.id, version=1)).metadata.title == "Renamed (copy)"
    assert (await stores.sessions.copy(OWNER, source.id, version=3)).metadata.media_type == "text/html"
    with pytest.raises(NotFound):
        await stores.sessions.copy(OWNER, source.id, version=4)


async def test_a_long_title_is_cut(stores: Stores) -> None:
    source = await stores.sessions.create(OWNER, new("x" * TITLE_MAX_CHARACTERS))
    copy = await stores.sessions.copy(OWNER, source.id)
    assert copy.metadata.title == "x" * (TITLE_MAX_CHARACTERS - 7) + " (copy)"


async def test_what_is_gone_or_of_others_is_not_copied(stores: Stores, engine: Engine) -> None:
    await a_session(stores, SessionStatus.TRASHED)
    with pytest.raises(Gone):
        await stores.sessions.copy(OWNER, DRAFT)
    await stores.sessions.purge(OWNER, DRAFT)
    for version in (None, 1):
        with pytest.raises(Gone):
            await stores.sessions.copy(OWNER, DRAFT, version=version)
    source = await stores.sessions.create(OWNER, new())
    for owner, id in (("ben", source.id), (OWNER, "neverCreated"), (OWNER, "malformed")):
        with pytest.raises(NotFound):
            await stores.sessions.copy(owner, id)
    assert await count(engine, "session") == 2


async def test_damage_is_not_copied(stores: Stores, engine: Engine) -> None:
    source = await stores.sessions.create(OWNER, new())
    assert source.content_id is not None
    other = await stores.sessions.create(OWNER, new(content="another"))
    assert other.content_id is not None
    payload = (await engine.read(SESSIONS, other.content_id, OWNER)).item[PAYLOAD]
    damaged = over(engine)
    await damage(engine, source.content_id, OWNER, **{PAYLOAD: payload})
    for version in (None, 1):
        with pytest.raises(CorruptItem):
            await damaged.sessions.copy(OWNER, source.id, version=version)
    assert await count(engine, "session") == 2


@pytest.mark.parametrize("status", [SessionStatus.ACTIVE, SessionStatus.DRAFT])
async def test_limits_hold_as_for_any_create(engine: Engine, status: SessionStatus) -> None:
    source = await over(engine).sessions.create(OWNER, new())
    what = "drafts" if status is SessionStatus.DRAFT else "sessions"
    await over(engine).sessions.copy(OWNER, source.id, status=status)
    rules: list[tuple[LimitRules, Any]] = [
        (LimitRules({what: 1}), TooMany),
        (LimitRules(sums={STORED_BYTES: 8}), StorageFull),
    ]
    for limits, refusal in rules:
        stores = stores_over(engine, replace(SETTINGS.store_rules(), limits=limits))
        with pytest.raises(refusal):
            await stores.sessions.copy(OWNER, source.id, status=status)
    assert await count(engine, "session") == 2


# Retries


@pytest.mark.parametrize("purge", [False, True])
async def test_a_retry_returns_the_copy_that_it_made(stores: Stores, engine: Engine, purge: bool) -> None:
    source = await stores.sessions.create(OWNER, new())
    copy = await stores.sessions.copy(OWNER, source.id, key=KEY)
    await stores.sessions.save(OWNER, copy.id, saving("later"))
    await stores.sessions.save(OWNER, source.id, saving("changed"))
    assert await stores.sessions.copy(OWNER, source.id, key=KEY) == copy
    await stores.sessions.delete(OWNER, source.id, purge=purge)
    assert await stores.sessions.copy(OWNER, source.id, key=KEY) == copy
    assert await count(engine, "session") == 2
    await stores.sessions.delete(OWNER, copy.id)
    with pytest.raises(Gone):
        await stores.sessions.copy(OWNER, source.id, key=KEY)


async def test_a_key_stands_for_one_copy_of_one_session(stores: Stores) -> None:
    one, other = [await stores.sessions.create(OWNER, new()) for _ in range(2)]
    await stores.sessions.copy(OWNER, one.id, key=KEY)
    for copying in (
        stores.sessions.copy(OWNER, other.id, key=KEY),
        stores.sessions.copy(OWNER, one.id, key=replace(KEY, digest="another")),
        stores.sessions.create(OWNER, new(), KEY),
    ):
        with pytest.raises(KeyReused):
            await copying


async def test_equal_requests_at_once_make_one_copy(engine: Engine) -> None:
    source = await over(engine).sessions.create(OWNER, new())
    tabs = [over(engine) for _ in range(4)]
    copies = await asyncio.gather(*(tab.sessions.copy(OWNER, source.id, key=KEY) for tab in tabs))
    assert len({copy.id for copy in copies}) == 1
    assert await count(engine, "session") == 2
    await assert_sound(engine)


@pytest.mark.each_way
@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("large", [False, True])
async def test_a_copy_that_was_interrupted_is_finished_by_a_retry(
    engine: Engine, applied: bool, large: bool
) -> None:
    text = "".join(map(chr, range(0x4E00, 0x9000))) * 25 if large else "one"
    source = await over(engine).sessions.create(OWNER, new(content=text))
    for at in (1, 2, 3):
        try:
            await over(Dies(engine, at, applied)).sessions.copy(OWNER, source.id, key=KEY)
        except StoreUnavailable:
            assert len(await stored_heads(engine)) <= 2
    copy = await over(engine).sessions.copy(OWNER, source.id, key=KEY)
    assert {one.id for one in await stored_heads(engine)} == {source.id, copy.id}
    assert (await over(engine).sessions.get(OWNER, copy.id)).content == text.encode()
    await assert_sound(engine)


@pytest.mark.each_way
@pytest.mark.parametrize("key", [None, KEY])
async def test_a_copy_whose_answer_the_driver_lost_is_one_copy(engine: Engine, key: IdempotencyKey | None) -> None:
    source = await over(engine).sessions.create(OWNER, new())
    losing = AnswersLost(engine, ["commit"])
    copy = await over(losing).sessions.copy(OWNER, source.id, key=key)
    assert losing.times == 0
    assert {one.id for one in await stored_heads(engine)} == {source.id, copy.id}
