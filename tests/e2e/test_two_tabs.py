"""Two tabs save one draft through two server processes. No save is lost without a response that says so."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx
import pytest

from persistence.documents import new_id
from tests.conftest import ENGINES
from tests.devhost.server import DevhostServer
from tests.e2e.conftest import storage_on
from tests.support.sessions import assert_sound, sha256
from tests.support.storage import Storage, call

Tabs = Sequence[httpx.AsyncClient]
ROUNDS = 15


@pytest.fixture(scope="module", params=ENGINES["each_engine"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sequence[DevhostServer]]:
    """Two processes on the storage of each engine in turn, shared by all tests: each test has its own drafts."""
    storage = storage_on(request.param, request, tmp_path_factory.mktemp("data"))
    with storage.serve() as one, storage.serve() as other:
        yield [one, other]
    asyncio.run(assert_all_sound(storage))


async def assert_all_sound(storage: Storage) -> None:
    stores = storage.open()
    await assert_sound(stores.engine)
    await stores.close()


@pytest.fixture
async def tabs(servers: Sequence[DevhostServer]) -> AsyncIterator[Tabs]:
    """Two tabs of one person, each on a different process."""
    async with call(servers[0]) as first, call(servers[1]) as second:
        yield [first, second]


async def put(tab: httpx.AsyncClient, id: str, content: str, autosave: bool = True, **conditions: str) -> Any:
    """Puts a draft. Underscores in the names of conditions stand for dashes."""
    return await tab.put(
        f"/drafts/{id}",
        params={"autosave": str(autosave).lower()},
        json={"content": content},
        headers={name.replace("_", "-"): value for name, value in conditions.items()},
    )


async def history(tab: httpx.AsyncClient, id: str) -> list[str]:
    """Returns the hashes of the contents in the history, oldest first."""
    items = (await tab.get(f"/sessions/{id}/revisions")).json()["items"]
    return [item["contentHash"] for item in reversed(items)]


async def content(tab: httpx.AsyncClient, id: str) -> str:
    return str((await tab.get(f"/drafts/{id}")).json()["content"])


async def test_with_if_match_the_second_tab_is_told_and_can_go_on(tabs: Tabs) -> None:
    first, second = tabs
    id = new_id()
    made = await put(first, id, "made by the first", If_None_Match="*")
    assert made.status_code == 201
    loaded = (await second.get(f"/drafts/{id}")).json()
    saved = await put(first, id, "saved by the first", If_Match=made.headers["etag"])
    assert saved.status_code == 200

    refused = await put(second, id, "saved by the second", If_Match=loaded["metadata"]["etag"])
    assert refused.status_code == 412
    current = refused.json()["current"]
    assert (current["version"], current["etag"]) == (2, saved.headers["etag"])
    assert current["contentHash"] == sha256("saved by the first")
    assert await content(second, id) == "saved by the first", "nothing was written"

    merged = await put(second, id, "of both", If_Match=current["etag"])
    assert merged.status_code == 200
    # Now the ETag of the first tab is stale.
    assert (await put(first, id, "later", If_Match=saved.headers["etag"])).status_code == 412


async def test_with_if_match_every_refused_save_is_known_and_every_other_is_kept(tabs: Tabs) -> None:
    id = new_id()
    etag = (await put(tabs[0], id, "0", autosave=False)).headers["etag"]
    kept = [sha256("0")]
    for round in range(ROUNDS):
        texts = [f"{round} of tab {number}" for number in range(2)]
        responses = await asyncio.gather(
            *(put(tab, id, text, autosave=False, If_Match=etag) for tab, text in zip(tabs, texts, strict=True))
        )
        assert sorted(response.status_code for response in responses) == [200, 412]
        [won] = [number for number, response in enumerate(responses) if response.status_code == 200]
        etag = responses[won].headers["etag"]
        assert responses[1 - won].json()["current"]["etag"] == etag
        kept.append(sha256(texts[won]))
    assert await history(tabs[0], id) == kept


async def test_without_if_match_the_last_writer_wins_and_the_history_has_both(tabs: Tabs) -> None:
    id = new_id()
    texts = ["made", *(f"{round} of tab {number}" for round in range(ROUNDS) for number in range(2))]
    for number, text in enumerate(texts):
        response = await put(tabs[(number + 1) % 2], id, text, autosave=False)
        assert response.status_code == (200 if number else 201)
        assert response.json()["version"] == number + 1
    assert await content(tabs[0], id) == texts[-1]
    assert await history(tabs[1], id) == [sha256(text) for text in texts]


async def test_without_if_match_concurrent_saves_are_all_in_the_history(tabs: Tabs) -> None:
    id = new_id()
    await put(tabs[0], id, "made")
    texts = [f"content {number}" for number in range(12)]
    responses = await asyncio.gather(
        *(put(tabs[number % 2], id, text, autosave=False) for number, text in enumerate(texts))
    )
    assert {response.status_code for response in responses} == {200}
    assert sorted(response.json()["version"] for response in responses) == list(range(2, 14))
    kept = await history(tabs[0], id)
    assert sorted(kept) == sorted(sha256(text) for text in ["made", *texts])
    assert sha256(await content(tabs[1], id)) == kept[-1]


async def test_of_autosaves_of_one_span_only_the_newest_stays_whichever_tab_made_them(tabs: Tabs) -> None:
    # As docs/drafts.md says, a tab needs If-Match to be sure that its autosaves stay.
    id = new_id()
    for number, text in enumerate(["made", "a", "b", "c"]):
        assert (await put(tabs[number % 2], id, text)).json()["version"] == number + 1
    assert await history(tabs[0], id) == [sha256("made"), sha256("c")]
    pressed = await put(tabs[0], id, "c", autosave=False)
    assert (await put(tabs[1], id, "d")).json()["version"] == pressed.json()["version"] + 1
    assert await history(tabs[0], id) == [sha256(text) for text in ("made", "c", "c", "d")]


async def test_both_tabs_can_make_the_draft_and_one_of_them_did(tabs: Tabs) -> None:
    for round in range(5):
        id = new_id()
        responses = await asyncio.gather(*(put(tab, id, f"of tab {number}") for number, tab in enumerate(tabs)))
        assert sorted(response.status_code for response in responses) == [200, 201]
        assert sorted(await history(tabs[0], id)) == sorted(sha256(f"of tab {number}") for number in range(2)), (
            round
        )


async def test_a_tab_learns_that_the_other_promoted_or_discarded_the_draft(tabs: Tabs) -> None:
    first, second = tabs
    promoted, discarded = new_id(), new_id()
    etags = {id: (await put(first, id, "made")).headers["etag"] for id in (promoted, discarded)}
    assert (await second.post(f"/drafts/{promoted}/promote")).status_code == 200
    assert (await second.delete(f"/drafts/{discarded}")).status_code == 204
    for conditions in ({}, {"If_Match": etags[promoted]}, {"If_None_Match": "*"}):
        refused = await put(first, promoted, "mine", **conditions)
        assert refused.status_code == 409
        assert (refused.json()["sessionStatus"], refused.json()["legal"][0]) == ("active", "saved")
    # The tab goes on with the session, from its current ETag.
    etag = (await first.get(f"/sessions/metadata/{promoted}")).headers["etag"]
    saved = await first.put(f"/sessions/{promoted}", json={"content": "mine"}, headers={"If-Match": etag})
    assert saved.status_code == 200
    for conditions in ({}, {"If_Match": etags[discarded]}, {"If_None_Match": "*"}):
        assert (await put(first, discarded, "mine", **conditions)).status_code == 410
