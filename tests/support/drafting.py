"""A tab that saves one draft over and over on a bad line, and records what was acknowledged.

It sends If-Match and an Idempotency-Key, and retries if no response comes. Sometimes it gives up on a save and
goes on with the next. Nobody else writes its draft, so every version is one of its own saves.
"""

import asyncio
import hashlib
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import aiohttp

from persistence.documents import new_id
from persistence.sessions.documents import SessionHead
from persistence.sessions.revisions import SessionAction
from tests.devhost.server import DevhostServer
from tests.support.sessions import OWNER

PAUSE_SECONDS = 0.2
# Percentages of requests that the client cuts off, sends twice at once, or sends again much later.
CUT_OFF, TWICE, LATER = 6, 5, 5
GIVE_UP_CHANCE = 0.3
"""How often a tab without a response goes on with newer content."""
BUSY = frozenset({"store_unavailable", "throttled", "too_fast", "contended"})


@dataclass(frozen=True)
class Save:
    """One save. It may be sent several times."""

    text: str
    etag: str | None
    deliberate: bool = False
    key: str = field(default_factory=new_id)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Response:
    """The response to a save."""

    status: int
    body: dict[str, Any]


class Tab:
    """Saves one draft through any of several servers."""

    def __init__(self, number: int, http: aiohttp.ClientSession, servers: Sequence[DevhostServer]) -> None:
        self.id = new_id()
        self.acknowledged: dict[int, Save] = {}
        """By version. Includes saves that were given up, but had succeeded."""
        self.counts: Counter[str] = Counter()
        self.seconds: list[float] = []
        self._http = http
        self._addresses = [f"{server.base_url}/api/persistence/drafts/{self.id}" for server in servers]
        self._random = Random(number)
        self._given_up: dict[str, Save] = {}
        self._late: list[asyncio.Task[None]] = []
        self._sent: deque[tuple[int, Save]] = deque(maxlen=12)
        self._texts = 0

    @property
    def newest(self) -> tuple[int, Save]:
        version = max(self.acknowledged)
        return version, self.acknowledged[version]

    async def work(self, until: float) -> None:
        """Saves every 200 ms, or as fast as responses come. The last save is retried until it has a response."""
        await asyncio.sleep(self._random.uniform(0, PAUSE_SECONDS))
        etag = await self._save(None, may_give_up=False)
        while (began := time.monotonic()) < until:
            etag = await self._save(etag, may_give_up=True)
            self._send_later()
            await asyncio.sleep(max(0.0, began + PAUSE_SECONDS - time.monotonic()))
        await self._save(etag, may_give_up=False)
        await asyncio.gather(*self._late)

    async def _save(self, etag: str | None, may_give_up: bool) -> str | None:
        """Returns the ETag for the next save."""
        save = Save(self._text(), etag, deliberate=self._random.random() < 0.05)
        began = time.monotonic()
        while True:
            response = await self._send(save)
            if response is None:
                if may_give_up and self._random.random() < GIVE_UP_CHANCE:
                    self.counts["given up"] += 1
                    self._given_up[save.hash] = save
                    return save.etag
                await asyncio.sleep(self._random.uniform(0, 0.1))
                continue
            if response.status == 412:
                save = replace(save, etag=self._adopt(response), key=new_id())
                continue
            assert response.status in (200, 201), response
            metadata = response.body
            assert metadata["contentHash"] == save.hash
            self._acknowledge(metadata["version"], save)
            self.seconds.append(time.monotonic() - began)
            return str(metadata["etag"])

    def _adopt(self, refused: Response) -> str:
        """Takes over the current version, which can only be a save that was given up. Returns its ETag."""
        current = refused.body["current"]
        self._acknowledge(current["version"], self._given_up[current["contentHash"]])
        self.counts["adopted"] += 1
        return str(current["etag"])

    def _acknowledge(self, version: int, save: Save) -> None:
        assert version == len(self.acknowledged) + 1, "a save made no version, or several"
        self.acknowledged[version] = save
        self._sent.append((version, save))

    async def _send(self, save: Save) -> Response | None:
        """Returns the response, or None if there is none."""
        chance = self._random.random() * 100
        if chance < CUT_OFF:
            self.counts["cut off"] += 1
            try:
                return await asyncio.wait_for(self._put(save), self._random.uniform(0, 0.02))
            except TimeoutError:
                return None
        if chance < CUT_OFF + TWICE:
            self.counts["twice"] += 1
            responses = [one for one in await asyncio.gather(self._put(save), self._put(save)) if one is not None]
            distinct = {(one.status, one.body.get("version"), one.body.get("etag")) for one in responses}
            assert len(distinct) <= 1, "two responses to one save differ"
            return responses[0] if responses else None
        return await self._put(save)

    async def _put(self, save: Save) -> Response | None:
        condition = {"If-None-Match": "*"} if save.etag is None else {"If-Match": save.etag}
        try:
            async with self._http.put(
                self._random.choice(self._addresses),
                params={"autosave": "false"} if save.deliberate else {},
                json={"content": save.text, "deviceInfo": "soak"},
                headers={**condition, "Idempotency-Key": save.key, "X-User-Id": OWNER},
            ) as received:
                response = Response(received.status, await received.json(content_type=None))
        except aiohttp.ClientError:
            self.counts["no response"] += 1
            return None
        self.counts["responses"] += 1
        if response.status >= 400 and response.body["error"]["type"] in BUSY:
            self.counts["busy"] += 1
            return None
        return response

    def _send_later(self) -> None:
        """Sometimes sends an acknowledged save again, after newer ones."""
        if self._sent and self._random.random() * 100 < LATER:
            self._late.append(asyncio.create_task(self._arrive_late(*self._random.choice(self._sent))))

    async def _arrive_late(self, version: int, save: Save) -> None:
        await asyncio.sleep(self._random.uniform(0, 2))
        self.counts["late"] += 1
        response = await self._put(save)
        if response is not None and response.status != 412:
            assert response.status in (200, 201), response
            assert (response.body["version"], response.body["contentHash"]) == (version, save.hash)

    def _text(self) -> str:
        self._texts += 1
        return f"{self.id} {self._texts} " + "x" * self._random.randrange(20_000)


def assert_matches(tab: Tab, head: SessionHead, keep: int) -> None:
    """Asserts that the draft is the newest save, and that its history has only acknowledged saves, in order."""
    version, save = tab.newest
    assert (head.metadata.version, head.metadata.content_hash) == (version, save.hash)
    versions = [revision.version for revision in head.revisions]
    assert versions == sorted(set(versions), reverse=True) and len(versions) <= keep
    times = [revision.saved_at for revision in head.revisions]
    assert times == sorted(times, reverse=True)
    for revision in head.revisions:
        acknowledged = tab.acknowledged[revision.version]
        assert revision.content_hash == acknowledged.hash
        if revision.action is not SessionAction.CREATED:
            assert (revision.action is SessionAction.SAVED) == acknowledged.deliberate
    deliberate = [version for version, save in tab.acknowledged.items() if save.deliberate]
    missing = set(sorted(deliberate, reverse=True)[: keep - 1]) - set(versions)
    assert not missing, "a deliberate save is missing in the history"
