"""`owners`: how much each person keeps, the largest first, as CSV."""

import csv
import sys
from argparse import ArgumentParser, Namespace

from operations.items import partitions
from operations.pace import Paced
from operations.places import Place
from operations.terminal import Terminal
from persistence import stores_over
from persistence.limits import KEPT_BYTES
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS
from persistence.storage.engine import Engine
from persistence.storage.query import Aggregate, Query

HELP = "list how much each person keeps, the largest first"
COLUMNS = ("owner", "bytes", "sessions", "drafts", "snapshots", "last_activity")


def add_arguments(parser: ArgumentParser) -> None:
    """It has none."""


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    async with place.opened() as opened:
        engine = Paced(opened, arguments.calls_per_second, arguments.units_per_second)
        names = set[str]()
        for container in (SESSIONS, SNAPSHOT_ACCESS_LOGS):
            names |= {name async for name in partitions(engine, container)}
        rows = []
        for number, name in enumerate(sorted(names), 1):
            rows.append(await _row(engine, name))
            terminal.progress("Counting", number, len(names))
    rows.sort(key=lambda row: (-int(row["bytes"] or 0), str(row["owner"])))
    if arguments.json:
        for row in rows:
            terminal.result(row, "")
    else:
        table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return 0


async def _row(engine: Engine, owner_id: str) -> dict[str, str | int | None]:
    used = await stores_over(engine).limits.usage(owner_id)
    heads = Query("session", owner_id, ("id",))
    last = await engine.aggregate(SESSIONS, heads, Aggregate.MAX, "metadata.last_accessed_at")
    numbers = {name: used[name] for name in ("sessions", "drafts", "snapshots")}
    return {
        "owner": owner_id,
        "bytes": used[KEPT_BYTES],
        **numbers,
        "last_activity": None if last is None else str(last),
    }
