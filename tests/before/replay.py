"""Sends recorded requests to a real server over a copy of `store.db.gz`, and reports responses that differ.

An early commit made the store and the requests; `tests/before/make.py` in commit 82a1b84 says how.
`responses.json` holds the requests and that commit's responses. After a change that clients are meant to see,
record the responses again, with the same store and the same requests, and read the diff:

    python -m tests.before.replay
"""

import base64
import gzip
import http.client
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost

HERE = Path(__file__).resolve().parent
STORE, RESPONSES = HERE / "store.db.gz", HERE / "responses.json"

_YEAR_SECONDS = 366 * 24 * 60 * 60
_NEVER = "0 0 0 29 2 *"
SETTINGS: Mapping[str, str] = {
    "STORE_ENGINE": "sqlite",
    "AUTH_MODE": "local",
    "KEEP_REVISIONS": "20",
    "AUTOSAVE_COALESCE_SECONDS": "60",
    "DRAFT_RETENTION_DAYS": "30",
    "TOMBSTONE_RETENTION_DAYS": "30",
    "SETTLE_GRACE_SECONDS": "900",
    # The times in the store are years apart, so no read is recorded as an access.
    "TOUCH_INTERVAL_SECONDS": str(_YEAR_SECONDS),
    "SHOW_VISITORS": "true",
    "SNAPSHOT_OPENS_PER_MINUTE": "0",
    "EXPOSE_CHARGE": "false",
    # Only tests run timers.
    "CLEANUP_SCHEDULE": _NEVER,
    "PURGE_SCHEDULE": _NEVER,
}
"""The settings of every server here. They include defaults, so that a new default changes no response."""

TIMERS = ("mark_deleted_snapshot_logs", "sweep_sessions", "purge_stale_drafts", "purge_stale_drafts")
"""The first run of the daily one deletes nothing."""

# Headers of the server or of the connection, not of the API.
_NOT_OURS = frozenset({"date", "server", "connection"})
# Headers with these values are not recorded. A missing one is recorded as null.
_USUAL = {
    "cache-control": "no-store, private",
    "content-type": "application/json",
    "vary": "Origin",
    "x-content-type-options": "nosniff",
}
_VARIES = "(varies)"
_YEARS_OF_THE_STORE = ("2020-", "2090-", "2150-")
_WORDS = "(words)"
_PROBLEM = "application/problem+json"
_INLINE_MAX_CHARACTERS = 600
_SECONDS = 20


@dataclass
class Exchange:
    """A request and its response.

    body     text, or `{"gzip": base64}` if it is long or not UTF-8
    keeps    a name for the id in the response. `{name}` stands for that id in later requests and in all responses
    varies   members and headers whose values depend on the time of the call. Times from the store do not
    waits    True if background work changes the response. It is then retried until it is the recorded one
    """

    user: str
    call: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    keeps: str = ""
    varies: list[str] = field(default_factory=list)
    waits: bool = False
    response: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns one line of JSON, without fields that are not set."""
        return json.dumps(
            {name: value for name, value in vars(self).items() if value or name == "user"}, ensure_ascii=False
        )


@dataclass
class Section:
    """Exchanges in order, on one new copy of the store. If `timers`, the timers run first and remove `removed`."""

    settings: dict[str, str]
    exchanges: list[Exchange]
    timers: bool = False
    removed: list[str] = field(default_factory=list)


class Calls:
    """A connection to one server, and the ids in its responses by name."""

    def __init__(self, server: DevhostServer) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._ids: dict[str, str] = {}

    def close(self) -> None:
        self._connection.close()

    def make(self, exchange: Exchange) -> tuple[int, dict[str, str], bytes]:
        """Sends the request. Returns status, headers by lower-case name, and body."""
        method, _, target = self._filled(exchange.call).partition(" ")
        body = None if exchange.body is None else self._filled_bytes(unpacked(exchange.body))
        headers = {"X-User-Id": exchange.user, **exchange.headers}
        names = {name.lower() for name in headers}
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            headers["Content-Length"] = str(len(body))
        if body is not None and "content-type" not in names:
            headers["Content-Type"] = "application/json"
        self._connection.putrequest(method, target, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in headers.items():
            self._connection.putheader(name, self._filled(value))
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return response.status, received, response.read()

    def respond(self, exchange: Exchange) -> dict[str, Any]:
        """Sends the request. Returns the response as it is recorded."""
        status, headers, body = self.make(exchange)
        if exchange.keeps and status < 300:
            value = json.loads(body)
            self._ids[exchange.keeps] = value if isinstance(value, str) else value.get("metadata", value)["id"]
        ignored = {name.lower() for name in exchange.varies}
        if headers.get("content-length") == str(len(body)):
            del headers["content-length"]
        shown = {
            name: _VARIES if name in ignored else self._named(value)
            for name, value in sorted(headers.items())
            if name not in _NOT_OURS and _USUAL.get(name) != value
        }
        response: dict[str, Any] = {
            "status": status,
            "headers": shown | dict.fromkeys(sorted(_USUAL.keys() - headers.keys())),
        }
        if headers.get("content-type", "").split(";")[0] == _PROBLEM:
            response["problem"] = _without(_without_words(json.loads(body)), frozenset(exchange.varies))
        elif exchange.varies and body:
            # An export has one value a line.
            values = [json.loads(line) for line in self._named(body.decode()).rstrip("\n").split("\n")]
            shown_values = [_without(value, frozenset(exchange.varies)) for value in values]
            response["json"] = packed("\n".join(json.dumps(value) for value in shown_values).encode())
        elif body:
            for id_name, id in self._ids.items():
                body = body.replace(id.encode(), b"{" + id_name.encode() + b"}")
            response["body"] = packed(body)
        return response

    def check(self, exchange: Exchange) -> str:
        """Sends the request. Returns how the response differs from the recorded one, or ""."""
        deadline = time.monotonic() + _SECONDS
        while True:
            response = self.respond(exchange)
            if _readable(response) == _readable(exchange.response):
                return ""
            if not exchange.waits or time.monotonic() > deadline:
                return _difference(exchange, response)
            time.sleep(0.05)

    def _filled(self, text: str) -> str:
        for name, value in self._ids.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _filled_bytes(self, body: bytes) -> bytes:
        for name, value in self._ids.items():
            body = body.replace(b"{" + name.encode() + b"}", value.encode())
        return body

    def _named(self, text: str) -> str:
        for name, value in self._ids.items():
            text = text.replace(value, "{" + name + "}")
        return text


def packed(body: bytes) -> Any:
    """Returns a body as it is recorded."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if text and len(text) <= _INLINE_MAX_CHARACTERS:
        return text
    return {"gzip": base64.b64encode(gzip.compress(body, mtime=0)).decode()}


def unpacked(body: Any) -> bytes:
    """The reverse of `packed`."""
    return body.encode() if isinstance(body, str) else gzip.decompress(base64.b64decode(body["gzip"]))


CREATED = tuple(f"sessions/{kind}/" for kind in ("activity", "last_run", "rules_in_force", "timer", "trash_sum"))
"""What a run of the timers may create."""


def unpack_store(folder: Path) -> None:
    """Puts a copy of the store into a folder, for a server with this DATA_DIR."""
    (folder / "savepoint.db").write_bytes(gzip.decompress(STORE.read_bytes()))


@contextmanager
def serving(folder: Path, settings: Mapping[str, str]) -> Iterator[DevhostServer]:
    """Runs a server over the store in that folder."""
    with run_devhost(REPOSITORY, {**SETTINGS, **settings, "DATA_DIR": str(folder)}) as server:
        yield server


@contextmanager
def calling(folder: Path, settings: Mapping[str, str]) -> Iterator[Calls]:
    """As `serving`, with a connection to it."""
    with serving(folder, settings) as server, closing(Calls(server)) as calls:
        yield calls


def run_timers(folder: Path) -> list[str]:
    """Runs each timer. Returns the removed items. Asserts that all new ones are lines of activity, rules in force,
    or the timers' own note."""
    before = items(folder)
    with serving(folder, {}) as server:
        for number, timer in enumerate(TIMERS):
            with closing(Calls(server)) as calls:
                assert calls.make(Exchange("", f"POST /admin/functions/{timer}"))[0] == 202
            _wait_for_line(server, f"{timer}: ", TIMERS[: number + 1].count(timer))
        # The exit waits for background work.
        assert server.stop() == 0, server.stderr()
        assert "Traceback" not in server.stderr(), server.stderr()
    after = items(folder)
    created = {item for item in after - before if not item.startswith(CREATED)}
    assert not created, f"the timers created {created}"
    return sorted(before - after)


def items(folder: Path) -> set[str]:
    """Returns every item in the file, as `container/kind/partition/id`."""
    with closing(sqlite3.connect(folder / "savepoint.db")) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            f"{table}/{kind}/{partition}/{id}"
            for table in tables
            for kind, partition, id in connection.execute(f"SELECT kind, partition, id FROM {table}")
        }


def load() -> dict[str, Section]:
    """Returns the recorded sections by name."""
    sections = json.loads(RESPONSES.read_text())
    return {
        name: Section(**{**section, "exchanges": [Exchange(**each) for each in section["exchanges"]]})
        for name, section in sections.items()
    }


def save(sections: Mapping[str, Section]) -> None:
    """Writes the record, one exchange a line."""
    parts = []
    for name, section in sections.items():
        head = {key: value for key, value in vars(section).items() if key != "exchanges"}
        lines = ",\n".join(each.to_json() for each in section.exchanges)
        parts.append(f'"{name}": {json.dumps(head)[:-1]}, "exchanges": [\n{lines}\n]}}')
    RESPONSES.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def record(section: Section) -> None:
    """Sends all requests of a section, and records the responses."""
    with tempfile.TemporaryDirectory() as name:
        unpack_store(Path(name))
        if section.timers:
            section.removed = run_timers(Path(name))
        with calling(Path(name), section.settings) as calls:
            for exchange in section.exchanges:
                if exchange.waits:
                    time.sleep(2)
                exchange.response = calls.respond(exchange)


def _wait_for_line(server: DevhostServer, word: str, times: int) -> None:
    """Waits until the server has logged the name of a timer that often, which it does after each run."""
    deadline = time.monotonic() + _SECONDS
    while server.stderr().count(word) < times:
        assert time.monotonic() < deadline, f"{word} has not run:\n{server.stderr()}"
        time.sleep(0.05)


def _readable(response: Mapping[str, Any]) -> dict[str, Any]:
    """Unpacks bodies, because gzip output differs between machines. Problems become text, to compare the order."""
    bodies = {
        name: unpacked(response[name]).decode(errors="surrogateescape")
        for name in ("body", "json")
        if name in response
    }
    problem = {"problem": json.dumps(response["problem"])} if "problem" in response else {}
    return {**response, **bodies, **problem}


def _difference(exchange: Exchange, response: Mapping[str, Any]) -> str:
    before, after = _readable(exchange.response), _readable(response)
    parts = [f"{exchange.user}: {exchange.call} {exchange.headers or ''}"]
    for name in sorted(before.keys() | after.keys()):
        was, now = ascii(before.get(name)), ascii(after.get(name))
        if was != now:
            at = next(
                (i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now))
            )
            start = max(0, at - 60)
            parts.append(f"  {name} was ...{was[start : at + 200]}\n  {name}  is ...{now[start : at + 200]}")
    return "\n".join(parts)


def _without_words(problem: dict[str, Any]) -> dict[str, Any]:
    """Returns a problem with a placeholder for each text that people read."""
    shown = {name: _WORDS if name in ("title", "detail") and value else value for name, value in problem.items()}
    shown["error"] = {**problem["error"], "message": _WORDS if problem["error"]["message"] else ""}
    if "errors" in problem:
        shown["errors"] = [{**fault, "detail": _WORDS if fault["detail"] else ""} for fault in problem["errors"]]
    return shown


def _is_of_the_call(value: Any) -> bool:
    """Returns True if the value is not a time from the store."""
    return isinstance(value, int) or (isinstance(value, str) and not value.startswith(_YEARS_OF_THE_STORE))


def _without(value: Any, varies: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _VARIES if name in varies and _is_of_the_call(inner) else _without(inner, varies)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_without(inner, varies) for inner in value]
    return value


if __name__ == "__main__":
    recorded = load()
    for each in recorded.values():
        record(each)
    save(recorded)
