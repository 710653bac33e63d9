"""`kill -9` of the real server under load loses no acknowledged write and leaves no partial one."""

import random
from base64 import b64encode
from typing import Any

import httpx
import pytest

from persistence.sessions.revisions import SessionAction
from tests.support.kills import kill_at_work
from tests.support.ledger import Known, Ledger, Write
from tests.support.sessions import sha256
from tests.support.storage import Storage, call, look_into

pytestmark = pytest.mark.each_way

CLIENTS = 6
KILLS = {"sqlite": 4, "cosmos": 3}
SOAK_KILLS = 60
REVISIONS = 5
"""Few, so that kills meet saves that prune."""
NOT_PACKABLE = 900_000
"""Random bytes. As base64 they are too large for one commit, so a create takes two writes."""


class Client:
    """A browser. It writes to its own sessions, and to one that it shares with the other clients."""

    def __init__(self, number: int, ledger: Ledger, shared: str) -> None:
        self._number, self._ledger, self._shared = number, ledger, shared
        self._own: list[str] = []
        self._random = random.Random(number)
        self._texts = 0

    async def work(self, http: httpx.AsyncClient) -> None:
        """Writes one by one until the server is gone."""
        self._own = [id for id in self._own if id in self._ledger.live]
        try:
            while True:
                await self._write(http)
        except httpx.TransportError:
            return

    async def _write(self, http: httpx.AsyncClient) -> None:
        chance = self._random.random()
        if chance < 0.25 or not self._own:
            await self._create(http)
        elif chance < 0.45:
            await self._change(http, self._shared)
        elif chance < 0.85:
            await self._change(http, self._random.choice(self._own[-4:]))
        else:
            await self._delete(http, self._random.choice(self._own))

    async def _create(self, http: httpx.AsyncClient) -> None:
        title, content = self._text(), self._content()
        with self._ledger.sending(Write(SessionAction.CREATED, title, sha256(content))):
            response = await http.post("/sessions", json={"title": title, "description": None, "content": content})
        assert response.status_code == 201, response.text
        self._ledger.sessions[response.json()] = Known({1: Write(SessionAction.CREATED, title, sha256(content))})
        self._own.append(response.json())

    async def _change(self, http: httpx.AsyncClient, session_id: str) -> None:
        """Saves, or sometimes renames, a session with the ETag that it has just read."""
        read = await http.get(f"/sessions/metadata/{session_id}")
        assert read.status_code == 200, read.text
        before: dict[str, Any] = read.json()
        if self._random.random() < 0.25:
            body = {"title": self._text()}
            write = Write(SessionAction.RENAMED, body["title"], before["contentHash"])
        else:
            body = {"content": self._content()}
            write = Write(SessionAction.SAVED, before["title"], sha256(body["content"]))
        with self._ledger.sending(write, session_id):
            headers = {"If-Match": before["etag"], "Prefer": "return=minimal"}
            response = await http.put(f"/sessions/{session_id}", json=body, headers=headers)
        if session_id == self._shared and response.status_code == 412:
            return
        assert response.status_code == 204, response.text
        version: int = before["version"] + 1
        assert response.headers["etag"] == f'"{version}-{write.content_hash[:16]}"'
        known = self._ledger.sessions[session_id]
        assert version not in known.acknowledged, "two writes got one version"
        known.acknowledged[version] = write

    async def _delete(self, http: httpx.AsyncClient, session_id: str) -> None:
        self._own.remove(session_id)
        purge = {"purge": "true"} if self._random.random() < 0.5 else {}
        with self._ledger.deleting(session_id):
            response = await http.delete(f"/sessions/{session_id}", params=purge)
            assert response.status_code == 204, response.text

    def _text(self) -> str:
        self._texts += 1
        return f"client {self._number}, text {self._texts}"

    def _content(self) -> str:
        if self._random.random() < 0.04:
            return b64encode(self._random.randbytes(NOT_PACKABLE)).decode()
        return f"{self._text()} " * self._random.randrange(1, 2_000)


async def check_over_http(http: httpx.AsyncClient, ledger: Ledger) -> None:
    """Asserts that lists show every live session once, and that each session reads as it was sent."""
    listed: dict[str, dict[str, Any]] = {}
    parameters = {"page_size": "40"}
    while True:
        page = (await http.get("/sessions", params=parameters)).json()
        for item in page["items"]:
            assert item["id"] not in listed
            listed[item["id"]] = item
        if page["pageToken"] is None:
            break
        parameters["cursor"] = page["pageToken"]
    assert listed.keys() == ledger.live.keys()
    for id, known in ledger.sessions.items():
        response = await http.get(f"/sessions/{id}")
        if known.deleted:
            assert response.status_code == 410
            continue
        session = response.json()
        assert session["metadata"] == listed[id]
        version, write = known.newest
        assert (session["metadata"]["version"], session["metadata"]["title"]) == (version, write.title)
        assert session["metadata"]["contentHash"] == sha256(session["content"]) == write.content_hash


async def kill_again_and_again(storage: Storage, kills: int) -> Ledger:
    """Kills servers on one storage, one after the other. After each start, checks the storage and the HTTP API.

    Returns what the clients know at the end.
    """
    storage = Storage({**storage.environ, "KEEP_REVISIONS": str(REVISIONS)})
    moments = random.Random(kills)
    ledger = Ledger()
    clients: list[Client] = []
    for left in range(kills, -1, -1):
        with storage.serve() as server:
            # Opened after the server starts, so that the server recovers the data, not the test.
            stores = storage.open()
            ledger.reconcile(await look_into(stores.engine))
            await stores.close()
            async with call(server) as http:
                await check_over_http(http, ledger)
                if not clients:
                    shared = await create_shared(http, ledger)
                    clients = [Client(number, ledger, shared) for number in range(CLIENTS)]
                if left:
                    await kill_at_work(
                        server, (client.work(http) for client in clients), seconds=moments.uniform(0.05, 0.5)
                    )
    await check_after_cleaning_up(storage, ledger)
    return ledger


async def check_after_cleaning_up(storage: Storage, ledger: Ledger) -> None:
    """Asserts that the timer removes every content that no head names, and nothing else."""
    await storage.clean_up()
    stores = storage.open()
    found = await look_into(stores.engine)
    await stores.close()
    ledger.reconcile(found)
    assert found.contents == found.named


async def create_shared(http: httpx.AsyncClient, ledger: Ledger) -> str:
    response = await http.post("/sessions", json={"title": "Shared", "description": None, "content": "first"})
    session_id: str = response.json()
    ledger.sessions[session_id] = Known({1: Write(SessionAction.CREATED, "Shared", sha256("first"))})
    return session_id


async def test_what_was_acknowledged_outlives_kill_9(storage: Storage):
    kills = KILLS[storage.environ["STORE_ENGINE"]]
    ledger = await kill_again_and_again(storage, kills)
    assert ledger.answered > 2 * kills, "there was hardly any load"
    assert ledger.unanswered >= kills, "no write was under way when the server was killed"


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_what_was_acknowledged_outlives_many_kills(storage: Storage):
    ledger = await kill_again_and_again(storage, SOAK_KILLS)
    assert ledger.answered > 10 * SOAK_KILLS and ledger.unanswered >= SOAK_KILLS
