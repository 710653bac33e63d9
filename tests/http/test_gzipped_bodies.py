"""Every body of the API can be sent gzipped. It then gets the response that it gets plain."""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.app import build_app
from functions.http.api import Api
from functions.http.bodies import BODY_MAX_BYTES, NDJSON
from functions.http.digests import repr_digest
from functions.http.endpoint import Routes
from persistence import Stores, stores_over
from tests.conftest import SETTINGS
from tests.support.clock import NOON, Clock
from tests.support.deltas import inserting
from tests.support.drafts import DRAFT, DRAFTS
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made
from tests.support.imports import ndjson, session_line, version_line
from tests.support.sessions import sha256

SNAPSHOTS = "persistence/snapshots"
KEY = "idempotency-key"
GZIP = {"content-encoding": "gzip"}
# How a body is packed is undone before an engine is asked.
pytestmark = pytest.mark.one_engine


@dataclass(frozen=True)
class Sent:
    """A request of one endpoint. `{session}` in the path stands for a session of version 1."""

    method: str
    path: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    limit: int = BODY_MAX_BYTES
    query: dict[str, str] = field(default_factory=dict)

    @property
    def plain(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


HASHED = {**NEW, "content": "two", "contentHash": sha256("two"), "deviceInfo": "🙂" * 300}
WHOLE = {"prefer": "return=representation"}
SVG = {"content-type": "image/svg+xml", "savepoint-device": "phone"}
PATCH = {"content-type": "application/merge-patch+json"}
DELTA = {
    "content-type": "application/x-fossil-delta",
    "if-match": f'"1-{sha256("one")[:16]}"',
    "patched-digest": repr_digest(bytes.fromhex(sha256("two"))),
}
RAW = ("put_session_content", "patch_session_content", "import_sessions")
SENT = {
    "create_session": Sent("POST", SESSIONS, HASHED, WHOLE),
    "update_session": Sent("PUT", f"{SESSIONS}/{{session}}", HASHED),
    "patch_session": Sent("PATCH", f"{SESSIONS}/{{session}}", {"title": "New", "app": None}, PATCH),
    "put_session_content": Sent("PUT", f"{SESSIONS}/{{session}}/content", b"<svg/>", SVG),
    "patch_session_content": Sent("PATCH", f"{SESSIONS}/{{session}}/content", inserting(b"two"), DELTA),
    "copy_session": Sent("POST", f"{SESSIONS}/{{session}}/copy", {"title": "Copy"}),
    "put_draft": Sent("PUT", f"{DRAFTS}/{DRAFT}", {"content": "two"}),
    "name_session_revision": Sent("PUT", f"{SESSIONS}/{{session}}/revisions/1/name", {"name": "Before"}),
    "sync_sessions": Sent(
        "POST",
        "persistence/sync",
        {"mode": "atomic", "items": [{"op": "create", "id": "session-0001", "title": "Third", "content": "one"}]},
        limit=8_000_000,
    ),
    "import_sessions": Sent(
        "POST",
        "persistence/import",
        ndjson([session_line(), version_line()]),
        {"content-type": NDJSON[0]},
        limit=8_000_000,
        query={"import_id": "import-00001", "mode": "skip"},
    ),
    "create_snapshot": Sent("POST", SNAPSHOTS, {"title": "Frozen", "content": "two"}, WHOLE),
}
endpoints = pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
json_endpoints = pytest.mark.parametrize(
    "sent", [sent for name, sent in SENT.items() if name not in RAW], ids=lambda one: one.path
)


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


async def send(client: Client, sent: Sent, session: str, body: bytes, *, is_gzipped: bool) -> Response:
    headers = {**sent.headers, **(GZIP if is_gzipped else {})}
    raw = gzip.compress(body, mtime=0) if is_gzipped else body
    return await client.call(sent.method, sent.path.format(session=session), raw, headers, sent.query)


async def responses(client: Client, sent: Sent, body: bytes, clock: Clock) -> list[tuple[int, Any, Any]]:
    """Sends a body plain as one person and gzipped as another, at the same time of the day.

    Returns both responses with placeholders for the ids that the calls made.
    """
    found = []
    for person, is_gzipped in (("ann@plain", False), ("ann@gzip", True)):
        clock.at = NOON
        own = client.of(person)
        path, _ = await made(own)
        session = path.rpartition("/")[2]
        response = await send(own, sent, session, body, is_gzipped=is_gzipped)
        text, location = response.body.decode(), response.headers.get("location", "")
        for id in (session, location.rpartition("/")[2]):
            text, location = (each.replace(id, "ID") if id else each for each in (text, location))
        headers = {**response.headers, "location": location}
        found.append((response.status, headers, text.replace(f'"{person}"', '"person"')))
        # Drafts have the same id for both.
        await own.delete(f"{DRAFTS}/{DRAFT}")
    return found


def test_every_endpoint_with_a_body_is_here(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[Routes] = []
    monkeypatch.setattr(Api, "add", lambda self, routes, *services: added.append(routes))
    monkeypatch.setattr(Api, "routes", added, raising=False)
    build_app(stores, SETTINGS.app_rules())
    with_body = {each.name for routes in added for each in routes.endpoints if each.body is not None}
    assert with_body == SENT.keys()


@endpoints
async def test_a_gzipped_body_gets_the_response_of_a_plain_one(
    client: Client, stores: Stores, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first request would do so in the background, and read the clock of the second one's response.
    stores.confirm_rules()
    await stores.shared.background.drain()
    plain, gzipped = await responses(client, sent, sent.plain, Clock.installed(monkeypatch))
    assert plain[0] in (200, 201), plain
    assert gzipped == plain


BROKEN = [b"", b"{", b"[]", b"null", b'{"title": ""}', b'{"content": "cut \\ud83d"}', b"\xff", b'{"x": 1}']


@json_endpoints
@pytest.mark.parametrize("body", BROKEN, ids=ascii)
async def test_a_broken_body_gets_the_same_problem(
    client: Client, sent: Sent, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, gzipped = await responses(client, sent, body, Clock.installed(monkeypatch))
    assert plain[0] == 422 and gzipped == plain


TEXTS = st.none() | st.text(max_size=20) | st.sampled_from(["two", sha256("two"), "a" * 300, "text/plain"])
MEMBERS = st.sampled_from(
    ["title", "description", "content", "contentHash", "app", "deviceInfo", "mediaType", "sessionId", "x"]
)
BODIES = st.dictionaries(MEMBERS, TEXTS | st.integers() | st.booleans()).map(
    lambda body: json.dumps(body).encode()
)


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@settings(
    max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
)
@given(body=BODIES | st.binary(max_size=50))
async def test_any_body_gets_the_same_status_and_words(client: Client, sent: Sent, body: bytes) -> None:
    found = []
    for is_gzipped in (False, True):
        path, _ = await made(client)
        response = await send(client, sent, path.rpartition("/")[2], body, is_gzipped=is_gzipped)
        found.append((response.status, response.json if response.status >= 400 else None))
        await client.delete(f"{DRAFTS}/{DRAFT}")
    if sent is SENT["put_draft"]:
        # The id cannot be used twice: only refusals of the body can be compared.
        found = [one for one in found if one[0] == 422] or found[:1]
    assert found[0][0] < 500 and found[0] == found[-1]


@endpoints
@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
)
@given(
    body=st.binary(max_size=200)
    | st.builds(bytes.__add__, st.sampled_from([b"\x1f\x8b\x08", gzip.compress(b"{}", mtime=0)]), st.binary())
)
async def test_any_bytes_as_gzip_are_read_or_refused(client: Client, sent: Sent, body: bytes) -> None:
    path, _ = await made(client)
    path = sent.path.format(session=path.rpartition("/")[2])
    response = await client.call(sent.method, path, body, {**sent.headers, **GZIP}, sent.query)
    assert response.status in (200, 201, 400, 410, 422), response.body


@endpoints
async def test_a_body_in_several_gzip_members_is_the_whole_of_them(client: Client, sent: Sent) -> None:
    session = (await made(client))[0].rpartition("/")[2]
    path, half = sent.path.format(session=session), len(sent.plain) // 2
    members = (sent.plain[:half], b"", sent.plain[half:])
    body = b"".join(gzip.compress(member, mtime=0) for member in members)
    response = await client.call(sent.method, path, body, {**sent.headers, **GZIP}, sent.query)
    assert response.status in (200, 201), response.body
    if sent.path.endswith("/content"):
        stored = await client.get(path, {"accept-encoding": "gzip"})
        reader = zlib.decompressobj(31)  # as browsers read: one member
        assert reader.decompress(stored.body) in (b"<svg/>", b"two") and not reader.unused_data


def bomb(size: int) -> bytes:
    """Returns so many spaces, gzipped."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = b" " * 1_000_000
    parts = [packer.compress(chunk) for _ in range(size // len(chunk))]
    return b"".join([*parts, packer.compress(b" " * (size % len(chunk))), packer.flush()])


WHOLE_MEMBER = gzip.compress(orjson.dumps(NEW), mtime=0)
NO_GZIP = {
    "plain": orjson.dumps(NEW),
    "nothing": b"",
    "cut": WHOLE_MEMBER[:-1],
    "a head": WHOLE_MEMBER[:10],
    "a wrong sum": WHOLE_MEMBER[:-8] + bytes(8),
    "a member and a half": WHOLE_MEMBER + WHOLE_MEMBER[:-9],
    "a trailing byte": WHOLE_MEMBER + b"\0",
    "a trailing byte behind two": WHOLE_MEMBER + gzip.compress(b"") + b"\0",
    "zlib": zlib.compress(orjson.dumps(NEW)),
    "raw deflate": zlib.compress(orjson.dumps(NEW))[2:-4],
}


@endpoints
async def test_no_gzip_is_400_and_nothing_is_written(client: Client, counting: CountingReads, sent: Sent) -> None:
    path = sent.path.format(session=(await made(client))[0].rpartition("/")[2])
    counting.forget()
    for body in NO_GZIP.values():
        refused = await client.call(sent.method, path, body, {**sent.headers, **GZIP, KEY: "k"}, sent.query)
        problem = assert_problem(refused, 400, "invalid_body")
        assert "gzip" in problem["detail"]
    assert counting.asked == []


@endpoints
@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "x-gzip", "gzip, gzip", "gzip,identity", "*", ""])
async def test_another_coding_is_415_and_nothing_is_written(
    client: Client, counting: CountingReads, sent: Sent, coding: str
) -> None:
    path = sent.path.format(session=(await made(client))[0].rpartition("/")[2])
    counting.forget()
    refused = await client.call(
        sent.method, path, WHOLE_MEMBER, {**sent.headers, "content-encoding": coding}, sent.query
    )
    assert "Content-Encoding" in assert_problem(refused, 415, "unsupported_media_type")["detail"]
    assert refused.headers["accept-encoding"] == "gzip, identity"
    assert counting.asked == []


@json_endpoints
async def test_a_bomb_is_413_with_the_limit_of_a_plain_body(
    client: Client, counting: CountingReads, sent: Sent
) -> None:
    path = sent.path.format(session=(await made(client))[0].rpartition("/")[2])
    counting.forget()
    for body in (bomb(sent.limit + 1), bomb(200_000_000), bomb(sent.limit + 1) + b"more"):
        refused = await client.call(sent.method, path, body, {**sent.headers, **GZIP}, sent.query)
        problem = assert_problem(refused, 413, "body_too_large")
        assert problem["limit"] == sent.limit and "size" not in problem
    long = random.Random(1).randbytes(sent.limit + 16 * 1024 + 1)
    refused = await client.call(sent.method, path, long, {**sent.headers, **GZIP}, sent.query)
    problem = assert_problem(refused, 413, "body_too_large")
    assert problem["size"] == len(long)
    assert counting.asked == []


@pytest.mark.parametrize("level", [0, 1, 9])
async def test_a_body_of_exactly_its_limit_is_read_however_badly_it_is_gzipped(client: Client, level: int) -> None:
    body = json.dumps({**NEW, "content": "é" * 700_000}).encode().ljust(BODY_MAX_BYTES)
    sent = gzip.compress(body, level)
    assert level > 0 or len(sent) > BODY_MAX_BYTES
    id = assert_ok(await client.post(SESSIONS, sent, GZIP), 201).json
    assert (await client.get(f"{SESSIONS}/{id}")).json["content"] == "é" * 700_000
    assert_problem(await client.post(SESSIONS, gzip.compress(body + b" ", level), GZIP), 413, "body_too_large")


def as_it_is(body: bytes) -> bytes:
    return body


CODINGS: list[tuple[Callable[[bytes], bytes], dict[str, str]]] = [
    (as_it_is, {}),
    (gzip.compress, GZIP),
    (partial(gzip.compress, compresslevel=1), GZIP),
]


@pytest.mark.parametrize("path", [SESSIONS, SNAPSHOTS])
@pytest.mark.parametrize("order", [1, -1])
async def test_a_create_and_its_retry_may_have_different_codings(client: Client, path: str, order: int) -> None:
    ids = set()
    for compress, headers in CODINGS[::order]:
        body = compress(orjson.dumps(NEW))
        ids.add(assert_ok(await client.post(path, body, {KEY: "k", **headers}), 201).json)
    assert len(ids) == 1
    assert len((await client.get(path)).json["items"]) == 1
    for compress, headers in CODINGS:
        other = compress(orjson.dumps({**NEW, "title": "Another"}))
        assert_problem(await client.post(path, other, {KEY: "k", **headers}), 422, "key_reused")


@pytest.mark.parametrize("name", ["update_session", "patch_session", *RAW[:2], "put_draft"])
async def test_a_save_and_its_retry_may_have_different_codings(client: Client, name: str) -> None:
    sent = SENT[name]
    path, _ = await made(client)
    where = sent.path.format(session=path.rpartition("/")[2])
    etags = set()
    for compress, headers in CODINGS:
        response = await client.call(
            sent.method, where, compress(sent.plain), {**sent.headers, KEY: "k", **headers}
        )
        assert response.status in (200, 201)
        etags.add(response.etag)
    assert len(etags) == 1
