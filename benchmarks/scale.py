"""The same requests of people who keep few things and of people who keep many: `--only scale`.

Each kind of request is one line in `LISTS`, and each kind of person one line of `seed_people`.
"""

from collections.abc import Iterator
from itertools import cycle

from benchmarks.client import encoded
from benchmarks.measure import Side
from benchmarks.people import CONTENT, FEW, People
from benchmarks.requests import SESSIONS, Conversation, Operation
from benchmarks.servers import Servers
from benchmarks.states import new_session, session_update

LIMITS = dict.fromkeys(("SESSIONS_MAX", "DRAFTS_MAX", "SNAPSHOTS_MAX", "STORED_BYTES_MAX"), str(10**12))
"""The settings of the server with limits, which nobody reaches."""

_BASE = "/api/persistence"

LISTS = (
    # The people, the request, and the name in the results.
    ("sessions", "sessions?page_size=20", "list, of sessions"),
    ("sessions", "restore", "restore, of sessions"),
    ("sessions", "drafts?page_size=20", "drafts, among sessions"),
    ("drafts", "sessions?page_size=20", "list, among drafts"),
    ("drafts", "restore", "restore, of drafts"),
    ("drafts", "drafts?page_size=20", "drafts, of drafts"),
    ("drafts", "drafts/latest", "drafts/latest, of drafts"),
    ("tombstones", "sessions?page_size=20", "list, among tombstones"),
    ("tombstones", "restore", "restore, among tombstones"),
    ("tombstones", "drafts?page_size=20", "drafts, among tombstones"),
    ("visits", "snapshots?page_size=20", "snapshots, of a mere visitor"),
    ("visits", "snapshot_access_logs?page_size=20", "visits, of a mere visitor"),
)
USAGE = "usage"


def comparisons(people: People, servers: Servers) -> Iterator[tuple[str, Side, str, Side]]:
    """Yields the name, one side, what it is compared with, and the other side."""
    server = servers.real
    for owner, path, name in LISTS:
        sides = [Side(_get(f"{owner}-{number}", path), server) for number in (people.many, FEW)]
        yield name, sides[0], str(FEW), sides[1]
    usages = [Side(_usage(f"sessions-{number}", people.saved[number]), server) for number in (people.many, FEW)]
    yield USAGE, usages[0], str(FEW), usages[1]
    assert servers.limited is not None, "it was started for this part"
    for make in (_save, _create):
        operation = make(f"sessions-{people.many}", people.saved[people.many])
        name = f"{operation.name} with limits"
        yield name, Side(operation, servers.limited), "without limits", Side(operation, server)


def _get(owner: str, path: str) -> Operation:
    request = encoded("GET", f"{_BASE}/{path}", {"X-User-Id": owner})
    return Operation(path, 200, lambda client: _repeated([request]))


def _usage(owner: str, saved: list[str]) -> Operation:
    """Counts the usage after each save, because a process remembers it otherwise."""
    headers = {"X-User-Id": owner}
    usage = encoded("GET", f"{_BASE}/usage", headers)
    titles = [f'{{"title": "{title}"}}'.encode() for title in ("One", "Other")]

    def start(client: int) -> Conversation:
        renames = [encoded("PUT", f"{SESSIONS}/{saved[client]}", headers, title) for title in titles]
        return _repeated([renames[0], usage, renames[1], usage])

    return Operation(USAGE, 200, start, measured_every=2)


def _save(owner: str, saved: list[str]) -> Operation:
    # The contents alternate in size, so that each second save grows.
    bodies = [session_update(CONTENT[: 1_000 + number]) for number in range(2)]

    def start(client: int) -> Conversation:
        path = f"{SESSIONS}/{saved[client]}"
        return _repeated([encoded("PUT", path, {"X-User-Id": owner}, body) for body in bodies])

    return Operation("save", 200, start)


def _create(owner: str, _: list[str]) -> Operation:
    request = encoded("POST", SESSIONS, {"X-User-Id": owner}, new_session(CONTENT))
    return Operation("create", 201, lambda client: _repeated([request]))


def _repeated(requests: list[bytes]) -> Conversation:
    for request in cycle(requests):
        _ = yield request  # not "yield from": a list takes no responses
