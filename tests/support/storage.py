"""Where the real servers of a test keep their data, how to call them, and how to look behind their backs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from persistence import Stores, open_stores
from persistence.sessions.documents import SessionHead, SessionStatus
from persistence.storage.cosmos.account import CosmosAccount
from persistence.storage.engine import Engine
from settings import Settings
from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost
from tests.support.sessions import OWNER, assert_sound, content_ids, stored_heads
from tests.support.timers import clean_up

# Enough for the whole history of a session to be there when a test reads it.
COMMON = {"AUTH_MODE": "local", "KEEP_REVISIONS": "100"}


@dataclass(frozen=True)
class Storage:
    """The settings under which servers and the test itself reach the same data."""

    environ: Mapping[str, str]

    @contextmanager
    def serve(self) -> Iterator[DevhostServer]:
        """Starts a server on this data. A failure meanwhile shows what the server wrote last."""
        with run_devhost(REPOSITORY, self.environ) as server:
            try:
                yield server
            except Exception as error:
                code = server.process.poll()
                error.add_note(f"the server (exit code {code}) wrote last:\n{server.stderr()[-2_000:]}")
                raise

    def open(self) -> Stores:
        """Opens the same data without a server."""
        settings = Settings.from_environ(self.environ)
        return open_stores(settings.place(), settings.store_rules())

    async def clean_up(self) -> None:
        """Runs the timers, as if everything were older than the grace."""
        stores = Storage({**self.environ, "SETTLE_GRACE_SECONDS": "0"}).open()
        await clean_up(stores)
        await stores.close()


def on_sqlite(folder: Path) -> Storage:
    """A file in that folder."""
    return Storage(COMMON | {"STORE_ENGINE": "sqlite", "DATA_DIR": str(folder)})


def on_cosmos(account: CosmosAccount) -> Storage:
    """A database that has its containers."""
    return Storage(
        COMMON
        | {
            "STORE_ENGINE": "cosmos",
            "COSMOS_ENDPOINT": account.endpoint,
            "COSMOS_DATABASE": account.database,
            "COSMOS_KEY": account.key or "",
            "COSMOS_ENDPOINT_DISCOVERY": "false",
            "COSMOS_CONDITIONAL_BATCH": str(account.conditional_batch).lower(),
        }
    )


def call(server: DevhostServer, owner: str = OWNER) -> httpx.AsyncClient:
    """A client of its own for one server, with as many connections as it needs."""
    return httpx.AsyncClient(
        base_url=f"{server.base_url}/api/persistence",
        headers={"X-User-Id": owner},
        timeout=60,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


@dataclass(frozen=True)
class Stored:
    """The sessions that one person's partition holds, tombstones too, and the ids of all contents."""

    heads: Mapping[str, SessionHead]
    contents: frozenset[str]

    def contents_of(self, session_id: str) -> set[str]:
        return {id for id in self.contents if id.startswith(f"{session_id}~")}

    @property
    def named(self) -> set[str]:
        """Contents that a head names, be it only in its history."""
        return {name for head in self.heads.values() for name in head.content_ids}

    @property
    def orphans(self) -> set[str]:
        """Contents that no head names, other than those of deleted sessions, which wait for the timer."""
        deleted = {id for id, head in self.heads.items() if head.status is SessionStatus.DELETED}
        return {id for id in self.contents - self.named if id.partition("~")[0] not in deleted}


async def look_into(engine: Engine, owner: str = OWNER, *, has_gaps: bool = False) -> Stored:
    """Reads everything, and asserts that nothing of it is half-done: each head is valid, says of the newest
    version what its history says, and every content that the history names is there and hashes to it."""
    await assert_sound(engine, owner, has_gaps=has_gaps)
    heads = await stored_heads(engine, owner)
    for head in heads:
        newest, metadata = head.revisions[0], head.metadata
        times = [revision.saved_at for revision in head.revisions]
        assert times == sorted(times, reverse=True), head
        assert (newest.version, newest.title) == (metadata.version, metadata.title), head
        if head.status is SessionStatus.DELETED:
            assert (metadata.title, head.content_id, len(head.revisions)) == ("", None, 1), head
        else:
            assert (newest.content_id, newest.content_hash) == (head.content_id, metadata.content_hash), head
            assert None not in {revision.content_id for revision in head.revisions}, head
    return Stored({head.id: head for head in heads}, frozenset(await content_ids(engine, owner)))
