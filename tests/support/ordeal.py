"""Two people with a bit of everything, and what they and the timers must still be able to do after damage."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from persistence import Stores
from persistence.errors import StoreUnavailable
from persistence.kind import TimerName
from tests.support.breaking import Dies
from tests.support.clock import Clock
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, made
from tests.support.snapshots import new as new_snapshot
from tests.support.snapshots import over, visit

MARK = "q7Zx"
"""Is in all titles, descriptions and contents. It must not be in a log."""

OWNER, OTHER = "ann", "ben"
TIMERS: tuple[TimerName, ...] = ("mark_deleted_snapshot_logs", "sweep_sessions", "purge_stale_drafts")
LISTS = ("sessions", "drafts", "restore", "trash", "snapshots", "snapshot_access_logs", "activity", "usage")
NEWS = {"title": f"{MARK} title", "description": f"about {MARK}"}

HARMED = ("content_corrupt", "not_found", "gone", "forbidden")

Remains = Callable[[], Coroutine[Any, Any, list[str]]]


async def seed(stores: Stores, client: Client) -> None:
    """Stores what both people have, of each kind."""
    shared: dict[str, str] = {}
    for person in (OWNER, OTHER):
        mine = client.of(person)
        path, _ = await made(mine, **NEWS, content=f"{person} {MARK} one")
        assert_ok(await mine.put(path, {"content": f"{person} {MARK} two", "description": f"{MARK} again"}))
        key = {"idempotency-key": f"key-of-{person}"}
        assert_ok(await mine.post(SESSIONS, {**NEW, **NEWS, "content": f"{person} {MARK} three"}, key), 201)
        draft = {"title": f"{MARK} draft", "content": f"{person} {MARK} draft"}
        assert_ok(await mine.put(f"persistence/drafts/draftOf{person}00", draft), 201)
        for purge in ("false", "true"):
            path, _ = await made(mine, **NEWS, content=f"{person} {MARK} deleted")
            assert_ok(await mine.delete(path, purge=purge), 204)
        for number in range(2):
            snapshot = {**NEWS, "content": f"{person} {MARK} snapshot {number}"}
            made_one = assert_ok(await mine.post("persistence/snapshots", snapshot), 201).json
            shared[f"{person} {number}"] = made_one
    await visit(stores, OTHER, shared[f"{OWNER} 0"])
    await visit(stores, OTHER, shared[f"{OWNER} 1"])
    await visit(stores, OWNER, shared[f"{OTHER} 0"])
    assert_ok(await client.of(OWNER).delete(f"persistence/snapshots/{shared[f'{OWNER} 1']}"), 204)
    try:
        await over(Dies(stores.engine, at=2))[1].create(OWNER, new_snapshot(f"{MARK} pending"))
    except StoreUnavailable:
        pass
    await stores.sessions.drain()


class Ordeal:
    """What works after damage. `complaints` lists what does not, each with its subject first."""

    def __init__(self, stores: Stores, client: Client, clock: Clock, remains: Remains) -> None:
        self._stores, self._client, self._clock, self._remains = stores, client, clock, remains
        self.complaints: list[str] = []
        self.seen_by_other: list[Any] = []

    async def endure(self) -> None:
        """Runs the timers, lets both read, lets a month pass, erases the owner, and runs the timers again."""
        self._clock.advance(hours=1)
        await self._run_timers("timer")
        await self._read(self._client.of(OWNER), "owner")
        self.seen_by_other.append(await self._read(self._client.of(OTHER), "other"))
        self._clock.advance(days=40)
        await self._run_timers("timer")
        await self._erase()
        self._clock.advance(hours=1)
        await self._run_timers("timer after erasure")
        self.seen_by_other.append(await self._read(self._client.of(OTHER), "other"))

    async def _run_timers(self, subject: str) -> None:
        for name in TIMERS:
            try:
                await self._stores.timers.run(name)
            except Exception as exc:
                self.complaints.append(f"{subject}: {name} raised {type(exc).__name__}")

    async def _read(self, client: Client, subject: str) -> dict[str, Any]:
        """Returns what a person sees, without what differs from run to run."""
        seen: dict[str, Any] = {}
        for path in LISTS:
            response = await client.get(f"persistence/{path}")
            if response.status != 200:
                self.complaints.append(f"{subject}: {path} is {response.status}")
            else:
                seen[path] = [one.get("id") for one in response.json.get("items", [])] or response.json.get("used")
        for id in seen.get("snapshots") or []:
            response = await client.get(f"persistence/snapshots/{id}/stats")
            self._check_one(response, subject, "the stats of a snapshot")
        for id in seen.get("sessions") or []:
            response = await client.get(f"{SESSIONS}/{id}")
            if self._check_one(response, subject, "a session"):
                self._check_content(response.json["content"], subject)
        seen["export"] = await self._export(client, subject)
        return seen

    async def _export(self, client: Client, subject: str) -> list[Any]:
        lines: list[Any] = []
        cursor = ""
        for _ in range(20):
            response = await client.get("persistence/export", cursor=cursor)
            if response.status != 200:
                self.complaints.append(f"{subject}: the export is {response.status}")
                return lines
            *found, end = [orjson.loads(line) for line in response.body.splitlines()]
            for line in found:
                if line.get("activity", {}).get("action") != "exported":
                    lines.append((line["kind"], line.get("content"), line.get("unreadable")))
                if line.get("content") is not None:
                    self._check_content(line["content"], subject)
            if (cursor := end["pageToken"] or "") == "":
                return lines
        self.complaints.append(f"{subject}: the export does not end")
        return lines

    async def _erase(self) -> None:
        for _ in range(20):
            answer = await self._client.of(OWNER).call(
                "DELETE", "persistence/me", headers={"savepoint-confirm": OWNER}
            )
            if answer.status != 200:
                self.complaints.append(f"erasure: is {answer.status}")
                return
            if answer.json["done"]:
                break
        self.complaints += [f"erasure: {left} is left" for left in await self._remains()]

    def _check_one(self, response: Response, subject: str, what: str) -> bool:
        """Returns True for a success. A thing of the owner may be gone or damaged."""
        is_fine = response.status == 200
        if not is_fine and (subject != "owner" or response.json["error"]["type"] not in HARMED):
            self.complaints.append(f"{subject}: {what} is {response.status}")
        return is_fine

    def _check_content(self, content: str, subject: str) -> None:
        if not re.fullmatch(rf"(ann|ben) {MARK} (one|two|three|draft|deleted|snapshot [01])", content):
            self.complaints.append(f"{subject}: other bytes were sent")
