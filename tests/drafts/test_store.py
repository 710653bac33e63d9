"""DraftStore: the life of a draft, and how drafts are found, on each engine."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from persistence import Stores, stores_over
from persistence.conditions import ANY_TAG, Conditions
from persistence.drafts.store import UNTITLED, DraftStore
from persistence.errors import Gone, IllegalMove, InvalidField, NotFound
from persistence.sessions.documents import SessionChange, SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.storage.containers import Container
from persistence.storage.engine import Engine, Stored
from persistence.storage.query import Operator
from tests.conftest import SETTINGS
from tests.support.clock import Clock
from tests.support.drafts import DRAFT, MOVES, OTHER, a_session, draft
from tests.support.engines import Around, CountingReads
from tests.support.sessions import OWNER, assert_sound, count, damage, new, sha256, stored_heads

DAY = timedelta(days=1)
# For each status, the illegal moves, and the legal ones that the error names.
ILLEGAL = [
    (SessionStatus.DRAFT, ("close", "reopen"), ("saved", "promoted", "deleted")),
    (SessionStatus.ACTIVE, ("promote", "reopen", "put", "discard"), ("saved", "closed", "deleted")),
    (
        SessionStatus.CLOSED,
        ("promote", "close", "put", "discard", "save", "restore"),
        ("reopened", "deleted"),
    ),
]
every_illegal_move = pytest.mark.parametrize(
    ("status", "move", "legal"),
    [
        pytest.param(status, move, legal, id=f"{move} what is {status}")
        for status, moves, legal in ILLEGAL
        for move in moves
    ],
)


@pytest.fixture
def drafts(stores: Stores) -> DraftStore:
    return stores.drafts


async def test_a_draft_lives_on_under_its_id_with_everything_saved(stores: Stores, engine: Engine) -> None:
    head, is_new = await stores.drafts.put(OWNER, DRAFT, draft(app="map", device_info="phone"))
    assert is_new and (head.id, head.status, head.metadata.version) == (DRAFT, SessionStatus.DRAFT, 1)
    change = draft("two", title="Second", description="About", device_info="laptop")
    head, is_new = await stores.drafts.put(OWNER, DRAFT, change)
    assert not is_new and head.metadata.device_info == "laptop"

    promoted = await stores.drafts.promote(OWNER, DRAFT)
    assert (promoted.id, promoted.status, promoted.app) == (DRAFT, SessionStatus.ACTIVE, "map")
    assert (
        promoted.metadata.model_copy(
            update={
                "version": head.metadata.version,
                "updated_at": head.metadata.updated_at,
                "last_accessed_at": head.metadata.last_accessed_at,
            }
        )
        == head.metadata
    )
    assert promoted.revisions[1:] == head.revisions
    assert (await stores.sessions.get(OWNER, DRAFT)).content == b"two"

    closed = await stores.sessions.move(OWNER, DRAFT, SessionAction.CLOSED)
    assert closed.status is SessionStatus.CLOSED
    with pytest.raises(IllegalMove):
        await stores.sessions.save(OWNER, DRAFT, draft("three"))
    assert (await stores.sessions.get(OWNER, DRAFT)).content == b"two"

    await stores.sessions.move(OWNER, DRAFT, SessionAction.REOPENED)
    head = await stores.sessions.save(OWNER, DRAFT, draft("three"))
    assert [revision.action.value for revision in head.revisions] == (
        ["saved", "reopened", "closed", "promoted", "autosaved", "created"]
    )
    await assert_sound(engine)


@every_illegal_move
async def test_an_illegal_move_changes_nothing_and_says_what_is_legal(
    stores: Stores, engine: Engine, status: SessionStatus, move: str, legal: tuple[str, ...]
) -> None:
    await a_session(stores, status)
    before = await stored_heads(engine)
    with pytest.raises(IllegalMove) as refused:
        await MOVES[move](stores, DRAFT)
    assert (refused.value.status, refused.value.legal) == (status, legal)
    assert f"is {status}" in str(refused.value) and "can be " + " or ".join(legal) in str(refused.value)
    assert refused.value.move not in legal, "the error would call one move both illegal and legal"
    assert await stored_heads(engine) == before
    await assert_sound(engine)


@pytest.mark.parametrize("move", MOVES)
async def test_nothing_moves_what_was_discarded(stores: Stores, engine: Engine, move: str) -> None:
    await a_session(stores, SessionStatus.DELETED)
    before = await stored_heads(engine)
    with nullcontext() if move in ("discard", "delete") else pytest.raises(Gone):
        await MOVES[move](stores, DRAFT)
    with pytest.raises(Gone):
        await stores.drafts.get(OWNER, DRAFT)
    assert await stored_heads(engine) == before


async def test_a_move_says_illegal_even_to_whom_has_a_stale_etag(stores: Stores) -> None:
    # Promoting changes the ETag, so a stale If-Match alone must not hide that this is no draft any more.
    stale = (await a_session(stores, SessionStatus.DRAFT)).metadata.etag
    await stores.drafts.promote(OWNER, DRAFT)
    for call in (
        stores.drafts.put(OWNER, DRAFT, draft("three"), Conditions({stale})),
        stores.drafts.put(OWNER, DRAFT, draft("three"), Conditions(if_none_match=ANY_TAG)),
        stores.drafts.promote(OWNER, DRAFT, Conditions({stale})),
        stores.drafts.discard(OWNER, DRAFT, {stale}),
    ):
        with pytest.raises(IllegalMove):
            await call


async def test_a_new_draft_needs_content_and_is_untitled_without_a_title(drafts: DraftStore) -> None:
    with pytest.raises(InvalidField, match="content: is needed to create a draft"):
        await drafts.put(OWNER, DRAFT, SessionChange(title="Only a title"))
    head, _ = await drafts.put(OWNER, DRAFT, draft())
    assert head.metadata.title == UNTITLED
    head, _ = await drafts.put(OWNER, DRAFT, SessionChange(title="Named"))
    head, _ = await drafts.put(OWNER, DRAFT, draft("two"))
    assert (head.metadata.title, head.metadata.content_hash) == ("Named", sha256("two"))


async def test_drafts_are_in_no_history_list_until_they_are_promoted(stores: Stores) -> None:
    made = await stores.sessions.create(OWNER, new())
    await stores.drafts.put(OWNER, DRAFT, draft())
    assert [one.id for one in (await stores.sessions.page(OWNER)).items] == [made.id]
    assert [one.id for one in (await stores.drafts.page(OWNER)).items] == [DRAFT]
    await stores.drafts.promote(OWNER, DRAFT)
    assert [one.id for one in (await stores.sessions.page(OWNER)).items] == [DRAFT, made.id]
    assert (await stores.drafts.page(OWNER)).items == []
    with pytest.raises(NotFound):
        await stores.drafts.get(OWNER, DRAFT)


async def test_several_drafts_and_several_owners_are_apart(stores: Stores) -> None:
    drafts = stores.drafts
    for owner, id, content in [(OWNER, DRAFT, "a"), (OWNER, OTHER, "b"), ("bob", DRAFT, "c")]:
        _, is_new = await drafts.put(owner, id, draft(content))
        assert is_new
    await drafts.put(OWNER, DRAFT, draft("a2"))
    await drafts.promote("bob", DRAFT)
    await drafts.put(OWNER, OTHER, draft("b2"))
    await drafts.discard(OWNER, OTHER)
    assert (await drafts.get(OWNER, DRAFT)).content == b"a2"
    assert (await stores.sessions.get("bob", DRAFT)).content == b"c"
    for call in (drafts.get("bob", OTHER), drafts.promote("bob", OTHER), drafts.discard("bob", OTHER)):
        with pytest.raises(NotFound):
            await call
    assert [one.id for one in (await drafts.page(OWNER)).items] == [DRAFT]
    assert (await drafts.page("bob")).items == []


async def test_drafts_are_paged_by_their_last_save_and_filtered_by_app_and_device(drafts: DraftStore) -> None:
    ids = [f"draft-00000{number}" for number in range(5)]
    for number, id in enumerate(ids):
        await drafts.put(OWNER, id, draft(app="map" if number % 2 else "chart", device_info="phone"))
    await drafts.put(OWNER, ids[1], draft("two", device_info="laptop"))
    listed, cursor = [], None
    while True:
        page = await drafts.page(OWNER, page_size=2, cursor=cursor)
        listed += [one.id for one in page.items]
        if (cursor := page.cursor) is None:
            break
    assert listed == [ids[1], ids[4], ids[3], ids[2], ids[0]]

    on_phone = drafts.filters.create("metadata.device_info", "phone", Operator.EQUAL)
    of_map = drafts.filters.create("app", "map", Operator.EQUAL)
    assert [one.id for one in (await drafts.page(OWNER, [on_phone])).items] == [ids[4], ids[3], ids[2], ids[0]]
    assert [one.id for one in (await drafts.page(OWNER, [of_map])).items] == [ids[1], ids[3]]
    latest = await drafts.find_latest(OWNER, [of_map, on_phone])
    assert latest is not None and latest.head.id == ids[3]


async def test_the_latest_draft_is_the_one_that_was_saved_last(stores: Stores) -> None:
    assert await stores.drafts.find_latest(OWNER) is None
    for id in (DRAFT, OTHER):
        await stores.drafts.put(OWNER, id, draft(id))
    await stores.drafts.put(OWNER, DRAFT, draft("two"))
    latest = await stores.drafts.find_latest(OWNER)
    assert latest is not None and (latest.head.id, latest.content) == (DRAFT, b"two")
    await stores.drafts.discard(OWNER, DRAFT)
    latest = await stores.drafts.find_latest(OWNER)
    assert latest is not None and latest.content == OTHER.encode()


@pytest.mark.parametrize("move", ["promote", "discard"])
async def test_the_latest_draft_is_looked_for_again_if_it_was_promoted_or_discarded_since(
    engine: Engine, move: str
) -> None:
    class MovedInBetween(Around):
        async def read(self, container: Container, id: str, partition: str) -> Stored:
            if id == OTHER and (await plain.drafts.page(OWNER)).items[0].id == OTHER:
                await MOVES[move](plain, OTHER)
            return await super().read(container, id, partition)

    plain = stores_over(engine, SETTINGS.store_rules())
    for id in (DRAFT, OTHER):
        await plain.drafts.put(OWNER, id, draft())
    latest = await stores_over(MovedInBetween(engine), SETTINGS.store_rules()).drafts.find_latest(OWNER)
    assert latest is not None and latest.head.id == DRAFT


async def test_a_damaged_draft_hides_no_other(stores: Stores, engine: Engine) -> None:
    for id in (DRAFT, OTHER):
        await stores.drafts.put(OWNER, id, draft())
    for number in (1, 2):
        await a_session(stores, SessionStatus.ACTIVE, f"active-0000{number}")
    await damage(engine, OTHER, schema=3)
    await damage(engine, "active-00002", **{"metadata.content_hash": None})
    latest = await stores.drafts.find_latest(OWNER)
    assert latest is not None and latest.head.id == DRAFT
    found = await stores.drafts.restorable(OWNER)
    assert found.active is not None and found.active.id == "active-00001"
    assert [one.id for one in found.drafts] == [DRAFT]


async def test_what_can_be_restored_is_told_from_heads_alone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    counting = CountingReads(engine)
    stores = stores_over(counting, SETTINGS.store_rules())
    nothing = await stores.drafts.restorable(OWNER)
    assert (nothing.active, nothing.drafts) == (None, [])

    for id in ("active-00001", "active-00002"):
        await a_session(stores, SessionStatus.ACTIVE, id)
    await a_session(stores, SessionStatus.CLOSED, "closed-00001")
    for id in (DRAFT, OTHER):
        await stores.drafts.put(OWNER, id, draft("x" * 100_000))
    clock.advance(minutes=20)
    # An access counts as well as a save.
    await stores.sessions.get(OWNER, "active-00001")
    counting.forget()
    found = await stores.drafts.restorable(OWNER)
    assert found.active is not None and found.active.id == "active-00001"
    assert [one.id for one in found.drafts] == [OTHER, DRAFT]
    assert counting.verbs == ["query", "query"] and counting.kinds_read == {"session"}
    assert counting.bytes_read < 5_000


async def test_a_draft_says_when_it_will_be_purged(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock.installed(monkeypatch)
    head, _ = await stores.drafts.put(OWNER, DRAFT, draft())
    assert stores.drafts.purges_at(head) == head.metadata.updated_at + 30 * DAY
    clock.advance(days=3)
    opened = (await stores.drafts.get(OWNER, DRAFT)).head
    assert stores.drafts.purges_at(opened) == opened.metadata.last_accessed_at + 30 * DAY
    assert opened.metadata.last_accessed_at - head.metadata.updated_at > 3 * DAY
    assert stores.drafts.purges_at(await stores.drafts.promote(OWNER, DRAFT)) is None


async def test_purging_leaves_a_tombstone_under_the_id(stores: Stores, engine: Engine) -> None:
    head = await a_session(stores, SessionStatus.DRAFT)
    await stores.drafts.discard(OWNER, DRAFT, {head.metadata.etag}, purge=True)
    [tombstone] = await stored_heads(engine)
    assert (tombstone.status, tombstone.metadata.title, tombstone.stale_since) == ("deleted", "", None)
    assert await count(engine, "content") == 0
    assert (await stores.drafts.page(OWNER)).items == []
