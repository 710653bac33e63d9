"""`kill -9` of the real server under load: what was acknowledged is there afterwards, and nothing is half-done."""

import asyncio
import random
from base64 import b64encode
from typing import Any

import httpx
import pytest

from persistence.sessions.documents import SessionAction
from tests.devhost.server import DevhostServer
from tests.support.ledger import Effect, Known, Ledger
from tests.support.sessions import sha256
from tests.support.storage import Storage, call, look_into

CLIENTS = 6
KILLS = {"sqlite": 8, "cosmos": 5}
SOAK_KILLS = 60
REVISIONS = 5
"""Few, so that saves prune while they are killed."""
NOT_PACKABLE = 900_000
"""Random bytes, as base64 too much for one commit: a create of two writes."""


class Client:
    """One person's browser, which writes to sessions of its own and to one that it shares with the others."""

    def __init__(self, number: int, ledger: Ledger, shared: str) -> None:
        self._number, self._ledger, self._shared = number, ledger, shared
        self._own: list[str] = []
        self._random = random.Random(number)
        self._texts = 0

    async def work(self, http: httpx.AsyncClient) -> None:
        """One write after the other until no answer comes."""
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
        with self._ledger.sending(Effect(SessionAction.CREATED, title, sha256(content))):
            answer = await http.post("/sessions", json={"title": title, "description": None, "content": content})
        assert answer.status_code == 201, answer.text
        self._ledger.sessions[answer.json()] = Known({1: Effect(SessionAction.CREATED, title, sha256(content))})
        self._own.append(answer.json())

    async def _change(self, http: httpx.AsyncClient, session_id: str) -> None:
        """A save, or at times a renaming, of what was read just before."""
        read = await http.get(f"/sessions/metadata/{session_id}")
        assert read.status_code == 200, read.text
        before: dict[str, Any] = read.json()
        if self._random.random() < 0.25:
            body = {"title": self._text()}
            effect = Effect(SessionAction.RENAMED, body["title"], before["contentHash"])
        else:
            body = {"content": self._content()}
            effect = Effect(SessionAction.SAVED, before["title"], sha256(body["content"]))
        with self._ledger.sending(effect, session_id):
            headers = {"If-Match": before["etag"], "Prefer": "return=minimal"}
            answer = await http.put(f"/sessions/{session_id}", json=body, headers=headers)
        if session_id == self._shared and answer.status_code == 412:
            return
        assert answer.status_code == 204, answer.text
        version: int = before["version"] + 1
        assert answer.headers["etag"] == f'"{version}-{effect.content_hash[:16]}"'
        known = self._ledger.sessions[session_id]
        assert version not in known.acknowledged, "one version was given to two writes"
        known.acknowledged[version] = effect

    async def _delete(self, http: httpx.AsyncClient, session_id: str) -> None:
        self._own.remove(session_id)
        with self._ledger.deleting(session_id):
            answer = await http.delete(f"/sessions/{session_id}")
            assert answer.status_code == 204, answer.text

    def _text(self) -> str:
        self._texts += 1
        return f"client {self._number}, text {self._texts}"

    def _content(self) -> str:
        if self._random.random() < 0.04:
            return b64encode(self._random.randbytes(NOT_PACKABLE)).decode()
        return f"{self._text()} " * self._random.randrange(1, 2_000)


async def check_over_http(http: httpx.AsyncClient, ledger: Ledger) -> None:
    """That the lists show what is known, each once, and that every session can be read as it was sent."""
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
        answer = await http.get(f"/sessions/{id}")
        if known.deleted:
            assert answer.status_code == 410
            continue
        session = answer.json()
        assert session["metadata"] == listed[id]
        version, effect = known.newest
        assert (session["metadata"]["version"], session["metadata"]["title"]) == (version, effect.title)
        assert session["metadata"]["contentHash"] == sha256(session["content"]) == effect.content_hash


async def kill_again_and_again(storage: Storage, kills: int) -> Ledger:
    """What the clients know at the end. Each time the same data is served anew and checked from both sides."""
    storage = Storage({**storage.environ, "KEEP_REVISIONS": str(REVISIONS)})
    moments = random.Random(kills)
    ledger = Ledger()
    clients: list[Client] = []
    for left in range(kills, -1, -1):
        with storage.serve() as server:
            # After the server: recovering the data is for it to do, not for the test.
            stores = storage.open()
            ledger.reconcile(await look_into(stores.engine))
            await stores.close()
            async with call(server) as http:
                await check_over_http(http, ledger)
                if not clients:
                    shared = await create_shared(http, ledger)
                    clients = [Client(number, ledger, shared) for number in range(CLIENTS)]
                if left:
                    await kill_at_work(server, http, clients, seconds=moments.uniform(0.05, 0.5))
    await check_after_cleaning_up(storage, ledger)
    return ledger


async def kill_at_work(
    server: DevhostServer, http: httpx.AsyncClient, clients: list[Client], seconds: float
) -> None:
    """Lets the clients write for so long before the kill, and returns when each has noticed it."""
    work = [asyncio.create_task(client.work(http)) for client in clients]
    ended, _ = await asyncio.wait(work, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*ended)
    assert not ended, "the server hung up before it was killed"
    server.kill()
    await asyncio.gather(*work)


async def check_after_cleaning_up(storage: Storage, ledger: Ledger) -> None:
    """That the timer takes all that nothing names, whatever left it behind, and nothing else."""
    await storage.clean_up()
    stores = storage.open()
    found = await look_into(stores.engine)
    await stores.close()
    ledger.reconcile(found)
    assert found.contents == found.named


async def create_shared(http: httpx.AsyncClient, ledger: Ledger) -> str:
    answer = await http.post("/sessions", json={"title": "Shared", "description": None, "content": "first"})
    session_id: str = answer.json()
    ledger.sessions[session_id] = Known({1: Effect(SessionAction.CREATED, "Shared", sha256("first"))})
    return session_id


async def test_what_was_acknowledged_outlives_kill_9(storage: Storage):
    kills = KILLS[storage.environ["STORE_ENGINE"]]
    ledger = await kill_again_and_again(storage, kills)
    assert ledger.answered > 10 * kills, "there was no load to speak of"
    assert ledger.unanswered >= kills, "no write was under way when the server was killed"


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_what_was_acknowledged_outlives_many_kills(storage: Storage):
    ledger = await kill_again_and_again(storage, SOAK_KILLS)
    assert ledger.answered > 10 * SOAK_KILLS and ledger.unanswered >= SOAK_KILLS
