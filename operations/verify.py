"""`verify`: reads every item, and reports what is damaged, orphaned or counted wrongly, by id and kind.

For certainty, run it in read-only mode: what is being written meanwhile can look wrong for a moment.
"""

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator

from operations.checks import Finding, repaired
from operations.items import count, partitions
from operations.pace import Paced
from operations.places import CURE, FILE, Place
from operations.sessions_check import check_sessions
from operations.snapshots_check import check_entries, check_snapshot
from operations.terminal import Terminal
from operations.usage_check import shown_numbers
from persistence import stores_over
from persistence.storage.containers import CONTAINERS, SESSIONS, SNAPSHOT_ACCESS_LOGS, SNAPSHOTS
from persistence.storage.engine import Engine

HELP = "check every item; --repair mends what can be derived"
FOUND = 1
_CHECKS = {SESSIONS.name: check_sessions, SNAPSHOTS.name: check_snapshot, SNAPSHOT_ACCESS_LOGS.name: check_entries}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="mend counts and derived fields, remove orphans")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    found, mended = Counter[str](), 0
    async with place.opened() as opened:
        engine = Paced(opened, arguments.calls_per_second, arguments.units_per_second)
        damage = await place.damage()
        if damage is not None:
            found["damaged"] += 1
            wrong = {"fault": "damaged", "container": "", "kind": "file", "id": FILE}
            terminal.result(
                {**wrong, "repaired": False}, f"damaged file {damage}; {CURE}. Nothing is repaired before."
            )
        async for finding in _findings(engine, terminal):
            is_mended = arguments.repair and damage is None and await repaired(engine, finding)
            mended += is_mended
            found[finding.fault] += 1
            named = finding.named()
            terminal.result({**named, "repaired": is_mended}, " ".join([*named.values(), "repaired" * is_mended]))
    total = sum(found.values())
    summary = ", ".join(f"{fault} {number}" for fault, number in sorted(found.items())) or "nothing"
    terminal.result({"found": total, "repaired": mended}, f"Found {summary}. Repaired {mended}.")
    return FOUND if total > mended else 0


async def _findings(engine: Engine, terminal: Terminal) -> AsyncIterator[Finding]:
    """Yields the findings of a partition when all of it is checked, so that a repair changes nothing under way."""
    total, done = await count(engine, CONTAINERS), 0
    shown = shown_numbers(stores_over(engine).kinds)
    for container in CONTAINERS:
        async for partition in partitions(engine, container):
            found = list[Finding]()
            async for finding in _CHECKS[container.name](engine, partition, shown):
                if finding is None:
                    done += 1
                    terminal.progress("Checking", done, total)
                else:
                    found.append(finding)
            for each in found:
                yield each
