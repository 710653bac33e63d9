"""A save that is refused becomes a draft, once for each save, and nothing that was sent is lost."""

import asyncio
from dataclasses import replace

import pytest

from persistence import Stores, stores_over
from persistence.conditions import ANY_TAG, Conditions
from persistence.documents import TITLE_MAX_CHARACTERS, is_id
from persistence.drafts.conflict_copies import ConflictCopy, title_of_copy
from persistence.errors import (
    Changed,
    Gone,
    KeyReused,
    NotFound,
    StorageFull,
    StoreUnavailable,
    TooMany,
    Trashed,
)
from persistence.limits import STORED_BYTES, LimitRules
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionHead, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.breaking import Dies
from tests.support.copies import copy_of, save_or_copy
from tests.support.drafts import DRAFT, a_session, draft
from tests.support.engines import AnswersLost, CountingReads, LateReads
from tests.support.sessions import OWNER, assert_sound, content_ids, new, saving, stored_heads

WRITERS = 8


def over(engine: Engine) -> Stores:
    return stores_over(engine, SETTINGS.store_rules())


async def overtaken(stores: Stores, **fields: str | None) -> tuple[SessionHead, SessionHead]:
    """Creates a session that is saved once more. Returns it as it was and as it is."""
    before = await stores.sessions.create(OWNER, new("Plan", "0", **fields))
    return before, await stores.sessions.save(OWNER, before.id, saving("theirs"))


async def stored(engine: Engine) -> tuple[list[SessionHead], set[str]]:
    return await stored_heads(engine), await content_ids(engine)


@pytest.mark.each_way
async def test_of_eight_writers_with_one_etag_one_wins_and_seven_become_copies(engine: Engine) -> None:
    head = await over(engine).sessions.create(OWNER, new("Plan", "0"))
    tabs = [over(engine) for _ in range(WRITERS)]
    texts = {f"key {n}": f"content of tab {n}" for n in range(WRITERS)}

    async def save_all() -> list[SessionHead | ConflictCopy]:
        etag = head.metadata.etag
        return await asyncio.gather(
            *(
                save_or_copy(tab, head.id, text, key=key, etag=etag, device_info=key)
                for tab, (key, text) in zip(tabs, texts.items(), strict=True)
            )
        )

    saved = await save_all()
    [winner] = [one for one in saved if isinstance(one, SessionHead)]
    copies = [one for one in saved if isinstance(one, ConflictCopy)]
    assert len({copy.draft.id for copy in copies}) == WRITERS - 1
    assert winner.metadata.version == 2 and all(copy.current == winner for copy in copies)
    ids = [head.id, *(copy.draft.id for copy in copies)]
    found = [(await tabs[0].sessions.get(OWNER, id)).content for id in ids]
    assert sorted(map(bytes.decode, filter(None, found))) == sorted(texts.values())
    before = await stored(engine)
    assert await save_all() == saved, "each repeated with its key"
    assert await stored(engine) == before, "no further copy"
    await assert_sound(engine)


async def test_a_copy_has_what_was_sent_and_otherwise_what_the_session_has(stores: Stores) -> None:
    before, after = await overtaken(stores, description="About", app="map", media_type="text/plain")
    copy = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag, device_info="Phone")
    draft, metadata = copy.draft, copy.draft.metadata
    assert is_id(draft.id) and draft.id != before.id
    assert (draft.status, draft.app, metadata.version) == (SessionStatus.DRAFT, "map", 1)
    assert (metadata.title, metadata.description) == ("Plan (conflicting copy, Phone)", "About")
    assert (metadata.media_type, metadata.device_info) == ("text/plain", "Phone")
    assert (copy.of, copy.current) == (before.id, after)
    assert copy.purges_at == stores.drafts.purges_at(draft) is not None
    opened = await stores.drafts.get(OWNER, draft.id)
    assert opened.content == b"mine" and opened.head.revisions[0].action is SessionAction.CREATED
    sent = {"title": "Mine", "description": "", "app": "", "media_type": "text/html"}
    copy = await copy_of(stores, before.id, "mine", key="other", etag=before.metadata.etag, **sent)
    draft, metadata = copy.draft, copy.draft.metadata
    assert (metadata.title, metadata.description) == ("Mine (conflicting copy)", None)
    assert (draft.app, metadata.media_type, metadata.device_info) == (None, "text/html", None)


@pytest.mark.parametrize("status", [SessionStatus.CLOSED, SessionStatus.TRASHED, SessionStatus.DELETED])
@pytest.mark.parametrize("etag", ["stale", "current", None])
async def test_what_cannot_be_saved_becomes_a_copy(
    stores: Stores, status: SessionStatus, etag: str | None
) -> None:
    head = await a_session(stores, status)
    now = await stores.sessions.find_head(OWNER, DRAFT)
    assert now is not None and now.status is status
    tag = None if etag is None else (head if etag == "stale" else now).metadata.etag
    copy = await copy_of(stores, DRAFT, "mine", key="key", etag=tag)
    assert copy.current == (None if status is SessionStatus.DELETED else now)
    title = "Untitled" if status is SessionStatus.DELETED else "Second"
    assert copy.draft.metadata.title == f"{title} (conflicting copy)"
    assert (await stores.drafts.get(OWNER, copy.draft.id)).content == b"mine"
    assert await copy_of(stores, DRAFT, "mine", key="key", etag=tag) == copy
    assert await stores.sessions.find_head(OWNER, DRAFT) == now


@pytest.mark.parametrize("status", [SessionStatus.ACTIVE, SessionStatus.CLOSED])
async def test_a_draft_that_was_promoted_is_not_saved_as_a_draft_but_copied(
    stores: Stores, status: SessionStatus
) -> None:
    now = await a_session(stores, status)
    conditions = Conditions({now.metadata.etag}, save_id="key")
    copy = await stores.conflict_copies.save_or_copy(
        OWNER, DRAFT, draft("mine"), conditions, lambda: stores.drafts.put(OWNER, DRAFT, draft("mine"), conditions)
    )
    assert isinstance(copy, ConflictCopy) and copy.current == now


async def test_a_draft_that_must_be_new_is_copied_if_it_exists(stores: Stores) -> None:
    head, _ = await stores.drafts.put(OWNER, DRAFT, draft())
    conditions = Conditions(if_none_match=ANY_TAG, save_id="key")
    copy = await stores.conflict_copies.save_or_copy(
        OWNER, DRAFT, draft("mine"), conditions, lambda: stores.drafts.put(OWNER, DRAFT, draft("mine"), conditions)
    )
    assert isinstance(copy, ConflictCopy) and copy.current == head


async def test_without_content_there_is_nothing_to_copy(stores: Stores, engine: Engine) -> None:
    before, _ = await overtaken(stores)
    with pytest.raises(Changed):
        await save_or_copy(stores, before.id, None, key="key", etag=before.metadata.etag, title="Renamed")
    assert len(await stored_heads(engine)) == 1


async def test_a_session_that_never_was_is_not_found(stores: Stores, engine: Engine) -> None:
    for id in ("neverCreated", "malformed"):
        for etag in ('"1-0123456789abcdef"', None):
            with pytest.raises(NotFound):
                await save_or_copy(stores, id, "mine", key="key", etag=etag)
    before, _ = await overtaken(stores)
    with pytest.raises(NotFound):
        await save_or_copy(stores, before.id, "mine", key="key", etag=before.metadata.etag, owner="ben")
    assert len(await stored_heads(engine)) == 1 and await stored_heads(engine, "ben") == []


async def test_a_save_that_is_not_refused_costs_what_it_cost(engine: Engine) -> None:
    counting = CountingReads(engine)
    stores = over(counting)
    head = await stores.sessions.create(OWNER, new(content="0"))
    counting.forget()
    saved = await save_or_copy(stores, head.id, "one", key="key", etag=head.metadata.etag)
    assert isinstance(saved, SessionHead) and counting.verbs.count("read") == 1


# Repeats


async def test_a_save_that_was_applied_is_no_conflict(stores: Stores, engine: Engine) -> None:
    head = await stores.sessions.create(OWNER, new(content="0"))
    saved = await save_or_copy(stores, head.id, "mine", key="key", etag=head.metadata.etag)
    await stores.sessions.save(OWNER, head.id, saving("theirs"))
    assert await save_or_copy(stores, head.id, "mine", key="key", etag=head.metadata.etag) == saved
    await stores.sessions.move(OWNER, head.id, SessionAction.CLOSED)
    await stores.sessions.delete(OWNER, head.id)
    again = await save_or_copy(stores, head.id, "mine", key="key", etag=head.metadata.etag)
    assert isinstance(saved, SessionHead) and isinstance(again, SessionHead)
    assert again.metadata == saved.metadata
    assert len(await stored_heads(engine)) == 1


@pytest.mark.parametrize("saves", [1, REMEMBERED_VERSIONS + 1, SETTINGS.keep_revisions + REMEMBERED_VERSIONS])
async def test_a_repeat_finds_the_copy_as_it_was_created(stores: Stores, saves: int) -> None:
    before, _ = await overtaken(stores, media_type="text/plain")
    first = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag, device_info="Phone")
    for number in range(saves):
        await stores.drafts.put(OWNER, first.draft.id, draft(f"later {number}"), autosave=False)
    again = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag, device_info="Phone")
    assert again.draft.metadata == first.draft.metadata and again.purges_at == first.purges_at
    with pytest.raises(KeyReused):
        await save_or_copy(stores, before.id, "other", key="key", etag=before.metadata.etag, device_info="Phone")


async def test_a_copy_that_was_promoted_is_found(stores: Stores, engine: Engine) -> None:
    before, _ = await overtaken(stores)
    first = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    await stores.drafts.promote(OWNER, first.draft.id)
    again = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    assert again.draft.metadata == first.draft.metadata
    assert (again.draft.status, again.purges_at) == (SessionStatus.ACTIVE, None)
    assert len(await stored_heads(engine)) == 2


@pytest.mark.parametrize("purge", [False, True])
async def test_a_copy_that_was_deleted_is_not_made_again(stores: Stores, engine: Engine, purge: bool) -> None:
    before, _ = await overtaken(stores)
    first = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    await stores.drafts.discard(OWNER, first.draft.id, purge=purge)
    with pytest.raises(Gone, match="conflicting copy") as refused:
        await save_or_copy(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    assert isinstance(refused.value, Trashed) is not purge
    assert len(await stored_heads(engine)) == 2


async def test_a_repeat_is_not_saved_if_the_session_can_be_saved_again(stores: Stores) -> None:
    head = await a_session(stores, SessionStatus.CLOSED)
    first = await copy_of(stores, DRAFT, "mine", key="key")
    await stores.sessions.move(OWNER, DRAFT, SessionAction.REOPENED)
    again = await copy_of(stores, DRAFT, "mine", key="key")
    assert again.draft == first.draft
    assert again.current is not None and again.current.metadata.content_hash == head.metadata.content_hash


async def test_a_repeat_finds_the_copy_when_the_tombstone_is_forgotten(stores: Stores) -> None:
    before, _ = await overtaken(stores)
    first = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    await stores.sessions.erase(OWNER, before.id)
    again = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    assert (again.draft, again.current) == (first.draft, None)


async def test_a_key_stands_for_one_save_of_one_person(stores: Stores, engine: Engine) -> None:
    before, _ = await overtaken(stores)
    other, _ = await overtaken(stores)
    first = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    for id, content, rest in (
        (before.id, "different", {}),
        (before.id, "mine", {"title": "Different"}),
        (other.id, "mine", {}),
    ):
        with pytest.raises(KeyReused):
            await save_or_copy(stores, id, content, key="key", etag=before.metadata.etag, **rest)
    assert len(await stored_heads(engine)) == 3
    session = await stores.sessions.create("ben", new("Plan", "0"))
    await stores.sessions.save("ben", session.id, saving("theirs"))
    etag = session.metadata.etag
    copy = await save_or_copy(stores, session.id, "mine", key="key", etag=etag, owner="ben")
    assert isinstance(copy, ConflictCopy) and copy.draft.id != first.draft.id


async def test_a_draft_that_took_the_id_of_a_copy_is_not_taken_for_it(stores: Stores, engine: Engine) -> None:
    before, _ = await overtaken(stores)
    first = await copy_of(stores, before.id, "mine", key="key", etag=before.metadata.etag)
    await stores.sessions.erase(OWNER, first.draft.id)
    await stores.drafts.put(OWNER, first.draft.id, draft("another"))
    with pytest.raises(KeyReused):
        await save_or_copy(stores, before.id, "mine", key="key", etag=before.metadata.etag)


# Faults


@pytest.mark.each_way
@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("large", [False, True])
async def test_a_copy_that_was_interrupted_is_finished_by_a_repeat(
    engine: Engine, applied: bool, large: bool
) -> None:
    before, _ = await overtaken(over(engine))
    mine = "".join(map(chr, range(0x4E00, 0x9000))) * 25 if large else "mine"
    etag = before.metadata.etag
    for at in (1, 2, 3):
        dying = Dies(engine, at, applied)
        try:
            await save_or_copy(over(dying), before.id, mine, key="key", etag=etag)
        except StoreUnavailable:
            assert len(await stored_heads(engine)) <= 2
    copy = await copy_of(over(engine), before.id, mine, key="key", etag=etag)
    assert [one.id for one in await stored_heads(engine) if one.id != before.id] == [copy.draft.id]
    assert (await over(engine).drafts.get(OWNER, copy.draft.id)).content == mine.encode()
    await assert_sound(engine)


@pytest.mark.each_way
async def test_a_copy_whose_answer_the_driver_lost_is_the_copy(engine: Engine) -> None:
    before, _ = await overtaken(over(engine))
    losing = AnswersLost(engine, ["commit"])
    copy = await copy_of(over(losing), before.id, "mine", key="key", etag=before.metadata.etag)
    assert losing.times == 0
    assert [one for one in await stored_heads(engine) if one.id != before.id] == [copy.draft]
    await assert_sound(engine)


@pytest.mark.each_way
async def test_a_save_whose_answer_the_driver_lost_is_no_conflict(engine: Engine) -> None:
    head = await over(engine).sessions.create(OWNER, new(content="0"))
    losing = AnswersLost(engine, ["replace"])
    losing.meanwhile = lambda: over(engine).sessions.save(OWNER, head.id, saving("theirs"))
    saved = await save_or_copy(over(losing), head.id, "mine", key="key", etag=head.metadata.etag)
    assert isinstance(saved, SessionHead) and saved.metadata.version == 2
    assert len(await stored_heads(engine)) == 1


@pytest.mark.each_way
@pytest.mark.parametrize("seed", range(5))
async def test_late_reads_make_no_second_copy(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed, most=2)
    for number in range(5):
        stores = over(AnswersLost(late, ["commit"], times=2))
        before = await stores.sessions.create(OWNER, new("Plan", "0"))
        etag, key = before.metadata.etag, f"key {number}"
        await stores.sessions.save(OWNER, before.id, saving("theirs"), Conditions({etag}))
        first = await copy_of(stores, before.id, "mine", key=key, etag=etag)
        again = await copy_of(stores, before.id, "mine", key=key, etag=etag)
        assert again.draft == first.draft
        assert len(await stored_heads(engine)) == 2 * (number + 1)
    assert late.answered_late > 0
    await assert_sound(engine)


async def test_a_limit_refuses_a_copy_as_any_draft(engine: Engine) -> None:
    before, _ = await overtaken(over(engine))
    rules = SETTINGS.store_rules()
    for limits, refusal in (
        (LimitRules({"drafts": 1}), TooMany),
        (LimitRules(sums={STORED_BYTES: 8}), StorageFull),
    ):
        stores = stores_over(engine, replace(rules, limits=limits))
        other, _ = await stores.drafts.put(OWNER, DRAFT, draft(""))
        with pytest.raises(refusal):
            await save_or_copy(stores, before.id, "mine", key="key", etag=before.metadata.etag)
        assert len(await stored_heads(engine)) == 2


async def test_of_two_equal_requests_at_a_limit_both_find_the_copy(engine: Engine) -> None:
    before, _ = await overtaken(over(engine))
    stores = stores_over(engine, replace(SETTINGS.store_rules(), limits=LimitRules({"drafts": 1})))
    etag = before.metadata.etag
    copies = await asyncio.gather(*(copy_of(stores, before.id, "mine", key="key", etag=etag) for _ in range(4)))
    assert len({copy.draft.id for copy in copies}) == 1
    assert len(await stored_heads(engine)) == 2


def test_a_title_is_cut_to_fit() -> None:
    assert title_of_copy("Plan", None) == "Plan (conflicting copy)"
    assert title_of_copy("Plan", "Phone") == "Plan (conflicting copy, Phone)"
    for title, device in (("x" * 255, None), ("x" * 255, "Phone"), ("x" * 255, "d" * 255), ("x", "d" * 255)):
        made = title_of_copy(title, device)
        assert made.startswith("x") and made.endswith(")") and " (conflicting copy" in made
        assert len(made) == TITLE_MAX_CHARACTERS or title == "x"
        assert len(made) <= TITLE_MAX_CHARACTERS
    assert title_of_copy("x" * 255, "Phone").endswith("x (conflicting copy, Phone)")
