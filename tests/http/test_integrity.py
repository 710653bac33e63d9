"""Content arrives as it was sent, or nothing is written: `contentHash` in JSON, Repr-Digest beside raw content."""

import base64
import gzip
import hashlib
from typing import Any

import pytest

from persistence import Stores, stores_over
from persistence.documents import new_id
from tests.conftest import SETTINGS
from tests.support.drafts import DRAFTS
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made
from tests.support.sessions import sha256

pytestmark = pytest.mark.one_engine

SNAPSHOTS = "persistence/snapshots"
CONTENT = "naïve 🙂 \0 \u2028"
PLAIN = {"content-type": "text/plain"}
FORM = "must be 64 digits of lower-case hexadecimal"


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


async def calls(client: Client) -> list[tuple[str, str]]:
    """Returns the method and the path of every endpoint whose JSON can carry content."""
    path, _ = await made(client)
    return [("POST", SESSIONS), ("PUT", path), ("PUT", f"{DRAFTS}/{new_id()}"), ("POST", SNAPSHOTS)]


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


async def put_content(client: Client, path: str, body: bytes, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.put(f"{path}/content", body, PLAIN | named)


@pytest.mark.parametrize("content_hash", [sha256(CONTENT), None])
async def test_content_with_its_own_hash_or_without_one_is_kept(client: Client, content_hash: str | None) -> None:
    for method, path in await calls(client):
        body = {**NEW, "content": CONTENT, "contentHash": content_hash}
        response = await client.call(method, path, body, {"prefer": "return=representation"})
        assert response.status in (200, 201), response.body
        metadata = response.json.get("metadata", response.json)
        assert metadata["contentHash"] == sha256(CONTENT)


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"contentHash": sha256("another")}, "is not the SHA-256 of the content"),
        ({"contentHash": sha256(CONTENT).upper()}, FORM),
        ({"contentHash": sha256(CONTENT)[1:]}, FORM),
        ({"contentHash": sha256(CONTENT) + "\n"}, FORM),
        ({"contentHash": "٣" * 64}, FORM),
        ({"contentHash": ""}, FORM),
        ({"contentHash": 7}, "string"),
        ({"contentHash": ["a"]}, "string"),
    ],
    ids=str,
)
async def test_a_wrong_hash_is_422_naming_it_and_nothing_is_written(
    client: Client, counting: CountingReads, members: dict[str, Any], detail: str
) -> None:
    for method, path in await calls(client):
        counting.forget()
        key = {"idempotency-key": new_id()}
        refused = await client.call(method, path, {**NEW, "content": CONTENT, **members}, key)
        problem = assert_problem(refused, 422, "invalid_request")
        [fault] = problem["errors"]
        assert fault["pointer"] == "#/contentHash" and detail in fault["detail"]
        assert counting.asked == []
        # The key was not spent: another request can have it.
        response = await client.call(method, path, {**NEW, "content": CONTENT}, key)
        assert response.status in (200, 201), response.body


async def test_a_hash_without_content_is_422(client: Client, counting: CountingReads) -> None:
    path, _ = await made(client)
    bodies = [
        ("PUT", path, {"title": "New", "contentHash": sha256("one")}),
        ("PUT", path, {"content": None, "contentHash": sha256("one")}),
        ("PUT", f"{DRAFTS}/{new_id()}", {"title": "New", "contentHash": sha256("one")}),
        ("POST", SNAPSHOTS, {"sessionId": path.rpartition("/")[2], "contentHash": sha256("one")}),
    ]
    counting.forget()
    for method, where, body in bodies:
        problem = assert_problem(await client.call(method, where, body), 422, "invalid_request")
        assert problem["errors"] == [{"pointer": "#/contentHash", "detail": "needs content"}]
    assert_problem(await client.call("PATCH", path, {"contentHash": sha256("one")}), 422, "invalid_request")
    assert counting.asked == []


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_raw_content_is_compared_with_its_digest_as_it_is_sent(
    client: Client, counting: CountingReads, coding: str
) -> None:
    path, _ = await made(client)
    sent = gzip.compress(CONTENT.encode(), mtime=0) if coding == "gzip" else CONTENT.encode()
    saved = assert_ok(await put_content(client, path, sent, content_encoding=coding, repr_digest=digest(sent)))
    assert saved.json["contentHash"] == sha256(CONTENT)
    other = gzip.compress(CONTENT.encode(), 1, mtime=7) if coding == "identity" else CONTENT.encode()
    for wrong in (digest(other), f"{digest(sent)}, {digest(other)}", f"sha-512=:AAAA:, {digest(other)}"):
        counting.forget()
        headers = {"repr_digest": wrong, "idempotency_key": "k"}
        refused = await put_content(client, path, sent, content_encoding=coding, **headers)
        problem = assert_problem(refused, 422, "invalid_request")
        assert [fault["header"] for fault in problem["errors"]] == ["Repr-Digest"]
        assert "Repr-Digest" in problem["error"]["message"]
        assert counting.asked == []
    for ignored in ("sha-512=:AAAA:", "", f"md5=:AAAA:, {digest(sent)}"):
        assert_ok(await put_content(client, path, sent, content_encoding=coding, repr_digest=ignored))
    assert_ok(await put_content(client, path, b"two", idempotency_key="k"))


@pytest.mark.parametrize("malformed", ["nonsense!", "sha-256", "sha-256=:AAAA:", "sha-256=:", "SHA-256=:AA==:"])
async def test_a_malformed_digest_is_400_and_nothing_is_written(
    client: Client, counting: CountingReads, malformed: str
) -> None:
    path, _ = await made(client)
    counting.forget()
    for body, coding in ((b"two", "identity"), (gzip.compress(b"two"), "gzip")):
        refused = await put_content(client, path, body, content_encoding=coding, repr_digest=malformed)
        assert "Repr-Digest" in assert_problem(refused, 400, "invalid_header")["detail"]
    assert counting.asked == []


async def test_a_body_that_was_damaged_on_its_way_is_reported_as_that(client: Client) -> None:
    path, _ = await made(client)
    sent = gzip.compress(CONTENT.encode() * 20)
    for damaged in (sent[:-1], sent + b"\0", sent[:20] + bytes([sent[20] ^ 1]) + sent[21:], b""):
        refused = await put_content(client, path, damaged, content_encoding="gzip", repr_digest=digest(sent))
        assert_problem(refused, 422, "invalid_request")
    assert_problem(await put_content(client, path, b"\xff", repr_digest=digest(b"\xfe")), 422, "invalid_request")
    assert (await client.get(f"{path}/content")).body == b"one"


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
@pytest.mark.parametrize("content", ["", CONTENT, CONTENT * 5_000])
async def test_raw_responses_have_the_digest_of_what_is_sent(client: Client, accepted: str, content: str) -> None:
    session, _ = await made(client, content=content)
    snapshot = assert_ok(await client.post(SNAPSHOTS, {**NEW, "content": content}), 201).json
    for path in (session, f"{SNAPSHOTS}/{snapshot}"):
        read = assert_ok(await client.get(f"{path}/content", {"accept-encoding": accepted}))
        assert read.headers.get("content-encoding", "identity") == accepted
        assert read.headers["repr-digest"] == digest(read.body)
        headers = {"accept-encoding": accepted, "if-none-match": read.etag}
        assert "repr-digest" not in assert_ok(await client.get(f"{path}/content", headers), 304).headers
        # What was received can be sent back as it is.
        back = {"content_encoding": accepted, "repr_digest": read.headers["repr-digest"]}
        assert assert_ok(await put_content(client, session, read.body, **back)).json["contentHash"] == sha256(
            content
        )
        assert "repr-digest" not in (await client.get(path)).headers
