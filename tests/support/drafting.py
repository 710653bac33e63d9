"""A tab that saves one draft over and over on a bad line, and knows what it was told.

It uses If-Match and an Idempotency-Key, repeats what it has no answer to, and now and then gives up on a save
and goes on with the next. Nobody else writes its draft, so every version is one of its own saves.
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
from persistence.sessions.documents import SessionAction, SessionHead
from tests.devhost.server import DevhostServer
from tests.support.sessions import OWNER

PAUSE_SECONDS = 0.2
# Of a hundred sends, so many are cut off by the client, sent twice at once, or sent once more much later.
CUT_OFF, TWICE, LATER = 6, 5, 5
GIVES_UP = 0.3
"""How often a tab goes on with newer content where it has no answer."""
BUSY = frozenset({"store_unavailable", "throttled", "contended"})


@dataclass(frozen=True)
class Save:
    """One save, however often it is sent."""

    text: str
    etag: str | None
    on_purpose: bool = False
    key: str = field(default_factory=new_id)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What came back for a save."""

    status: int
    body: dict[str, Any]


class Tab:
    """Saves one draft through any of several servers."""

    def __init__(self, number: int, http: aiohttp.ClientSession, servers: Sequence[DevhostServer]) -> None:
        self.id = new_id()
        self.acknowledged: dict[int, Save] = {}
        """By version. Also what was given up, and then turned out to have landed."""
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
        """Saves every 200 ms, or as fast as answers come; the last save is seen through to its answer."""
        await asyncio.sleep(self._random.uniform(0, PAUSE_SECONDS))
        etag = await self._save(None, may_give_up=False)
        while (began := time.monotonic()) < until:
            etag = await self._save(etag, may_give_up=True)
            self._send_later()
            await asyncio.sleep(max(0.0, began + PAUSE_SECONDS - time.monotonic()))
        await self._save(etag, may_give_up=False)
        await asyncio.gather(*self._late)

    async def _save(self, etag: str | None, may_give_up: bool) -> str | None:
        """The ETag to go on with."""
        save = Save(self._text(), etag, on_purpose=self._random.random() < 0.05)
        began = time.monotonic()
        while True:
            answer = await self._send(save)
            if answer is None:
                if may_give_up and self._random.random() < GIVES_UP:
                    self.counts["given up"] += 1
                    self._given_up[save.hash] = save
                    return save.etag
                await asyncio.sleep(self._random.uniform(0, 0.1))
                continue
            if answer.status == 412:
                save = replace(save, etag=self._adopt(answer), key=new_id())
                continue
            assert answer.status in (200, 201), answer
            metadata = answer.body
            assert metadata["contentHash"] == save.hash
            self._acknowledge(metadata["version"], save)
            self.seconds.append(time.monotonic() - began)
            return str(metadata["etag"])

    def _adopt(self, refused: Answer) -> str:
        """What is there can only be what was given up just before."""
        current = refused.body["current"]
        self._acknowledge(current["version"], self._given_up[current["contentHash"]])
        self.counts["adopted"] += 1
        return str(current["etag"])

    def _acknowledge(self, version: int, save: Save) -> None:
        assert version == len(self.acknowledged) + 1, "a save became no version, or several"
        self.acknowledged[version] = save
        self._sent.append((version, save))

    async def _send(self, save: Save) -> Answer | None:
        """The answer, or None where there was none to be had."""
        chance = self._random.random() * 100
        if chance < CUT_OFF:
            self.counts["cut off"] += 1
            try:
                return await asyncio.wait_for(self._put(save), self._random.uniform(0, 0.02))
            except TimeoutError:
                return None
        if chance < CUT_OFF + TWICE:
            self.counts["twice"] += 1
            answers = [one for one in await asyncio.gather(self._put(save), self._put(save)) if one is not None]
            told = {(one.status, one.body.get("version"), one.body.get("etag")) for one in answers}
            assert len(told) <= 1, "two answers to one save"
            return answers[0] if answers else None
        return await self._put(save)

    async def _put(self, save: Save) -> Answer | None:
        condition = {"If-None-Match": "*"} if save.etag is None else {"If-Match": save.etag}
        try:
            async with self._http.put(
                self._random.choice(self._addresses),
                params={"autosave": "false"} if save.on_purpose else {},
                json={"content": save.text, "deviceInfo": "soak"},
                headers={**condition, "Idempotency-Key": save.key, "X-User-Id": OWNER},
            ) as response:
                answer = Answer(response.status, await response.json(content_type=None))
        except aiohttp.ClientError:
            self.counts["no answer"] += 1
            return None
        self.counts["answers"] += 1
        if answer.status >= 400 and answer.body["error"]["type"] in BUSY:
            self.counts["busy"] += 1
            return None
        return answer

    def _send_later(self) -> None:
        """An acknowledged save arrives once more, after newer ones."""
        if self._sent and self._random.random() * 100 < LATER:
            self._late.append(asyncio.create_task(self._arrive_late(*self._random.choice(self._sent))))

    async def _arrive_late(self, version: int, save: Save) -> None:
        await asyncio.sleep(self._random.uniform(0, 2))
        self.counts["late"] += 1
        answer = await self._put(save)
        if answer is not None and answer.status != 412:
            assert answer.status in (200, 201), answer
            assert (answer.body["version"], answer.body["contentHash"]) == (version, save.hash)

    def _text(self) -> str:
        self._texts += 1
        return f"{self.id} {self._texts} " + "x" * self._random.randrange(20_000)


def assert_told_the_truth(tab: Tab, head: SessionHead, keep: int) -> None:
    """The stored draft is the newest save, and its history tells of the acknowledged ones, in order."""
    version, save = tab.newest
    assert (head.metadata.version, head.metadata.content_hash) == (version, save.hash)
    versions = [revision.version for revision in head.revisions]
    assert versions == sorted(set(versions), reverse=True) and len(versions) <= keep
    times = [revision.saved_at for revision in head.revisions]
    assert times == sorted(times, reverse=True)
    for revision in head.revisions:
        told = tab.acknowledged[revision.version]
        assert revision.content_hash == told.hash
        if revision.action is not SessionAction.CREATED:
            assert (revision.action is SessionAction.SAVED) == told.on_purpose
    on_purpose = [version for version, save in tab.acknowledged.items() if save.on_purpose]
    missing = set(sorted(on_purpose, reverse=True)[: keep - 1]) - set(versions)
    assert not missing, "what was saved on purpose is missing in the history"
