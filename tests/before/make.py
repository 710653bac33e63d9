"""Wrote `store.db.gz` and `responses.json`, once, by commit 13b5bcd: the stored format of November 2026, number 1.

NOT to be run again: newer code would write a newer store, which proves nothing. It stays here to say what the
store holds. That commit's HTTP endpoints and its timer wrote everything. A row that had to be left half-done was
left by an engine that died at that point.

The clock stood in 2020 for what the timers are to take away, and in 2090 for everything else: nothing of that
expires, or counts as opened long ago, in the life of these tests.
"""

import asyncio
import gzip
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from persistence import stores_over
from tests.before.replay import STORE, Calls, Exchange, Section, calling, packed, record, save, unpack_store
from tests.conftest import SETTINGS
from tests.support.breaking import Dies
from tests.support.clock import Clock
from tests.support.http import Client, Response
from tests.support.storage import on_sqlite

API = "/api/persistence"
SESSIONS, DRAFTS = "persistence/sessions", "persistence/drafts"
SNAPSHOTS, LOGS = "persistence/snapshots", "persistence/snapshot_access_logs"
UNICODE = "Ünïcode – 東京 🗺️"
CREATED_WITH_KEY = {
    "title": "Made once",
    "description": "with a key",
    "content": '{"made": "once"}',
    "app": "mapper",
}
SNAPSHOT_WITH_KEY = {"title": "Link made once", "description": "with a key", "content": "frozen once"}
LARGE = "".join(f"{i % 50},{i % 50 * 997},Grünfläche {i % 25}\r\n" for i in range(9_000))
CARL = "carl@example.org"
TEXT, MERGE = {"Content-Type": "text/plain"}, {"Content-Type": "application/merge-patch+json"}


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


# ---- the store


async def write_store(folder: Path, clock: Clock) -> None:
    clock.tick = timedelta(milliseconds=7, microseconds=3)
    stores: Any = on_sqlite(folder).open()
    stores = stores_over(stores.engine, SETTINGS)
    ann = Client(stores, SETTINGS)
    clock.at = datetime(2020, 1, 10, 9, tzinfo=UTC)
    await write_old(stores, ann, clock)
    clock.at = datetime(2090, 6, 1, 8, tzinfo=UTC)
    await write_sessions(ann, clock)
    await write_drafts(ann, clock)
    await write_snapshots(stores, ann, clock)
    short_history = SETTINGS.model_copy(update={"keep_revisions": 3})
    short: Any = stores_over(stores.engine, short_history)
    await write_short_history(Client(short, short_history), clock)
    await short.sessions.drain()
    long_history = SETTINGS.model_copy(update={"keep_revisions": 100})
    await write_long_histories(Client(stores_over(stores.engine, long_history), long_history, "dora"), clock)
    await stores.close()


async def write_old(stores: Any, ann: Client, clock: Clock) -> None:
    """What the timers find, and what an earlier run of one has left."""
    old = await made(ann, "Old notes")
    ok(await ann.put(old, {"content": "two", "title": "Old notes, renamed"}), 200)
    ok(await ann.delete(await made(ann, "Gone for years")), 204)
    ok(await ann.delete(await shared(ann, "Link gone for years")), 204)
    clock.advance(days=1)
    await stores.cleanup.run()  # settles those two, and leaves watermarks

    clock.advance(days=20)
    ok(await ann.delete(await made(ann, "Deleted, not emptied")), 204)
    ok(await ann.post(SESSIONS, new("Made with an old key"), key("old key")), 201)
    ok(await ann.put(f"{DRAFTS}/oldDraft0001", {"content": "stale", "app": "mapper", "title": "Stale"}), 201)
    ok(await ann.put(f"{DRAFTS}/oldDraft0002", {"content": "stale, too"}), 201)
    deleted = await shared(ann, "Old link", description="words to be taken away")
    ok(await ann.of("bob").get(deleted), 200)
    expired = await shared(ann, "Expired", expiresAt="2020-03-01T00:00:00Z")
    ok(await ann.of("bob").get(expired), 200)
    ok(await ann.of(CARL).get(expired), 200)
    await stores.access_logs.drain()
    ok(await ann.delete(deleted), 204)

    # Creates that ended before the snapshot was written, and before its row was confirmed.
    for title, at in (("Never made", 1), ("Made, not listed", 2)):
        half = stores_over(Dies(stores.engine, at, applied=True), SETTINGS)
        ok(await Client(half, SETTINGS).post(SNAPSHOTS, {"title": title, "content": "half"}), 503)
    # A save that ended before the content that it pruned was removed.
    one = SETTINGS.model_copy(update={"keep_revisions": 1})
    dying: Any = stores_over(Dies(stores.engine, 3), one)
    ok(await Client(dying, one).put(old, {"content": "three"}), 200)
    await dying.sessions.drain()


async def write_sessions(ann: Client, clock: Clock) -> None:
    """Every status, every action, and contents of every sort."""
    wells = await made(
        ann,
        "Wells",
        description="Where the water is",
        content=json.dumps({"zoom": 3, "layers": ["Brunnen", "水源"]}, ensure_ascii=False),
        app="mapper",
        deviceInfo="Firefox on Linux",
        mediaType="application/json",
    )
    for zoom in (4, 5):
        clock.advance(minutes=5)
        ok(await ann.put(wells, {"content": f'{{"zoom": {zoom}}}', "deviceInfo": "Safari on iPad"}), 200)
    ok(await ann.call("PATCH", wells, {"title": "Wells of June"}, MERGE), 200)
    clock.advance(minutes=1)
    ok(await ann.post(f"{wells}/revisions/1/restore", None), 200)
    for minutes in (5, 0.2, 0.2, 3, 0.1):
        clock.advance(minutes=minutes)
        ok(await ann.call("PUT", wells, {"content": f"auto {clock.at}"}, query={"autosave": "true"}), 200)
    clock.advance(minutes=1)
    ok(await ann.put(f"{wells}/content", b'{"zoom": 9}', {"Content-Type": "application/json"}), 200)

    strange = await made(
        ann, UNICODE, description="naïve\u2028two", content="\ufeffline\r\nend\n\u0000\u0007 🧭 \\u0041"
    )
    clock.advance(minutes=1)
    ok(
        await ann.put(
            f"{strange}/content", gzip.compress("gezippt: äöü".encode()), {**TEXT, "Content-Encoding": "gzip"}
        ),
        200,
    )
    ok(await ann.put(f"{await made(ann, 'Large')}/content", LARGE.encode(), {"Content-Type": "text/csv"}), 200)
    await made(ann, "Empty", content="")
    pruned = await made(ann, "Pruned")
    for number in range(26):
        clock.advance(minutes=2)
        ok(await ann.put(pruned, {"content": f"save {number}"}, key(f"prune {number}")), 200)
    for action in ("close", "reopen"):
        reopened = await made(ann, f"For {action}", description="Read-only", app="planner")
        ok(await ann.post(f"{reopened}/close", None), 200)
        if action == "reopen":
            ok(await ann.post(f"{reopened}/reopen", None), 200)
    ok(await ann.delete(await made(ann, "Deleted", description="secret", app="mapper")), 204)
    ok(await ann.post(SESSIONS, CREATED_WITH_KEY, key("create 1")), 201)
    for title in ("Twin", "Twin", "twin", "wells of may", "Zebra", "äpfel", "100% sure_thing", "a"):
        clock.advance(hours=7)
        await made(ann, title, app="planner" if title == "Twin" else None, content=f"{title}!")
    autosaved = await made(ann, "Autosaved")
    for number in range(3):
        clock.advance(seconds=20)
        ok(await ann.call("PUT", autosaved, {"content": f"auto {number}"}, query={"autosave": "true"}), 200)
    bob = ann.of("bob")
    for number in (1, 2):
        await made(bob, f"Bob's {number}", content=f"of bob {number}")


async def write_drafts(ann: Client, clock: Clock) -> None:
    for number, device in ((1, "Firefox on Linux"), (2, "Safari on iPad"), (3, None)):
        path = f"{DRAFTS}/draftAnn000{number}"
        body = {"content": "d", "deviceInfo": device, "app": "mapper" if number < 3 else None}
        ok(
            await ann.put(path, {name: value for name, value in body.items() if value}, key(f"draft {number}")),
            201,
        )
        for content in ("dr", "dra", "draft"):
            clock.advance(seconds=40)
            ok(await ann.put(path, {"content": content}), 200)
        ok(
            await ann.call(
                "PUT",
                path,
                {"content": f"draft {number}", "title": f"Draft {number}"},
                query={"autosave": "false"},
            ),
            200,
        )
    ok(
        await ann.put(
            f"{DRAFTS}/promotedAnn1", {"content": "grown up", "app": "mapper", "mediaType": "text/x-map"}
        ),
        201,
    )
    clock.advance(minutes=3)
    ok(await ann.put(f"{DRAFTS}/promotedAnn1", {"content": "grown up now", "title": "Promoted"}), 200)
    ok(await ann.post(f"{DRAFTS}/promotedAnn1/promote", None), 200)
    ok(await ann.put(f"{DRAFTS}/discardedAnn", {"content": "no"}), 201)
    ok(await ann.delete(f"{DRAFTS}/discardedAnn"), 204)
    ok(await ann.of("bob").put(f"{DRAFTS}/draftBob0001", {"content": "of bob"}), 201)


async def write_snapshots(stores: Any, ann: Client, clock: Clock) -> None:
    async def visit(visitor: Client, path: str, times: int = 1) -> None:
        for _ in range(times):
            clock.advance(minutes=1)
            ok(await visitor.get(path), 200)
            await stores.access_logs.drain()

    bob, carl = ann.of("bob"), ann.of(CARL)
    [wells] = (await ann.get(SESSIONS, filter_title="wells of june")).json["items"]
    content = await shared(
        ann, "Link of content", description="für alle", app="mapper", mediaType="text/x-map", content="frozen ❄"
    )
    session = ok(await ann.post(SNAPSHOTS, {"sessionId": wells["id"], "app": "mapper"}), 201).json
    renamed = ok(await ann.post(SNAPSHOTS, {"sessionId": wells["id"], "title": "link of session"}), 201).json
    lasting = await shared(ann, "Until 2150", expiresAt="2150-01-01T00:00:00+01:00")
    deleted, hidden = await shared(ann, "Deleted link", description="secret"), await shared(ann, "Hidden link")
    ok(await ann.post(SNAPSHOTS, SNAPSHOT_WITH_KEY, key("snapshot 1")), 201)
    for title in ("Ökokarte", "alpha", "Alpha", "zulu", "100% sure_thing"):
        clock.advance(hours=5)
        await shared(ann, title, content=title * 3)
    of_bob = await shared(bob, "Bob's link", app="mapper")
    await visit(bob, content, 3)
    await visit(carl, content)
    await visit(ann, content, 2)
    for path in (f"{SNAPSHOTS}/{session}", f"{SNAPSHOTS}/{renamed}", lasting, deleted, hidden):
        await visit(bob, path)
    await visit(carl, deleted, 2)
    await visit(ann, of_bob)
    await visit(carl, lasting)
    ok(await ann.delete(deleted), 204)
    ok(await ann.delete(hidden.replace(SNAPSHOTS, LOGS)), 204)
    ok(await carl.delete(lasting.replace(SNAPSHOTS, LOGS)), 204)


async def write_short_history(ann: Client, clock: Clock) -> None:
    """Versions that have left the history, and are remembered for their keys."""
    path = await made(ann, "Short history")
    for number in range(8):
        clock.advance(minutes=2)
        ok(await ann.put(path, {"content": f"short {number}"}, key(f"short {number}")), 200)


async def write_long_histories(dora: Client, clock: Clock) -> None:
    """More lines than one response of the export has."""
    for number in range(11):
        path = await made(dora, f"History {number}")
        for version in range(2, 100):
            clock.advance(minutes=1)
            ok(await dora.call("PATCH", path, {"title": f"{number}.{version}"}, MERGE), 200)
    await shared(dora, "Dora's link")


def new(title: str, **fields: Any) -> dict[str, Any]:
    given = {"title": title, "description": None, "content": f"content of {title}", **fields}
    return {name: value for name, value in given.items() if value is not None or name == "description"}


async def made(client: Client, title: str, **fields: Any) -> str:
    """The path of a new session."""
    return f"{SESSIONS}/{ok(await client.post(SESSIONS, new(title, **fields)), 201).json}"


async def shared(client: Client, title: str, **fields: Any) -> str:
    """The path of a new snapshot."""
    return f"{SNAPSHOTS}/{ok(await client.post(SNAPSHOTS, new(title, **fields)), 201).json}"


def ok(response: Response, status: int) -> Response:
    assert response.status == status, (response.status, response.body)
    return response


def pack_store(folder: Path) -> None:
    """One file, without a log beside it."""
    whole = folder / "whole.db"
    with closing(sqlite3.connect(folder / "savepoint.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(whole),))
    STORE.write_bytes(gzip.compress(whole.read_bytes(), mtime=0))


# ---- the requests


class Found:
    """Ids in the store, by title."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        every = self.json("ann", f"{API}/sessions?page_size=100&status=draft,active,closed,deleted")["items"]
        self.sessions = {one["title"]: one["id"] for one in every}
        self.deleted_session = next(one["id"] for one in every if one["deletedAt"] and one["deletedAt"] > "2090")
        rows = self.json("bob", f"{API}/snapshot_access_logs?page_size=100")["items"]
        mine = self.json("ann", f"{API}/snapshots?page_size=100")["items"]
        self.snapshots = {row["snapshotMetadata"]["title"]: row["snapshotId"] for row in rows}
        self.snapshots |= {one["title"]: one["id"] for one in mine}

    def json(self, user: str, target: str) -> Any:
        status, _, body = self._calls.make(Exchange(user, f"GET {target}"))
        assert status == 200, (target, body)
        return json.loads(body)

    def pages(self, user: str, path: str, **query: object) -> Iterator[Exchange]:
        """A list from its first page to its last."""
        cursor: dict[str, object] = {}
        while True:
            target = f"{API}/{path}?{urlencode({**query, **cursor})}"
            yield Exchange(user, f"GET {target}")
            token = self.json(user, target)["pageToken"]
            if token is None:
                return
            cursor = {"cursor": token}

    def session(self, title: str) -> str:
        return f"{API}/sessions/{self.sessions[title]}"

    def snapshot(self, title: str) -> str:
        return f"{API}/snapshots/{self.snapshots[title]}"

    def metadata(self, title: str) -> Any:
        return self.json("ann", f"{API}/sessions/metadata/{self.sessions[title]}")


def get(user: str, target: str, **headers: str) -> Exchange:
    return Exchange(user, f"GET {target}", named(headers))


def send(
    user: str, call: str, body: Any = None, headers: Mapping[str, str] | None = None, **rest: Any
) -> Exchange:
    """A write; a body that is no bytes is sent as JSON."""
    if body is not None and not isinstance(body, bytes):
        # As the test client wrote it: a repeat is one by its bytes.
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    sent = None if body is None else packed(body)
    return Exchange(user, call, dict(headers or {}), sent, **rest)


def named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def lists(found: Found) -> Iterator[Exchange]:
    """Each filter and each order, all pages."""
    directions = ("asc", "desc")
    for direction in directions:
        for path in ("updated_at", "created_at", "title"):
            yield from found.pages(
                "ann", "sessions", sort_by=f"metadata.{path}", sort_direction=direction, page_size=7
            )
        yield from found.pages(
            "ann",
            "sessions",
            sort_by="metadata.title",
            sort_lowercase="true",
            sort_direction=direction,
            page_size=9,
        )
        for path in ("created_at", "updated_at", "title", "title_lower"):
            yield from found.pages("ann", "snapshots", sort_by=path, sort_direction=direction, page_size=4)
        for path in (
            "last_visited_at",
            "visits",
            "snapshot_metadata.title",
            "snapshot_metadata.title__lower",
            "snapshot_metadata.created_at",
        ):
            yield from found.pages(
                "bob", "snapshot_access_logs", sort_by=path, sort_direction=direction, page_size=3
            )
        for path in ("last_visited_at", "first_visited_at", "visits"):
            of_content = f"snapshots/{found.snapshots['Link of content']}/visitors"
            yield from found.pages("ann", of_content, sort_by=path, sort_direction=direction, page_size=2)
    for user in ("ann", "bob", CARL, "dora", "nobody"):
        for path in ("sessions", "snapshots", "snapshot_access_logs", "drafts", "restore", "usage", "me"):
            yield get(user, f"{API}/{path}")
    yield get("ann", f"{API}/sessions?cursor=&page_size=1")
    filters: list[tuple[str, dict[str, object]]] = [
        ("sessions", {"status": "deleted"}),
        ("sessions", {"status": "closed,deleted"}),
        ("sessions", {"status": "draft"}),
        ("sessions", {"status": "draft,active,closed,deleted", "page_size": 100}),
        ("sessions", {"app": "mapper"}),
        ("sessions", {"app": "none"}),
        ("sessions", {"filter_title": "WELLS"}),
        ("sessions", {"filter_title": "東京"}),
        ("sessions", {"filter_title": "%"}),
        ("sessions", {"filter_title": "e_t"}),
        ("sessions", {"filter_description": "the WATER"}),
        ("sessions", {"filter_created_to": "2030-01-01T00:00:00Z"}),
        (
            "sessions",
            {"filter_created_from": "2090-06-02T00:00:00+02:00", "filter_updated_to": "2090-06-03T12:00:00Z"},
        ),
        ("sessions", {"filter_updated_from": "2090-06-03T00:00:00Z", "app": "planner", "status": "active"}),
        ("snapshots", {"app": "mapper"}),
        ("snapshots", {"filter_title": "LINK"}),
        ("snapshots", {"filter_created_from": "2090-06-03T00:00:00Z"}),
        ("snapshots", {"filter_created_to": "2030-01-01T00:00:00Z"}),
        ("snapshot_access_logs", {"app": "mapper"}),
        ("snapshot_access_logs", {"filter_title": "link", "filter_snapshot_deleted": "false"}),
        ("snapshot_access_logs", {"filter_snapshot_deleted": "true"}),
        ("snapshot_access_logs", {"filter_owner_id": "bob"}),
        ("snapshot_access_logs", {"filter_created_from": "2090-01-01T00:00:00Z"}),
        ("snapshot_access_logs", {"filter_created_to": "2030-01-01T00:00:00Z"}),
        ("snapshot_access_logs", {"filter_last_visited_from": "2090-06-04T00:00:00Z"}),
        ("snapshot_access_logs", {"filter_last_visited_to": "2030-01-01T00:00:00Z"}),
        ("drafts", {"app": "mapper"}),
        ("drafts", {"device": "Safari on iPad", "app": "mapper"}),
        ("restore", {"app": "mapper"}),
        ("restore", {"app": "planner"}),
        ("drafts/latest", {"device": "Firefox on Linux"}),
        ("drafts/latest", {}),
    ]
    for path, query in filters:
        yield get("ann", f"{API}/{path}?{urlencode(query)}")
    yield from found.pages("ann", "drafts", page_size=2)
    yield from found.pages("ann", "sessions", app="mapper", status="active,draft", page_size=2)
    yield from found.pages(
        "ann", "snapshots", filter_title="link", sort_lowercase="true", sort_by="title", page_size=2
    )
    for user in ("ann", "bob", CARL, "nobody"):
        yield get(user, f"{API}/export")
    cursor = ""
    while True:
        target = f"{API}/export{cursor}"
        exchange = get("dora", target)
        yield exchange
        last = found._calls.make(exchange)[2].splitlines()[-1]
        if (token := json.loads(last)["pageToken"]) is None:
            break
        cursor = f"?{urlencode({'cursor': token})}"


OF_2090 = (
    "Wells of June",
    UNICODE,
    "Large",
    "Empty",
    "Pruned",
    "For close",
    "For reopen",
    "Made once",
    "100% sure_thing",
    "Promoted",
)


def polls(found: Found) -> Iterator[Exchange]:
    """Sessions, drafts, and what stays the same of them."""
    for title in OF_2090:
        id = found.json("ann", f"{API}/sessions?{urlencode({'filter_title': title})}")["items"][0]["id"]
        path, etag = f"{API}/sessions/{id}", found.json("ann", f"{API}/sessions/metadata/{id}")["etag"]
        yield get("ann", path)
        yield get("ann", path, If_None_Match=etag)
        yield get("ann", f"{API}/sessions/metadata/{id}")
        yield get("ann", f"{API}/sessions/metadata/{id}", If_None_Match=f'"1-x", W/{etag}')
        yield get("ann", f"{API}/sessions/metadata/{id}", If_None_Match='"0-0000"')
        yield get("ann", f"{path}/content")
        yield get("ann", f"{path}/content", Accept_Encoding="gzip, br")
        yield get("ann", f"{path}/content", If_None_Match=etag)
        gzipped = etag.removesuffix('"') + '-gzip"'
        yield get("ann", f"{path}/content", If_None_Match=gzipped, Accept_Encoding="gzip")
        yield get("ann", f"{path}/revisions")
        yield get("ann", f"{path}/validate")
        yield Exchange("ann", f"PUT {path}/touch")
    for title in ("Wells of June", "Pruned", "Promoted"):
        path = found.session(title)
        for line in found.json("ann", f"{path}/revisions")["items"]:
            yield get("ann", f"{path}/revisions/{line['version']}")
    yield get("ann", f"{found.session('Old notes, renamed')}/revisions")
    yield get("ann", f"{API}/sessions/metadata/{found.sessions['Old notes, renamed']}")
    for id in ("draftAnn0001", "draftAnn0002", "draftAnn0003"):
        yield get("ann", f"{API}/drafts/{id}")
        yield get(
            "ann", f"{API}/drafts/{id}", If_None_Match=found.json("ann", f"{API}/drafts/{id}")["metadata"]["etag"]
        )
        yield get("ann", f"{API}/sessions/{id}/revisions")
    yield get("", "/api/health/live")
    yield get("", "/api/health/ready")
    for title in (
        "Link of content",
        "Wells of June",
        "link of session",
        "Until 2150",
        "Hidden link",
    ):
        yield get("ann", f"{found.snapshot(title)}/stats")
        yield get("ann", f"{found.snapshot(title)}/visitors")


def refusals(found: Found) -> Iterator[Exchange]:
    """What is not done, and what is told of it."""
    wells, closed, large = found.session("Wells of June"), found.session("For close"), found.session("Large")
    etag = found.metadata("Wells of June")["etag"]
    gone, unknown = f"{API}/sessions/{found.deleted_session}", f"{API}/sessions/doesNotExist"
    link, of_bob = found.snapshot("Link of content"), found.snapshot("Old link")
    stale, body = {"If-Match": '"1-0123456789abcdef"'}, {"content": "never"}
    gzipped = {**TEXT, "Content-Encoding": "gzip"}

    for path in (unknown, gone, f"{API}/sessions/malformed!", f"{API}/sessions/draft%20x"):
        yield get("ann", path)
        yield get("ann", f"{path}/content")
        yield get("ann", f"{path}/revisions")
        yield get("ann", f"{path}/revisions/1")
        yield get("ann", f"{path}/validate")
        yield get("ann", path.replace("/sessions/", "/sessions/metadata/"))
        yield send("ann", f"PUT {path}", body)
        yield send("ann", f"PUT {path}/content", b"never", TEXT)
        yield send("ann", f"PATCH {path}", {"title": "never"}, MERGE)
        yield send("ann", f"POST {path}/close")
        yield send("ann", f"POST {path}/revisions/1/restore")
        yield send("ann", f"PUT {path}/touch")
    yield send("ann", f"DELETE {unknown}")
    yield get("bob", wells)
    yield send("bob", f"PUT {wells}", body)
    yield send("bob", f"DELETE {wells}")
    for version in ("99", "x", "-1", "0", "1" * 20):
        yield get("ann", f"{wells}/revisions/{version}")
    yield get("ann", f"{API}/drafts/doesNotExist")
    yield get("ann", f"{API}/drafts/promotedAnn1")
    yield get("ann", f"{API}/drafts/discardedAnn")
    yield get("bob", f"{API}/drafts/draftAnn0001")
    yield get("ann", f"{API}/drafts/latest?app=none")
    for path in ("doesNotExist", found.snapshots["Old link"], found.snapshots["Expired"], "malformed!"):
        yield get("ann", f"{API}/snapshots/{path}")
        yield get("ann", f"{API}/snapshots/{path}/content")
        yield get("ann", f"{API}/snapshots/{path}/stats")
        yield get("ann", f"{API}/snapshots/{path}/visitors")
    yield send("ann", f"DELETE {API}/snapshots/doesNotExist")
    yield send("ann", f"DELETE {API}/snapshot_access_logs/malformed!")
    for path in (link, of_bob):
        yield get("bob", f"{path}/stats")
        yield get("bob", f"{path}/visitors")
        yield send("bob", f"DELETE {path}")
    yield get("ann", f"{API}/me", Origin="https://elsewhere.example")
    yield get("ann", f"{API}/me", Host="elsewhere.example")
    yield get("x" * 256, f"{API}/me")
    yield get("Zo\u00eb", f"{API}/me")

    yield send("ann", f"PUT {wells}", body, stale)
    yield send("ann", f"PUT {wells}/content", b"never", {**TEXT, **stale})
    yield send("ann", f"PATCH {wells}", {"title": "never"}, {**MERGE, **stale})
    yield send("ann", f"POST {wells}/close", None, stale)
    yield send("ann", f"POST {wells}/revisions/1/restore", None, stale)
    yield send("ann", f"DELETE {wells}", None, stale)
    yield send("ann", f"PUT {API}/drafts/draftAnn0001", body, stale)
    yield send("ann", f"PUT {API}/drafts/draftAnn0001", body, {"If-None-Match": "*"})
    yield send("ann", f"PUT {API}/drafts/newDraft0001", body, {"If-Match": "*"})
    yield send("ann", f"DELETE {API}/drafts/draftAnn0001", None, stale)
    yield send("ann", f"POST {API}/drafts/draftAnn0001/promote", None, stale)

    for move in ("close", "reopen"):
        yield send("ann", f"POST {(closed if move == 'close' else wells)}/{move}")
    yield send("ann", f"PUT {closed}", body)
    yield send("ann", f"POST {closed}/revisions/1/restore")
    yield send("ann", f"PUT {API}/drafts/promotedAnn1", body)
    yield send("ann", f"DELETE {API}/drafts/promotedAnn1")
    yield send("ann", f"POST {API}/drafts/promotedAnn1/promote")
    yield send("ann", f"POST {API}/sessions/draftAnn0001/close")

    faulty: list[Any] = [
        {},
        {"title": "", "description": None, "content": "x"},
        {"title": 3, "description": [], "content": None, "unknown": 1},
        {"title": "x" * 256, "description": "y" * 2001, "content": "x", "app": "z" * 101, "mediaType": "not one"},
        {"title": "nul \u0000", "description": None, "content": "x"},
        [],
        "text",
        b"{",
        b'{"title": "\\ud800", "description": null, "content": "x"}',
        b"",
    ]
    for one in faulty:
        yield send("ann", f"POST {API}/sessions", one)
        yield send("ann", f"POST {API}/snapshots", one)
        yield send("ann", f"PUT {wells}", one if one != {} else {"unknown/~": 1})
        yield send("ann", f"PATCH {wells}", one if one != {} else {"title": None}, MERGE)
        yield send("ann", f"PUT {API}/drafts/newDraft0001", one)
    yield send("ann", f"POST {API}/snapshots", {"title": "both", "content": "x", "sessionId": "doesNotExist"})
    yield send("ann", f"POST {API}/snapshots", {"sessionId": "doesNotExist"})
    yield send("ann", f"POST {API}/snapshots", {"sessionId": found.deleted_session})
    for expiry in ("2020-01-01T00:00:00Z", "2090-01-01", 3, "2090-01-01T00:00:00"):
        yield send("ann", f"POST {API}/snapshots", {"title": "x", "content": "x", "expiresAt": expiry})
    yield send("ann", f"POST {API}/sessions", new("another body"), key("create 1"))
    yield send("ann", f"POST {API}/snapshots", new("another body"), key("snapshot 1"))
    yield send("ann", f"PUT {found.session('Pruned')}", {"content": "another body"}, key("prune 25"))
    for query in (
        "unknown=1",
        "page_size=0",
        "page_size=101",
        "page_size=x",
        "sort_by=metadata.version",
        "sort_direction=up",
        "status=open",
        "filter_created_from=2090-01-01",
        "filter_title=" + "x" * 256,
        "page_size=0&sort_by=x&unknown=1",
        "cursor=%21",
        "cursor=AAAA",
    ):
        for path in ("sessions", "snapshots", "snapshot_access_logs", "drafts"):
            yield get("ann", f"{API}/{path}?{query}")
    cursor = found.json("ann", f"{API}/sessions?page_size=1")["pageToken"]
    yield get("bob", f"{API}/sessions?page_size=1&cursor={cursor}")
    yield get("ann", f"{API}/sessions?page_size=1&sort_direction=asc&cursor={cursor}")
    yield get("ann", f"{API}/snapshots?page_size=1&cursor={cursor}")
    yield get("ann", f"{API}/export?cursor={cursor}")
    yield get("ann", f"{API}/export?unknown=1")

    yield send("ann", f"PUT {wells}", body, {"If-Match": "no quotes"})
    yield send("ann", f"PUT {wells}", body, {"If-Match": ", ".join(['"x"'] * 2500)})
    yield send("ann", f"PUT {wells}", body, {"If-None-Match": etag})
    yield send("ann", f"POST {API}/sessions", new("x"), {"If-Match": etag})
    yield send("ann", f"POST {API}/sessions", new("x"), key("k" * 256))
    yield send("ann", f"PUT {wells}/content", b"no gzip", gzipped)
    yield send("ann", f"PUT {wells}/content", b"\xff\xfe", TEXT)
    yield send("ann", f"PUT {wells}/content", gzip.compress(b"\xff\xfe"), gzipped)
    yield send("ann", f"PUT {large}/content", gzip.compress(b"x" * 1_572_865), gzipped)
    yield send("ann", f"PUT {large}/content", b"x" * 1_572_865, TEXT)
    yield send("ann", f"PUT {large}", {"content": "x" * 1_572_865})
    yield send("ann", f"PUT {large}", {"content": "x" * 9_600_000})
    yield send("ann", f"POST {API}/snapshots", {"title": "x", "content": "x" * 1_572_865})
    yield send("ann", f"POST {API}/sessions", new("x"), TEXT)
    yield send("ann", f"POST {API}/sessions", new("x"), {"Content-Encoding": "br"})
    yield send("ann", f"PUT {wells}/content", b"x", {"Content-Type": "text/plain; charset=latin1"})
    yield send("ann", f"PUT {wells}/content", b"x", {"Content-Type": "nothing"})
    yield send("ann", f"PUT {wells}/content", b"x", {**TEXT, "Content-Encoding": "br"})
    yield send("ann", f"PUT {wells}/content", b"1\r\nx\r\n0\r\n\r\n", {**TEXT, "Transfer-Encoding": "chunked"})
    yield send("ann", f"DELETE {API}/me")
    yield send("ann", f"DELETE {API}/me", None, {"Savepoint-Confirm": "bob"})
    yield get("ann", f"{API}/nothing")
    yield send("ann", f"POST {wells}", body)


def opens(found: Found) -> Iterator[Exchange]:
    """Visits are counted beside the responses, so these come last."""
    for title in (
        "Link of content",
        "Wells of June",
        "link of session",
        "Until 2150",
        "Ökokarte",
        "Link made once",
    ):
        path = found.snapshot(title)
        for user in ("ann", "bob"):
            yield get(user, path)
        yield get("bob", f"{path}/content")
        yield get("bob", f"{path}/content", Accept_Encoding="gzip")
        digest = found.json("bob", path)["metadata"]["contentHash"][:16]
        yield get("bob", f"{path}/content", If_None_Match=f'"{digest}"')
        yield get("bob", f"{path}/content", If_None_Match=f'"{digest}-gzip"', Accept_Encoding="gzip")


SETTINGS_OF_LIMITED = {
    "SESSIONS_MAX": "1",
    "DRAFTS_MAX": "2",
    "SNAPSHOTS_MAX": "3",
    "STORED_BYTES_MAX": "100",
    "SHOW_VISITORS": "false",
    "SNAPSHOT_OPENS_PER_MINUTE": "1",
    "SNAPSHOT_MAX_DAYS": "30",
}


def limited(found: Found) -> Iterator[Exchange]:
    """Under an operator's limits."""
    yield get("ann", f"{API}/usage")
    yield send("ann", f"POST {API}/sessions", new("one too many"))
    yield send("ann", f"POST {API}/snapshots", new("one too many"))
    yield send("ann", f"PUT {API}/drafts/newDraft0001", {"content": "one too many"})
    yield send("ann", f"POST {API}/drafts/draftAnn0001/promote")
    yield send("ann", f"PUT {found.session('Wells of June')}", {"content": "longer " * 100})
    yield send("nobody", f"POST {API}/sessions", new("too long", content="x" * 101))
    yield send("nobody", f"POST {API}/snapshots", new("too late", expiresAt="2150-01-01T00:00:00Z"))
    yield get("ann", f"{found.snapshot('Link of content')}/visitors")
    yield get("bob", found.snapshot("Until 2150"))
    yield Exchange("bob", f"GET {found.snapshot('Until 2150')}", varies=["Retry-After"])


def writes(found: Found) -> Iterator[Exchange]:
    """Each kind of write, and what can be read of it afterwards."""
    times = ["createdAt", "updatedAt", "lastAccessedAt", "purgesAt", "savedAt", "deletedAt"]
    wells, pruned = found.session("Wells of June"), found.session("Pruned")
    match = {"If-Match": found.metadata("Wells of June")["etag"]}
    represent, minimal = {"Prefer": "return=representation"}, {"Prefer": "return=minimal"}

    # Each is later than 2090, as far as times go: the store's own times are not in the future of a save.
    yield send("ann", f"PUT {wells}", {"content": '{"zoom": 10}', "title": "Wells, saved"}, match)
    yield send("ann", f"PUT {wells}", {"content": "late"}, match)
    yield send("ann", f"PUT {wells}?autosave=true", {"content": "auto 1", "deviceInfo": "Phone"})
    yield send("ann", f"PUT {wells}?autosave=true", {"content": "auto 2"}, minimal)
    yield send("ann", f"PUT {wells}", {"description": "", "app": ""}, key("clear"))
    yield send("ann", f"PUT {wells}", {"description": "", "app": ""}, key("clear"))
    yield send("ann", f"PUT {wells}", {"content": "other"}, key("clear"))
    yield send("ann", f"PATCH {wells}", {"title": "Patched", "description": "new", "app": "mapper"}, MERGE)
    yield send("ann", f"PATCH {wells}", {"description": None}, {"Content-Type": "application/json", **minimal})
    yield send(
        "ann",
        f"PUT {wells}/content",
        gzip.compress(b"a,b\n1,2\n"),
        {"Content-Type": "text/csv", "Content-Encoding": "gzip"},
    )
    yield send("ann", f"PUT {wells}/content?autosave=true", b"a,b\n1,3\n", {"Content-Type": "text/csv", **minimal})
    yield send("ann", f"POST {wells}/revisions/1/restore", None, key("restore"))
    yield send("ann", f"POST {wells}/revisions/1/restore", None, key("restore"))
    yield send("ann", f"POST {wells}/close", None, key("close"))
    yield send("ann", f"POST {wells}/close", None, key("close"))
    yield send("ann", f"POST {wells}/reopen")
    yield get("ann", wells)
    yield get("ann", f"{wells}/content")
    yield get("ann", f"{wells}/revisions")
    yield send("ann", f"PUT {pruned}", {"content": "save 25"}, key("prune 25"))
    yield send("ann", f"PUT {pruned}", {"content": "one more"})
    yield get("ann", f"{pruned}/revisions")
    short = found.session("Short history")
    yield send("ann", f"PUT {short}", {"content": "short 2"}, {**key("short 2"), **minimal})
    yield send("ann", f"PUT {short}", {"content": "another body"}, key("short 2"))
    yield send("ann", f"PUT {short}", {"content": "short 7"}, key("short 7"))
    yield get("ann", f"{short}/revisions")
    yield send("ann", f"PUT {found.session('Autosaved')}?autosave=true", {"content": "auto again"})
    yield get("ann", f"{found.session('Autosaved')}/revisions")
    yield send("ann", f"DELETE {found.session('Large')}", None, {"If-Match": found.metadata("Large")["etag"]})
    yield get("ann", found.session("Large"))
    yield send("ann", f"DELETE {found.session('Large')}")
    yield send("ann", f"DELETE {API}/sessions/draftAnn0003")

    yield send("ann", f"POST {API}/sessions", CREATED_WITH_KEY, key("create 1"))
    yield send("ann", f"POST {API}/sessions", CREATED_WITH_KEY, {**key("create 1"), **represent})
    yield send("ann", f"POST {API}/sessions", new("New", app="mapper"), keeps="new_session")
    yield send(
        "ann",
        f"POST {API}/sessions",
        new("New with key"),
        {**key("create 2"), **represent},
        keeps="keyed",
        varies=times,
    )
    yield send("ann", f"POST {API}/sessions", new("New with key"), {**key("create 2"), **represent}, varies=times)
    yield send("ann", f"PUT {API}/sessions/{{new_session}}", {"content": "second"}, varies=times)
    yield Exchange("ann", f"GET {API}/sessions/{{new_session}}/revisions", varies=times)
    yield send("ann", f"DELETE {API}/sessions/{{keyed}}")
    yield send("ann", f"POST {API}/sessions", new("New with key"), key("create 2"))

    yield send("ann", f"PUT {API}/drafts/newDraft0001", {"content": "one"}, {"If-None-Match": "*"}, varies=times)
    yield send("ann", f"PUT {API}/drafts/newDraft0001", {"content": "two", "title": "Named"}, varies=times)
    yield send("ann", f"POST {API}/drafts/newDraft0001/promote", varies=times)
    yield send("ann", f"PUT {API}/drafts/draftAnn0001", {"content": "draft goes on"})
    yield send("ann", f"PUT {API}/drafts/draftAnn0001?autosave=false", {"content": "draft saved"}, key("draft"))
    yield send("ann", f"PUT {API}/drafts/draftAnn0001?autosave=false", {"content": "draft saved"}, key("draft"))
    yield get("ann", f"{API}/sessions/draftAnn0001/revisions")
    yield send("ann", f"POST {API}/drafts/draftAnn0001/promote", None, key("promote"))
    yield send("ann", f"POST {API}/drafts/draftAnn0001/promote", None, key("promote"))
    yield send("ann", f"DELETE {API}/drafts/draftAnn0002")
    yield get("ann", f"{API}/drafts/draftAnn0002")
    yield get("ann", f"{API}/restore")

    yield send("ann", f"POST {API}/snapshots", SNAPSHOT_WITH_KEY, key("snapshot 1"))
    yield send("ann", f"POST {API}/snapshots", SNAPSHOT_WITH_KEY, {**key("snapshot 1"), **represent})
    of_session = {"sessionId": found.sessions["Wells of June"], "expiresAt": "2150-01-01T00:00:00Z"}
    yield send("ann", f"POST {API}/snapshots", of_session, represent, keeps="of_session", varies=times)
    yield send("ann", f"POST {API}/snapshots", new("New link"), keeps="new_link")
    yield get("bob", f"{API}/snapshots/{{new_link}}/content")
    stats = ["firstVisitedAt", "lastVisitedAt"]
    yield Exchange("ann", f"GET {API}/snapshots/{{new_link}}/stats", varies=stats, waits=True)
    yield Exchange("ann", f"GET {API}/snapshots/{{new_link}}/visitors?sort_by=visits", varies=stats)
    yield send("bob", f"DELETE {API}/snapshot_access_logs/{{new_link}}")
    yield Exchange("ann", f"GET {API}/snapshots/{{new_link}}/stats", varies=stats)
    yield send("ann", f"DELETE {API}/snapshots/{{new_link}}")
    yield get("bob", f"{API}/snapshots/{{new_link}}")
    content = found.snapshot("Link of content")
    yield get("bob", content)
    yield Exchange("ann", f"GET {content}/stats", varies=stats, waits=True)
    yield Exchange("ann", f"GET {content}/visitors?sort_by=visits", varies=stats)
    yield Exchange("bob", f"GET {API}/snapshot_access_logs?sort_by=visits", varies=stats)
    yield send("ann", f"DELETE {found.snapshot('Until 2150')}")
    yield send("ann", f"DELETE {found.snapshot('Until 2150')}")
    yield get("bob", found.snapshot("Until 2150"))
    yield get("ann", f"{API}/usage")
    yield get("ann", f"{API}/sessions?filter_updated_from=2090-01-01T00:00:00Z&page_size=100")
    yield get("ann", f"{API}/snapshots?filter_created_from=2090-01-01T00:00:00Z")

    yield send("ann", f"DELETE {API}/me", None, {"Savepoint-Confirm": "ann"})
    for path in (
        "sessions?status=draft,active,closed,deleted",
        "snapshots",
        "snapshot_access_logs",
        "usage",
        "export",
        "restore",
    ):
        yield get("ann", f"{API}/{path}")
    yield get("ann", wells)
    yield get("bob", found.snapshot("Link of content"))
    yield get("bob", f"{API}/sessions")


def after_timers(found: Found) -> Iterator[Exchange]:
    """Everything that is left, as far as it can be seen."""
    for user in ("ann", "bob", CARL, "dora"):
        # The purge has just made tombstones of ann's old drafts.
        at = ["updatedAt", "lastAccessedAt", "deletedAt", "savedAt"] if user == "ann" else []
        yield Exchange(user, f"GET {API}/export", varies=at)
        for path in ("usage", "drafts?page_size=100", "snapshots?page_size=100"):
            yield get(user, f"{API}/{path}")
        yield get(user, f"{API}/sessions?page_size=100")
        yield get(user, f"{API}/snapshot_access_logs?page_size=100")
    yield get("ann", f"{found.snapshot('Link of content')}/visitors")
    for id in ("oldDraft0001", "doesNotExist", found.deleted_session):
        yield get("ann", f"{API}/sessions/{id}")
    for title in ("Old link", "Expired"):
        yield get("bob", found.snapshot(title))


def make() -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        asyncio.run(write_store(Path(name), Clock.installed(patch)))
        pack_store(Path(name))
    with tempfile.TemporaryDirectory() as name:
        unpack_store(Path(name))
        with calling(Path(name), {}) as calls:
            found = Found(calls)
            sections = {
                "reads": Section({}, [*lists(found), *polls(found), *refusals(found), *opens(found)]),
                "limited": Section(SETTINGS_OF_LIMITED, list(limited(found))),
                # An autosave that began more than 20 s before the last is followed by a row of its own.
                "writes": Section({"AUTOSAVE_COALESCE_SECONDS": "20"}, list(writes(found))),
                "after the timers": Section({}, list(after_timers(found)), timers=True),
            }
    for section in sections.values():
        record(section)
    save(sections)


if __name__ == "__main__":
    make()
