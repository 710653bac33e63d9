"""Where the real servers of a test keep their data, how to call them, and how to look behind their backs."""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import httpx

from persistence import Stores, open_stores
from persistence.collection import Collection
from persistence.content import unpack
from persistence.documents import SessionContent, SessionHead, SessionStatus
from persistence.engines.containers import SESSIONS
from persistence.engines.engine import PAYLOAD, Engine
from persistence.query import Query
from persistence.settings import Settings
from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost

OWNER = "ann"


@dataclass(frozen=True)
class Storage:
    """The settings under which servers and the test itself reach the same data."""

    environ: Mapping[str, str]

    def serve(self) -> AbstractContextManager[DevhostServer]:
        """A server process of its own on this data."""
        return run_devhost(REPOSITORY, self.environ)

    def open(self) -> Stores:
        """The same data without a server."""
        return open_stores(Settings.from_environ(self.environ))


def call(server: DevhostServer) -> httpx.AsyncClient:
    """A client of its own for one server, with as many connections as it needs."""
    return httpx.AsyncClient(
        base_url=f"{server.base_url}/api/persistence",
        headers={"X-User-Id": OWNER},
        timeout=60,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Stored:
    """All that one person's partition holds: heads by session, contents (id to session id)."""

    heads: Mapping[str, SessionHead]
    contents: Mapping[str, str]

    def contents_of(self, session_id: str) -> set[str]:
        return {content for content, session in self.contents.items() if session == session_id}

    @property
    def orphans(self) -> set[str]:
        """Contents that no head names, other than those of deleted sessions, which wait for the timer."""
        named = {name for head in self.heads.values() for name in head.content_ids}
        deleted = {id for id, head in self.heads.items() if head.status is SessionStatus.DELETED}
        return {id for id, session in self.contents.items() if session not in deleted} - named


async def look_into(engine: Engine, owner: str = OWNER) -> Stored:
    """Reads everything, and asserts that nothing of it is half-done.

    Every head is valid and its history without gaps; every content that it names is there and is, byte for
    byte, what the history says.
    """
    heads = Collection(engine, SESSIONS, SessionHead)
    contents = Collection(engine, SESSIONS, SessionContent)
    sessions = [(await heads.read(item["id"], owner)).document for item in await _items(engine, "session", owner)]
    for head in sessions:
        await _check(engine, head)
    items = await _items(engine, contents.kind, owner)
    return Stored({head.id: head for head in sessions}, {item["id"]: item["session_id"] for item in items})


async def _check(engine: Engine, head: SessionHead) -> None:
    versions = [revision.version for revision in head.revisions]
    newest, times = head.revisions[0], [revision.saved_at for revision in head.revisions]
    assert versions == list(range(head.metadata.version, head.metadata.version - len(versions), -1)), head
    assert times == sorted(times, reverse=True), head
    assert (newest.title, newest.content_id) == (head.metadata.title, head.content_id), head
    if head.status is SessionStatus.DELETED:
        assert (head.content_id, head.metadata.title, len(versions)) == (None, "", 1), head
        return
    assert newest.content_hash == head.metadata.content_hash, head
    hashes: dict[str, str] = {}
    for revision in head.revisions:
        assert revision.content_id is not None, head
        if revision.content_id not in hashes:
            payload = (await engine.read(SESSIONS, revision.content_id, head.owner_id)).item[PAYLOAD]
            raw = unpack(payload, revision.content_bytes, revision.content_id)
            hashes[revision.content_id] = hashlib.sha256(raw).hexdigest()
        assert hashes[revision.content_id] == revision.content_hash, (head, revision)


async def _items(engine: Engine, kind: str, owner: str) -> list[dict[str, str]]:
    """The ids of a kind as they are stored, whether or not what they stand for is valid."""
    fields = ("id", "session_id") if kind == "content" else ("id",)
    found: list[dict[str, str]] = []
    cursor: str | None = None
    while True:
        page = await engine.query(SESSIONS, Query(kind, owner, fields, cursor=cursor))
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found
