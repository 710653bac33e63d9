"""Saves of a draft under an id that the client made: retries, conditions, races and lost responses."""

import asyncio

import pytest

from persistence import Stores, stores_over
from persistence.conditions import ANY_TAG, Conditions
from persistence.documents import new_id
from persistence.drafts.store import DraftStore
from persistence.errors import Changed, Gone, KeyReused, NotFound
from persistence.sessions.documents import REMEMBERED_VERSIONS, SessionChange, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.drafts import DRAFT, a_session, draft
from tests.support.engines import AnswersLost, CountingReads, LateReads
from tests.support.sessions import OWNER, assert_sound, content_ids, count, sha256, stored_heads

KEY = "key"


@pytest.fixture
def drafts(stores: Stores) -> DraftStore:
    return stores.drafts


@pytest.mark.parametrize("only_new", [False, True])
async def test_a_first_save_repeated_under_its_save_id_is_one_draft(engine: Engine, only_new: bool) -> None:
    conditions = Conditions(if_none_match=ANY_TAG if only_new else frozenset(), save_id=KEY)
    drafts = stores_over(engine, SETTINGS.store_rules()).drafts
    first, is_new = await drafts.put(OWNER, DRAFT, draft(), conditions)
    retried, is_new_again = await drafts.put(OWNER, DRAFT, draft(), conditions)
    assert retried == first and is_new and is_new_again, "the first result again"
    await drafts.put(OWNER, DRAFT, draft("two"))
    before = await stored_heads(engine), await content_ids(engine)
    retried, _ = await drafts.put(OWNER, DRAFT, draft(), conditions)
    assert retried == first, "with its own ETag, not that of the later save"
    assert (await stored_heads(engine), await content_ids(engine)) == before


async def test_a_first_save_repeated_with_equal_content_is_one_draft(drafts: DraftStore, engine: Engine) -> None:
    first, _ = await drafts.put(OWNER, DRAFT, draft(title="Named"))
    retried, is_new = await drafts.put(OWNER, DRAFT, draft(title="Named"))
    assert retried == first and not is_new
    assert first.metadata.version == 1 and await count(engine, "content") == 1


@pytest.mark.each_way
@pytest.mark.parametrize("only_new", [False, True])
async def test_a_first_save_whose_answer_the_driver_lost_made_the_draft(engine: Engine, only_new: bool) -> None:
    drafts = stores_over(AnswersLost(engine, ["commit"]), SETTINGS.store_rules()).drafts
    conditions = Conditions(if_none_match=ANY_TAG if only_new else frozenset())
    head, is_new = await drafts.put(OWNER, DRAFT, draft(), conditions)
    assert is_new and head.metadata.version == 1
    assert [one.content_ids for one in await stored_heads(engine)] == [await content_ids(engine)]


@pytest.mark.each_way
@pytest.mark.parametrize("seed", range(5))
async def test_late_reads_of_a_draft_lead_to_no_false_answer(engine: Engine, seed: int) -> None:
    late = LateReads(engine, seed, most=3)  # the claim to have seen a draft is believed for three reads
    drafts = stores_over(AnswersLost(late, ["commit"], times=9), SETTINGS.store_rules()).drafts
    for number in range(6):
        id = new_id()
        conditions = Conditions(if_none_match=ANY_TAG if number % 2 == 0 else frozenset())
        head, is_new = await drafts.put(OWNER, id, draft(), conditions)
        assert is_new
        head, is_new = await drafts.put(OWNER, id, draft("two"), Conditions({head.metadata.etag}))
        assert not is_new and head.metadata.version == 2
        with pytest.raises(Changed):
            await drafts.put(OWNER, id, draft("three"), Conditions(if_none_match=ANY_TAG))
    assert late.answered_late > 0
    await assert_sound(engine)


async def test_an_etag_that_holds_saves_and_a_stale_one_changes_nothing(
    drafts: DraftStore, engine: Engine
) -> None:
    first, _ = await drafts.put(OWNER, DRAFT, draft())
    second, _ = await drafts.put(OWNER, DRAFT, draft("two"), Conditions({first.metadata.etag}))
    before = await stored_heads(engine), await content_ids(engine)
    for call in (
        drafts.put(OWNER, DRAFT, draft("three"), Conditions({first.metadata.etag})),
        drafts.put(OWNER, DRAFT, draft("three"), Conditions(if_none_match=ANY_TAG)),
        drafts.put(OWNER, DRAFT, draft("two"), Conditions(if_none_match=ANY_TAG)),
        drafts.promote(OWNER, DRAFT, Conditions({first.metadata.etag})),
        drafts.discard(OWNER, DRAFT, {first.metadata.etag}),
    ):
        with pytest.raises(Changed) as refused:
            await call
        assert refused.value.current == second
    assert (await stored_heads(engine), await content_ids(engine)) == before


async def test_a_condition_on_what_is_there_makes_no_draft(drafts: DraftStore, engine: Engine) -> None:
    for call in (
        drafts.put(OWNER, DRAFT, draft(), Conditions({'"1-0123456789abcdef"'})),
        drafts.put(OWNER, DRAFT, draft(), Conditions(ANY_TAG)),
    ):
        with pytest.raises(NotFound):
            await call
    assert await count(engine, "session") == 0
    await drafts.put(OWNER, DRAFT, draft(), Conditions(if_none_match=ANY_TAG))
    head, _ = await drafts.put(OWNER, DRAFT, draft("two"), Conditions(ANY_TAG))
    assert head.metadata.version == 2


async def test_what_was_discarded_is_not_made_again(stores: Stores, engine: Engine) -> None:
    await a_session(stores, SessionStatus.DELETED)
    for condition in (Conditions(), Conditions(if_none_match=ANY_TAG), Conditions(ANY_TAG), Conditions({'"1-a"'})):
        with pytest.raises(Gone):
            await stores.drafts.put(OWNER, DRAFT, draft("three"), condition)
    assert await count(engine, "session") == 1


@pytest.mark.parametrize("id", ["", "short", "thirteen-char", "twelve chars", "../../../etc", "twelvechars\n"])
async def test_a_malformed_id_is_refused_before_anything_is_asked(engine: Engine, id: str) -> None:
    counting = CountingReads(engine)
    drafts = stores_over(counting, SETTINGS.store_rules()).drafts
    for call in (
        drafts.put(OWNER, id, draft()),
        drafts.put(OWNER, id, draft(), Conditions(if_none_match=ANY_TAG)),
        drafts.get(OWNER, id),
        drafts.promote(OWNER, id),
        drafts.discard(OWNER, id),
    ):
        with pytest.raises(NotFound):
            await call
    assert counting.asked == []


@pytest.mark.parametrize("round", range(5))
async def test_two_tabs_racing_for_the_first_save_lose_nothing_in_silence(engine: Engine, round: int) -> None:
    tabs = [stores_over(engine, SETTINGS.store_rules()).drafts for _ in range(2)]
    texts = [f"{round} of tab {tab}" for tab in range(2)]
    saved = await asyncio.gather(
        *(tab.put(OWNER, DRAFT, draft(text)) for tab, text in zip(tabs, texts, strict=True))
    )
    assert sorted(is_new for _, is_new in saved) == [False, True]
    [head] = await stored_heads(engine)
    assert {revision.content_hash for revision in head.revisions} == {sha256(text) for text in texts}
    assert [revision.action for revision in head.revisions] == [SessionAction.AUTOSAVED, SessionAction.CREATED]
    last = next(one for one, is_new in saved if not is_new)
    assert last.metadata.version == 2 and last.metadata.etag == head.metadata.etag


async def test_of_two_tabs_that_only_create_one_is_told_of_the_other(engine: Engine) -> None:
    tabs = [stores_over(engine, SETTINGS.store_rules()).drafts for _ in range(2)]
    outcomes = await asyncio.gather(
        *(
            tab.put(OWNER, DRAFT, draft(f"tab {n}"), Conditions(if_none_match=ANY_TAG))
            for n, tab in enumerate(tabs)
        ),
        return_exceptions=True,
    )
    [refused] = [one for one in outcomes if isinstance(one, Changed)]
    [(head, is_new)] = [one for one in outcomes if isinstance(one, tuple)]
    assert is_new and refused.current == head
    assert await stored_heads(engine) == [head]


async def test_a_save_id_stands_for_one_save(drafts: DraftStore, stores: Stores, engine: Engine) -> None:
    await drafts.put(OWNER, DRAFT, draft(title="Named"), Conditions(save_id=KEY))
    await drafts.put(OWNER, DRAFT, SessionChange(title="Renamed"), Conditions(save_id="another"))
    before = await stored_heads(engine), await content_ids(engine)
    for call in (
        drafts.put(OWNER, DRAFT, draft("two"), Conditions(save_id=KEY)),
        drafts.put(OWNER, DRAFT, draft("two"), Conditions(save_id=KEY, if_none_match=ANY_TAG)),
        drafts.put(OWNER, DRAFT, SessionChange(title="Another"), Conditions(save_id="another")),
        drafts.promote(OWNER, DRAFT, Conditions(save_id=KEY)),
        stores.sessions.restore(OWNER, DRAFT, 1, Conditions(save_id=KEY)),
    ):
        with pytest.raises(KeyReused):
            await call
    assert (await stored_heads(engine), await content_ids(engine)) == before


async def test_a_move_repeated_under_its_save_id_is_made_once(stores: Stores) -> None:
    await stores.drafts.put(OWNER, DRAFT, draft())
    promoted = await stores.drafts.promote(OWNER, DRAFT, Conditions(save_id="promote"))
    assert await stores.drafts.promote(OWNER, DRAFT, Conditions(save_id="promote")) == promoted
    closed = await stores.sessions.move(OWNER, DRAFT, SessionAction.CLOSED, Conditions(save_id="close"))
    assert await stores.sessions.move(OWNER, DRAFT, SessionAction.CLOSED, Conditions(save_id="close")) == closed
    with pytest.raises(KeyReused):
        await stores.sessions.move(OWNER, DRAFT, SessionAction.REOPENED, Conditions(save_id="close"))


@pytest.mark.each_way
@pytest.mark.parametrize("condition", [False, True], ids=["last writer wins", "with If-Match"])
async def test_a_save_that_landed_unseen_keeps_its_content_however_it_was_built_upon(
    engine: Engine, condition: bool
) -> None:
    # A replace lands, but its response gets lost, and the driver retries it. In between, another tab renames the
    # draft: that autosave replaces this one in the history, and names the same content.
    other = stores_over(engine, SETTINGS.store_rules())
    losing = AnswersLost(engine, ["replace"])
    drafts = stores_over(losing, SETTINGS.store_rules()).drafts
    head, _ = await drafts.put(OWNER, DRAFT, draft())

    async def rename() -> None:
        for number in range(REMEMBERED_VERSIONS + 2):
            await other.drafts.put(OWNER, DRAFT, SessionChange(title=f"Title {number}"))

    losing.meanwhile = rename
    if condition:
        # After so many autosaves, the save id is no longer remembered.
        with pytest.raises(Changed):
            await drafts.put(OWNER, DRAFT, draft("two"), Conditions({head.metadata.etag}))
    else:
        await drafts.put(OWNER, DRAFT, draft("two"))
    assert (await drafts.get(OWNER, DRAFT)).content == b"two"
    await assert_sound(engine)


@pytest.mark.each_way
async def test_an_absorbed_save_that_had_landed_keeps_its_content(engine: Engine) -> None:
    other = stores_over(engine, SETTINGS.store_rules())
    losing = AnswersLost(engine, ["replace"])
    drafts = stores_over(losing, SETTINGS.store_rules()).drafts
    await drafts.put(OWNER, DRAFT, draft())
    losing.meanwhile = lambda: other.drafts.put(OWNER, DRAFT, SessionChange(title="Renamed"))
    head, _ = await drafts.put(OWNER, DRAFT, draft("two"))
    assert (head.metadata.version, head.metadata.content_hash) == (2, sha256("two"))
    opened = await drafts.get(OWNER, DRAFT)
    assert (opened.content, opened.head.metadata.title) == (b"two", "Renamed")
    await assert_sound(engine)
