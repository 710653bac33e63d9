"""A store with something of every kind, as people leave it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rich.progress import Progress

from operations.items import addresses, partitions
from operations.terminal import Terminal
from persistence import Rules, Stores, stores_over
from persistence.content import pack
from persistence.idempotency import IdempotencyKey
from persistence.read_only import ID, ReadOnly
from persistence.sessions.documents import NewSession, SessionChange
from persistence.sessions.rules import SessionRules
from persistence.snapshots.documents import NewSnapshot
from persistence.storage.containers import CONTAINERS, SESSIONS
from persistence.storage.document_set import DocumentSet
from persistence.storage.engine import Engine, Item
from tests.support.drafts import draft

RULES = Rules(sessions=SessionRules(coalesce=timedelta()))


async def filled(engine: Engine, people: int = 3, sessions: int = 4, versions: int = 4) -> Stores:
    """Makes sessions with histories, drafts, snapshots, visits, a tombstone and a trashed session."""
    stores = stores_over(engine, RULES)
    owners = [f"person-{number}" for number in range(people)]
    for owner in owners:
        for number in range(sessions):
            new = NewSession(title=f"Título {number}", description="About", content=pack(f"{owner} {number}"))
            head = await stores.sessions.create(owner, new, IdempotencyKey(f"key-{number}", "digest"))
            for version in range(2, versions + 1):
                change = SessionChange(content=pack(f"{owner} {number} {version} " * 20))
                await stores.sessions.save(owner, head.id, change)
        await stores.drafts.put(owner, "draft-000001", draft(owner))
        made = await stores.snapshots.create(owner, NewSnapshot(session_id=head.id))
        for visitor in owners:
            await stores.snapshots.get(visitor, made.id)
        gone = await stores.sessions.create(
            owner, NewSession(title="Gone", description=None, content=pack("gone"))
        )
        await stores.sessions.delete(owner, gone.id, purge=True)
        trashed = await stores.sessions.create(
            owner, NewSession(title="Away", description=None, content=pack("x"))
        )
        await stores.sessions.delete(owner, trashed.id)
    await stores.access_logs.drain()
    return stores


async def freeze(engine: Engine) -> None:
    """Read-only mode, for so long that no write can still end."""
    switch = ReadOnly(id=ID, since=datetime(2020, 1, 1, tzinfo=UTC))
    await DocumentSet(engine, SESSIONS, ReadOnly).create_once(switch)


async def everything(engine: Engine) -> dict[tuple[str, str, str], Item]:
    """Every item of people, by its address."""
    found = {}
    for container in CONTAINERS:
        async for partition in partitions(engine, container):
            async for address in addresses(engine, container, partition):
                item = (await engine.read(container, address["id"], partition)).item
                found[container.name, partition, address["id"]] = item
    return found


@contextmanager
def terminal() -> Iterator[Terminal]:
    with Progress(disable=True) as bars:
        yield Terminal(bars, as_json=True)
