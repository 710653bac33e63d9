"""The data with which the servers start, written through the stores."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.people import People, seed_people
from benchmarks.states import State
from persistence import Stores, open_stores
from persistence.content import CONTENT_MAX_BYTES, pack
from persistence.sessions.documents import NewSession, SessionChange, SessionHead
from persistence.snapshots.documents import NewSnapshot
from settings import Settings

SESSIONS_PER_LIST = 20
SNAPSHOT_STATE = "218 KB"
SMALL_LIST, LARGE_LIST = "lists-small", "lists-large"
"""Users who have 20 sessions each, of 1 KB and of 1.5 MiB."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """The seeded data: 20 sessions of each state, by its label, the id of a snapshot, and people for the part
    `scale`."""

    sessions: Mapping[str, Sequence[SessionHead]]
    snapshot: str
    people: People | None


def owner_of(state: State) -> str:
    """Returns the owner of the sessions of this state. Those sessions are never created or deleted."""
    return f"owner-{state.key}"


def creator_of(state: State) -> str:
    """Returns the user who creates sessions of this state. They have one at the start."""
    return f"creator-{state.key}"


async def seed(
    environ: Mapping[str, str], states: Sequence[State], keep_revisions: int, many: int | None = None
) -> Seeded:
    """Fills the database that the settings name. Every session of a state has a full history, so that each save
    prunes a content. This is the usual case. With `many`, some people keep so many things."""
    settings = Settings.from_environ({**environ, "KEEP_REVISIONS": str(keep_revisions)})
    stores = open_stores(settings.place(), settings.store_rules())
    try:
        sessions = {state.label: await _sessions(stores, state, keep_revisions) for state in states}
        for state in states:
            await _create(stores, creator_of(state), state.content)
        largest = states[-1].content
        large = (largest * (CONTENT_MAX_BYTES // len(largest) + 1))[:CONTENT_MAX_BYTES]
        for _ in range(SESSIONS_PER_LIST):
            await _create(stores, SMALL_LIST, states[0].content[:1_024])
            await _create(stores, LARGE_LIST, large)
        content = next(state.content for state in states if state.label == SNAPSHOT_STATE)
        new = NewSnapshot(title="Measured", description=None, content=pack(content))
        snapshot = await stores.snapshots.create("lists-snapshots", new)
        people = None if many is None else await seed_people(stores, many)
    finally:
        await stores.close()
    return Seeded(sessions, snapshot.id, people)


async def _sessions(stores: Stores, state: State, keep_revisions: int) -> list[SessionHead]:
    owner = owner_of(state)
    return await asyncio.gather(
        *(_session(stores, owner, state, keep_revisions) for _ in range(SESSIONS_PER_LIST))
    )


async def _session(stores: Stores, owner: str, state: State, keep_revisions: int) -> SessionHead:
    head = await _create(stores, owner, state.content)
    for number in range(1, keep_revisions):
        head = await stores.sessions.save(owner, head.id, SessionChange(content=pack(state.variant(number))))
    return head


async def _create(stores: Stores, owner: str, content: str) -> SessionHead:
    return await stores.sessions.create(
        owner, NewSession(title="Measured", description=None, content=pack(content))
    )
