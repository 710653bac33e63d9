"""Many writers of one session through two server processes: no write is lost, and every response is true."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from dataclasses import dataclass

import httpx
import pytest

from persistence import Stores
from persistence.documents import new_id
from persistence.sessions.documents import SessionStatus
from tests.conftest import ENGINES
from tests.devhost.server import DevhostServer
from tests.e2e.conftest import storage_on
from tests.support.sessions import sha256
from tests.support.storage import Storage, call, look_into

Servers = Sequence[httpx.AsyncClient]
many_rounds = pytest.mark.parametrize("rounds", [8, pytest.param(20, marks=pytest.mark.soak)])


@dataclass(frozen=True)
class Pair:
    """Two server processes on one storage."""

    storage: Storage
    servers: Sequence[DevhostServer]


@pytest.fixture(scope="module", params=ENGINES["each_way"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair for each way of committing in turn, shared by all tests: each test has a person of its own."""
    storage = storage_on(request.param, request, tmp_path_factory.mktemp("data"))
    with storage.serve() as one, storage.serve() as other:
        yield Pair(storage, [one, other])


@pytest.fixture
def storage(pair: Pair) -> Storage:
    return pair.storage


@pytest.fixture
def owner() -> str:
    return new_id()


@pytest.fixture
async def servers(pair: Pair, owner: str) -> AsyncIterator[Servers]:
    """A client of the person for each of the servers."""
    one, other = pair.servers
    async with call(one, owner) as first, call(other, owner) as second:
        yield [first, second]


@pytest.fixture
async def stored(storage: Storage) -> AsyncIterator[Stores]:
    """The stores of the servers, opened beside them."""
    stores = storage.open()
    yield stores
    await stores.close()


async def create(client: httpx.AsyncClient) -> tuple[str, str]:
    """Creates a session. Returns its id and ETag."""
    response = await client.post("/sessions", json={"title": "Race", "description": None, "content": "first"})
    assert response.status_code == 201
    return response.json(), response.headers["etag"]


@dataclass(frozen=True)
class Write:
    """A save, or a delete if there is no content. With If-Match if there is an ETag."""

    session_id: str
    content: str | None = None
    etag: str | None = None

    async def send(self, server: httpx.AsyncClient) -> httpx.Response:
        path = f"/sessions/{self.session_id}"
        headers = {} if self.etag is None else {"If-Match": self.etag}
        if self.content is None:
            return await server.delete(path, headers=headers)
        return await server.put(path, json={"content": self.content}, headers=headers)


async def at_once(servers: Servers, writes: Sequence[Write]) -> list[httpx.Response]:
    """Sends all writes at once, by turns through each server. Returns the responses in the order of the writes."""
    barrier = asyncio.Barrier(len(writes))

    async def send(index: int) -> httpx.Response:
        await barrier.wait()
        return await writes[index].send(servers[index % 2])

    return await asyncio.gather(*(send(index) for index in range(len(writes))))


@many_rounds
async def test_of_eight_writers_with_one_etag_exactly_one_wins(
    servers: Servers, stored: Stores, owner: str, rounds: int
):
    session_id, etag = await create(servers[0])
    statuses: Counter[int] = Counter()
    winners = [sha256("first")]
    for round in range(rounds):
        contents = [f"round {round}, writer {writer}" for writer in range(8)]
        responses = await at_once(servers, [Write(session_id, content, etag) for content in contents])
        statuses.update(response.status_code for response in responses)
        won = [writer for writer, response in enumerate(responses) if response.is_success]
        assert len(won) == 1, (round, [response.text for response in responses])
        winner = responses[won[0]]
        assert winner.json()["metadata"]["version"] == round + 2
        for response in responses:
            current = response.json()["metadata"] if response.is_success else response.json()["current"]
            assert current["contentHash"] == sha256(contents[won[0]])
        etag = winner.headers["etag"]
        winners.append(sha256(contents[won[0]]))

    assert statuses == {200: rounds, 412: 7 * rounds}
    head = await stored.sessions.get_head(owner, session_id)
    assert head.metadata.version == rounds + 1
    assert [revision.version for revision in head.revisions] == list(range(rounds + 1, 0, -1))
    assert [revision.content_hash for revision in reversed(head.revisions)] == winners
    found = await look_into(stored.engine, owner)
    assert found.contents_of(session_id) == head.content_ids, "a refused save left its content"


async def test_each_of_83_concurrent_saves_becomes_a_version_of_its_own(
    servers: Servers, stored: Stores, owner: str
):
    session_id, _ = await create(servers[0])
    contents = [f"content {writer}" for writer in range(83)]
    responses = await at_once(servers, [Write(session_id, content) for content in contents])

    assert Counter(response.status_code for response in responses) == {200: 83}
    acknowledged = {
        response.json()["metadata"]["version"]: sha256(content)
        for response, content in zip(responses, contents, strict=True)
        if response.json()["metadata"]["contentHash"] == sha256(content)
    }
    assert sorted(acknowledged) == list(range(2, 85))
    head = await stored.sessions.get_head(owner, session_id)
    assert head.metadata.version == 84
    history = {revision.version: revision.content_hash for revision in head.revisions}
    assert history == {1: sha256("first")} | acknowledged
    for server in servers:
        served = (await server.get(f"/sessions/{session_id}")).json()
        assert (served["metadata"]["version"], sha256(served["content"])) == (84, acknowledged[84])
    found = await look_into(stored.engine, owner)
    assert found.contents_of(session_id) == head.content_ids, "a lost attempt left its content"


@many_rounds
async def test_of_saves_and_deletes_with_one_etag_exactly_one_wins(
    servers: Servers, stored: Stores, owner: str, rounds: int
):
    outcomes: Counter[str] = Counter()
    for round in range(rounds):
        session_id, etag = await create(servers[round % 2])
        saves = [Write(session_id, f"{round} {i}", etag) for i in range(2)]
        writes = saves + 2 * [Write(session_id, etag=etag)]
        # The first write tends to win, so each write is first in turn.
        responses = await at_once(servers, writes[round % 4 :] + writes[: round % 4])
        won = [response for response in responses if response.is_success]
        methods = [response.request.method for response in won]
        # A second deletion finds it in the trash, and changes nothing.
        assert methods in (["PUT"], ["DELETE", "DELETE"]), methods
        deleted = methods[0] == "DELETE"
        outcomes[methods[0]] += 1
        expected = {410} if deleted else {412}
        assert {response.status_code for response in responses if not response.is_success} == expected
        if deleted:
            await assert_gone(servers, session_id)
        else:
            served = (await servers[0].get(f"/sessions/{session_id}")).json()
            assert served == won[0].json()

    found = await look_into(stored.engine, owner)
    statuses = Counter(head.status for head in found.heads.values())
    assert statuses[SessionStatus.TRASHED] == outcomes["DELETE"]
    for head in found.heads.values():
        # The trash keeps its one content. Refused saves leave none.
        assert len(found.contents_of(head.id)) == (1 if head.status is SessionStatus.TRASHED else 2)


async def test_every_save_is_in_before_the_one_delete_or_refused_after_it(
    storage: Storage, servers: Servers, stored: Stores, owner: str
):
    landed = 0
    for round in range(8):
        session_id, _ = await create(servers[round % 2])
        writes = [Write(session_id, f"{round} {i}") for i in range(6)]
        writes[3:3] = 2 * [Write(session_id)]
        responses = await at_once(servers, writes)
        deletes = sorted(response.status_code for response in responses if response.request.method == "DELETE")
        assert deletes == [204, 204]
        saves = [response for response in responses if response.request.method == "PUT"]
        assert {response.status_code for response in saves} <= {200, 410}
        versions = sorted(response.json()["metadata"]["version"] for response in saves if response.is_success)
        await assert_gone(servers, session_id)
        found = await look_into(stored.engine, owner)
        tombstone = found.heads[session_id]
        assert versions == list(range(2, tombstone.metadata.version)), (
            "a save was lost, or landed without an acknowledgement"
        )
        assert len(found.contents_of(session_id)) == 1 + len(versions), "a refused save left its content"
        landed += len(versions)
    assert 0 < landed < 8 * 6, "the deletes and the saves did not race"
    await storage.clean_up()
    found = await look_into(stored.engine, owner)
    assert found.contents == found.named != set(), "the trash keeps the contents"
    assert (await servers[0].delete("/trash")).json() == {"purged": 8, "done": True}
    assert not (await look_into(stored.engine, owner)).contents
    await assert_gone(servers, session_id)


async def test_of_restores_purges_and_saves_of_the_trash_each_session_has_one_end(
    storage: Storage, servers: Servers, stored: Stores, owner: str
):
    ends: Counter[str] = Counter()
    for round in range(20):
        session_id, _ = await create(servers[round % 2])
        assert (await Write(session_id).send(servers[0])).status_code == 204
        barrier = asyncio.Barrier(4)

        async def at_the_same_time(request: Awaitable[httpx.Response], barrier: asyncio.Barrier) -> httpx.Response:
            await barrier.wait()
            return await request

        restored, purged, again, saved = await asyncio.gather(
            *(
                at_the_same_time(request, barrier)
                for request in (
                    servers[0].post(f"/trash/{session_id}/restore"),
                    servers[1].delete(f"/trash/{session_id}"),
                    servers[1 if round % 2 else 0].delete(f"/sessions/{session_id}"),
                    servers[1].put(f"/sessions/{session_id}", json={"content": "saved"}),
                )
            )
        )
        assert again.status_code == 204
        head = (await look_into(stored.engine, owner)).heads[session_id]
        if restored.status_code == 200:
            # The purge came too late, or purged what was moved to the trash once more.
            assert purged.status_code == 409 or head.status == "deleted"
            assert saved.status_code in (200, 410)
        else:
            assert (restored.status_code, purged.status_code, saved.status_code) == (410, 204, 410)
        if purged.status_code == 204:
            assert head.status == "deleted"
        elif saved.status_code == 200:
            assert sha256("saved") in {revision.content_hash for revision in head.revisions}
        ends[head.status] += 1
    assert len(ends) > 1, "the restores and the purges did not race"
    await storage.clean_up()
    found = await look_into(stored.engine, owner)
    assert found.contents == found.named


async def assert_gone(servers: Servers, session_id: str) -> None:
    """Asserts that every request for the session is 410 on each server, and that no list shows it."""
    path = f"/sessions/{session_id}"
    for server in servers:
        responses = [
            await server.get(path),
            await server.get(f"/sessions/metadata/{session_id}"),
            await server.put(path, json={"content": "late"}),
        ]
        for response in responses:
            assert (response.status_code, response.json()["error"]["type"]) == (410, "gone")
        assert (await server.delete(path)).status_code == 204
        listed = (await server.get("/sessions", params={"page_size": 100})).json()["items"]
        assert session_id not in [item["id"] for item in listed]
