"""Measures sizes and costs in Azure Cosmos DB, by the size of the state: the tables of docs/cost.md.

python -m benchmarks.sizes

The real stores work over SQLite. request_units.py prices each of their calls to the database.
"""

import asyncio
import hashlib
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar

from benchmarks import month
from benchmarks.request_units import Call, ReckoningEngine
from benchmarks.states import State, edited, states
from persistence import Stores, stores_over
from persistence.conditions import Conditions
from persistence.content import pack
from persistence.sessions.documents import NewSession, SessionChange, SessionHead, SessionStatus
from persistence.sessions.patches import ContentDelta
from persistence.snapshots.documents import NewSnapshot
from persistence.storage.query import Sort
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.sync.items import CreateItem, SaveItem
from persistence.timers.scan import TimerRules
from settings import Settings

R = TypeVar("R")

SETTINGS = Settings.from_environ({"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"})
UNCACHED = SETTINGS.model_copy(update={"content_cache_bytes": 0})
SAVES_BEFORE = SETTINGS.keep_revisions + 1

# Typical lengths: an Entra object id, a title, two sentences.
OWNER = "00000000-0000-0000-0000-000000000001"
VISITOR = "00000000-0000-0000-0000-000000000002"
TITLE = "Thunder Alley, the second floor after the move"
DESCRIPTION = "Where the desks go and who sits where. The numbers are those of the plan of last Thursday."
DEVICE = "Firefox on Windows"

TYPICAL = "218 KB"
"""The state with which the month is calculated."""


@dataclass
class Costs:
    """Sizes and costs of one state. `items` has bytes by item. `traffic` has bytes read and written by operation.
    `units` has request units by operation, with Strong and with Session."""

    state: State
    items: dict[str, int] = field(default_factory=dict)
    traffic: dict[str, tuple[float, float]] = field(default_factory=dict)
    units: dict[str, tuple[float, float]] = field(default_factory=dict)


async def measure(state: State) -> Costs:
    """Measures every operation on one state, in a new store."""
    with tempfile.TemporaryDirectory() as folder:
        engine = ReckoningEngine(SqliteEngine(Path(folder)))
        stores, known = (stores_over(engine, each.store_rules()) for each in (UNCACHED, SETTINGS))
        costs = Costs(state)
        try:
            await _measure_sessions(stores, known, engine, costs)
            await _measure_snapshots(stores, engine, costs)
            await _price(engine, costs, month.TIMER, lambda: _run_timers(stores))
            await _price_sync(stores, engine, costs)
        finally:
            await stores.close()
        return costs


async def _run_timers(stores: Stores) -> None:
    """Those of CLEANUP_SCHEDULE."""
    await stores.timers.run("mark_deleted_snapshot_logs")
    await stores.timers.run("sweep_sessions")


async def _measure_sessions(stores: Stores, known: Stores, engine: ReckoningEngine, costs: Costs) -> None:
    """`known` are stores that have the contents in memory."""
    sessions, versions = stores.sessions, _versions(costs.state)
    new = NewSession(title=TITLE, description=DESCRIPTION, content=pack(costs.state.content), device_info=DEVICE)
    await _price(engine, costs, "create a session", lambda: sessions.create(OWNER, new))
    names = ("content", "head, 1 revision", "line of activity")
    costs.items |= {name: call.size for name, call in zip(names, engine.calls, strict=True)}
    id = (await sessions.page(OWNER)).items[0].id
    for _ in range(SAVES_BEFORE):
        await sessions.save(OWNER, id, next(versions))
    await sessions.drain()

    async def save(*, autosave: bool = False) -> None:
        await sessions.save(OWNER, id, next(versions), autosave=autosave)
        await sessions.drain()

    await _price(engine, costs, "save", save)
    costs.items["head, full history"] = next(call.size for call in engine.calls if call.verb == "replace")
    await _price(engine, costs, "autosave", lambda: save(autosave=True))
    await _price(engine, costs, "autosave within the same minute", lambda: save(autosave=True))
    await _price_deltas(stores, known, engine, costs, id)
    await _price_sweep(engine, costs, save)
    renamed = SessionChange(title=TITLE + ", renamed")
    await _price(engine, costs, "rename", lambda: sessions.save(OWNER, id, renamed))
    await _price(engine, costs, "save without a change", lambda: sessions.save(OWNER, id, renamed))
    await _price(engine, costs, "open", lambda: sessions.get(OWNER, id))
    await known.sessions.get(OWNER, id)
    await _price(engine, costs, "open, content in memory", lambda: known.sessions.get(OWNER, id))
    await _price(engine, costs, "poll", lambda: sessions.get_head(OWNER, id))
    small = new.model_copy(update={"content": pack("{}")})
    for _ in range(29):
        await sessions.create(OWNER, small)
    await _price(engine, costs, "list 30", lambda: sessions.page(OWNER, page_size=30))
    await _price(engine, costs, "list 5", lambda: sessions.page(OWNER, page_size=5))
    await _price(engine, costs, "20 lines of activity", lambda: stores.activity.page(OWNER, page_size=20))
    await _price(engine, costs, "copy a session", lambda: sessions.copy(OWNER, id))
    await _price_conflict_copy(stores, engine, costs, id, next(versions))
    await _price(engine, costs, "delete a session", lambda: sessions.delete(OWNER, id))
    await sessions.drain()


async def _price_deltas(stores: Stores, known: Stores, engine: ReckoningEngine, costs: Costs, id: str) -> None:
    edit, base = edited(costs.state.content), costs.state.content.encode()
    first = await stores.sessions.save(OWNER, id, SessionChange(content=pack(base)))

    async def save(by: Stores, etag: str, delta: bytes, result: bytes) -> SessionHead:
        made = ContentDelta(etag, delta, hashlib.sha256(result).hexdigest())
        head = await by.sessions.save_delta(OWNER, id, made, Conditions({etag}))
        await by.sessions.drain()
        return head

    etag = first.metadata.etag
    second = await _price(engine, costs, "save by delta", lambda: save(stores, etag, edit.there, edit.content))
    await known.sessions.get(OWNER, id)
    etag = second.metadata.etag
    await _price(engine, costs, "save by delta, base in memory", lambda: save(known, etag, edit.back, base))


async def _price_conflict_copy(
    stores: Stores, engine: ReckoningEngine, costs: Costs, id: str, change: SessionChange
) -> None:
    """Records what a stale save with `on_conflict=copy` costs."""
    conditions = Conditions({'"1-0123456789abcdef"'}, save_id="key")

    async def save() -> object:
        return await stores.sessions.save(OWNER, id, change, conditions)

    await _price(
        engine,
        costs,
        "conflict copy",
        lambda: stores.conflict_copies.save_or_copy(OWNER, id, change, conditions, save),
    )


async def _price_sync(stores: Stores, engine: ReckoningEngine, costs: Costs) -> None:
    """Five sessions, because five of the largest state are almost as much as one call takes."""
    versions = _versions(costs.state)
    ids = [f"session-{number:04}" for number in range(5)]
    new = NewSession(title=TITLE, description=DESCRIPTION, content=pack("{}"), device_info=DEVICE)
    await stores.sync.apply_together(OWNER, [CreateItem(id, new, SessionStatus.ACTIVE) for id in ids])

    async def sync() -> None:
        await stores.sync.apply_together(OWNER, [SaveItem(id, next(versions)) for id in ids])
        await stores.sessions.drain()

    for _ in range(SAVES_BEFORE):
        await sync()
    await _price(engine, costs, "sync 5 sessions", sync)


async def _price_sweep(engine: ReckoningEngine, costs: Costs, save: Callable[[], Awaitable[None]]) -> None:
    """Records what a run of the timer costs more if a session was saved since the last run, once or twice."""
    stores = stores_over(engine, replace(SETTINGS.store_rules(), timers=TimerRules(settle_grace=timedelta(0))))

    async def sweep(saves: int) -> list[Call]:
        for _ in range(saves):
            await save()
        engine.calls.clear()
        await stores.timers.run("sweep_sessions")
        return list(engine.calls)

    await sweep(0)
    nothing, one, two = await sweep(0), await sweep(1), await sweep(2)
    _record(costs, "sweep a session", one, nothing)
    _record(costs, "sweep one content more", two, one)


async def _measure_snapshots(stores: Stores, engine: ReckoningEngine, costs: Costs) -> None:
    snapshots, logs = stores.snapshots, stores.access_logs
    new = NewSnapshot(title=TITLE, description=DESCRIPTION, content=pack(costs.state.content))

    created = await _price(engine, costs, "create a snapshot", lambda: snapshots.create(OWNER, new))
    id = created.id

    async def visit() -> None:
        await snapshots.get(VISITOR, id)
        await logs.drain()

    costs.items["snapshot"] = max(call.size for call in engine.calls)
    await _price(engine, costs, "open a snapshot for the first time", visit)
    await _price(engine, costs, "open a snapshot again", visit)
    sort = Sort("last_visited_at", descending=True)
    await _price(engine, costs, "list 1 visited", lambda: logs.page(VISITOR, sort=sort, page_size=5))
    await _price(engine, costs, "delete a snapshot", lambda: snapshots.delete(OWNER, id))


async def _price(engine: ReckoningEngine, costs: Costs, operation: str, run: Callable[[], Awaitable[R]]) -> R:
    """Records the cost of an operation. Its calls stay in `engine.calls`."""
    engine.calls.clear()
    result = await run()
    _record(costs, operation, engine.calls)
    return result


def _record(costs: Costs, operation: str, calls: Sequence[Call], without: Sequence[Call] = ()) -> None:
    def total(of: Callable[[Call], float]) -> float:
        return sum(map(of, calls)) - sum(map(of, without))

    costs.units[operation] = (total(lambda call: call.at(strong=True)), total(lambda call: call.at(strong=False)))
    costs.traffic[operation] = (
        total(lambda call: call.size if call.reads else 0),
        total(lambda call: call.size if call.writes else 0),
    )


def _versions(state: State) -> Iterator[SessionChange]:
    """Yields new contents of the state's size without end."""
    return (SessionChange(content=pack(state.variant(number))) for number in count())


def tables(measured: list[Costs]) -> Iterator[str]:
    """Yields the tables of docs/cost.md, line by line."""
    labels = [costs.state.label for costs in measured]
    yield from _table(
        ["bytes of one item", *labels],
        *([item, *(f"{costs.items[item]:,}" for costs in measured)] for item in measured[0].items),
    )
    yield from _table(
        ["KB read / written", *labels],
        *(
            [operation, *(" / ".join(map(_kilobytes, costs.traffic[operation])) for costs in measured)]
            for operation in measured[0].traffic
        ),
    )
    yield from _table(
        ["request units, Strong / Session", *labels],
        *(
            [operation, *(" / ".join(map(_units, costs.units[operation])) for costs in measured)]
            for operation in measured[0].units
        ),
    )
    typical = next(costs for costs in measured if costs.state.label == TYPICAL)
    for cells in month.tables(typical.units, typical.items):
        yield from _table(*cells)


def _kilobytes(size: float) -> str:
    return _units(size / 1000) if size else "0"


def _units(units: float) -> str:
    return f"{units:,.0f}" if units >= 10 else f"{units:.1f}"


def _table(head: list[str], *rows: list[str]) -> Iterator[str]:
    for row in (head, ["---"] + ["---:"] * (len(head) - 1), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def main() -> None:
    """Prints the tables."""
    measured = [asyncio.run(measure(state)) for state in states()]
    if not all(costs.state.real for costs in measured):
        print("The states are generated, because the real ones are missing.", file=sys.stderr)
    for line in tables(measured):
        print(line)


if __name__ == "__main__":
    main()
