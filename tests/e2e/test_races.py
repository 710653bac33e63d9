"""Many writers of one session through two server processes: none is lost, and none is told a lie."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import httpx
import pytest

from persistence import Stores
from persistence.sessions.documents import SessionStatus
from tests.support.sessions import OWNER, sha256
from tests.support.storage import Storage, call, look_into

Servers = Sequence[httpx.AsyncClient]


@pytest.fixture
async def servers(storage: Storage) -> AsyncIterator[Servers]:
    """A client for each of two server processes on one storage."""
    with storage.serve() as one, storage.serve() as other:
        async with call(one) as first, call(other) as second:
            yield [first, second]


@pytest.fixture
async def stored(storage: Storage, servers: Servers) -> AsyncIterator[Stores]:
    """What the servers keep, seen past them."""
    stores = storage.open()
    yield stores
    await stores.close()


async def create(client: httpx.AsyncClient) -> tuple[str, str]:
    """A new session's id and ETag."""
    answer = await client.post("/sessions", json={"title": "Race", "description": None, "content": "first"})
    assert answer.status_code == 201
    return answer.json(), answer.headers["etag"]


@dataclass(frozen=True)
class Write:
    """A save, or a delete where there is no content; only if the ETag still holds, where one is given."""

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
    """Sends them together, every other one through the same server; answers in the order of the writes."""
    barrier = asyncio.Barrier(len(writes))

    async def send(index: int) -> httpx.Response:
        await barrier.wait()
        return await writes[index].send(servers[index % 2])

    return await asyncio.gather(*(send(index) for index in range(len(writes))))


async def test_of_eight_writers_with_one_etag_exactly_one_wins(servers: Servers, stored: Stores):
    session_id, etag = await create(servers[0])
    statuses: Counter[int] = Counter()
    winners = [sha256("first")]
    for round in range(40):
        contents = [f"round {round}, writer {writer}" for writer in range(8)]
        answers = await at_once(servers, [Write(session_id, content, etag) for content in contents])
        statuses.update(answer.status_code for answer in answers)
        won = [writer for writer, answer in enumerate(answers) if answer.is_success]
        assert len(won) == 1, (round, [answer.text for answer in answers])
        winner = answers[won[0]]
        assert winner.json()["metadata"]["version"] == round + 2
        for answer in answers:
            current = answer.json()["metadata"] if answer.is_success else answer.json()["current"]
            assert current["contentHash"] == sha256(contents[won[0]])
        etag = winner.headers["etag"]
        winners.append(sha256(contents[won[0]]))

    assert statuses == {200: 40, 412: 280}
    head = await stored.sessions.get_head(OWNER, session_id)
    assert head.metadata.version == 41
    assert [revision.version for revision in head.revisions] == list(range(41, 0, -1))
    assert [revision.content_hash for revision in reversed(head.revisions)] == winners
    found = await look_into(stored.engine)
    assert found.contents_of(session_id) == head.content_ids, "a loser left its content behind"


async def test_each_of_83_concurrent_saves_becomes_a_version_of_its_own(servers: Servers, stored: Stores):
    session_id, _ = await create(servers[0])
    contents = [f"content {writer}" for writer in range(83)]
    answers = await at_once(servers, [Write(session_id, content) for content in contents])

    assert Counter(answer.status_code for answer in answers) == {200: 83}
    acknowledged = {
        answer.json()["metadata"]["version"]: sha256(content)
        for answer, content in zip(answers, contents, strict=True)
        if answer.json()["metadata"]["contentHash"] == sha256(content)
    }
    assert sorted(acknowledged) == list(range(2, 85))
    head = await stored.sessions.get_head(OWNER, session_id)
    assert head.metadata.version == 84
    history = {revision.version: revision.content_hash for revision in head.revisions}
    assert history == {1: sha256("first")} | acknowledged
    for server in servers:
        served = (await server.get(f"/sessions/{session_id}")).json()
        assert (served["metadata"]["version"], sha256(served["content"])) == (84, acknowledged[84])
    found = await look_into(stored.engine)
    assert found.contents_of(session_id) == head.content_ids, "an attempt left its content behind"


async def test_of_saves_and_deletes_with_one_etag_exactly_one_wins(servers: Servers, stored: Stores):
    outcomes: Counter[str] = Counter()
    for round in range(20):
        session_id, etag = await create(servers[round % 2])
        saves = [Write(session_id, f"{round} {i}", etag) for i in range(2)]
        writes = saves + 2 * [Write(session_id, etag=etag)]
        # Whoever is sent first tends to win, so each gets its turn.
        answers = await at_once(servers, writes[round % 4 :] + writes[: round % 4])
        won = [answer for answer in answers if answer.is_success]
        assert len(won) == 1, [(answer.request.method, answer.status_code) for answer in answers]
        deleted = won[0].request.method == "DELETE"
        outcomes[won[0].request.method] += 1
        expected = {410} if deleted else {412}
        assert {answer.status_code for answer in answers if not answer.is_success} == expected
        if deleted:
            await assert_gone(servers, session_id)
        else:
            served = (await servers[0].get(f"/sessions/{session_id}")).json()
            assert served == won[0].json()

    found = await look_into(stored.engine)
    statuses = Counter(head.status for head in found.heads.values())
    assert statuses[SessionStatus.DELETED] == outcomes["DELETE"]
    for head in found.heads.values():
        # Of a deleted session only what it had when it was deleted waits for the timer.
        waiting = 1 if head.status is SessionStatus.DELETED else 2
        assert len(found.contents_of(head.id)) == waiting


async def test_every_save_is_in_before_the_one_delete_or_refused_after_it(
    storage: Storage, servers: Servers, stored: Stores
):
    landed = 0
    for round in range(15):
        session_id, _ = await create(servers[round % 2])
        writes = [Write(session_id, f"{round} {i}") for i in range(6)]
        writes[3:3] = 2 * [Write(session_id)]
        answers = await at_once(servers, writes)
        deletes = sorted(answer.status_code for answer in answers if answer.request.method == "DELETE")
        assert deletes == [204, 410]
        saves = [answer for answer in answers if answer.request.method == "PUT"]
        assert {answer.status_code for answer in saves} <= {200, 410}
        versions = sorted(answer.json()["metadata"]["version"] for answer in saves if answer.is_success)
        await assert_gone(servers, session_id)
        found = await look_into(stored.engine)
        tombstone = found.heads[session_id]
        assert versions == list(range(2, tombstone.metadata.version)), "a save was lost, or landed unsaid"
        assert len(found.contents_of(session_id)) == 1 + len(versions), "a refused save left its content behind"
        landed += len(versions)
    assert 0 < landed < 15 * 6, "the deletes and the saves did not race"
    await storage.clean_up()
    assert not (await look_into(stored.engine)).contents
    await assert_gone(servers, session_id)


async def assert_gone(servers: Servers, session_id: str) -> None:
    """That every way to it is 410, through each server, and that no list shows it."""
    path = f"/sessions/{session_id}"
    for server in servers:
        answers = [
            await server.get(path),
            await server.get(f"/sessions/metadata/{session_id}"),
            await server.put(path, json={"content": "late"}),
            await server.delete(path),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["error"]["type"]) == (410, "gone")
        listed = (await server.get("/sessions", params={"page_size": 100})).json()["items"]
        assert session_id not in [item["id"] for item in listed]
