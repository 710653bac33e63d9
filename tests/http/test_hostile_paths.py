"""Hostile paths, queries and headers, byte for byte over a real socket.

The response is a clear problem or the host's own refusal. The server never fails. It shows nothing of others
and writes nothing.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import pytest

from tests.support.raw import ask, assert_refused
from tests.support.target import API, JSON, NEW, TEXT, Target, serving

MEGABYTE = 1_000_000
# NUL, an encoded lone surrogate, bytes that are not UTF-8, an overlong slash, and line breaks.
ODD_BYTES = [b"\0", b"\xed\xa0\x80", b"\xff\xfe", b"\xc0\xaf", b"\r\n", b"\n", b"\x7f", "\u2028".encode()]
ODD_TEXTS = ["\0", "\ud800", "\udc00\ud800"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with serving(tmp_path_factory.mktemp("hostile") / "data") as target:
        yield target


@pytest.fixture
def target(running: Target) -> Iterator[Target]:
    with running.unchanged():
        yield running


PATHS = [
    "/api/persistence/sessions/{session}%00",
    "/api/persistence/sessions/%00",
    "/api/persistence/sessions/{session}%20",
    "/api/persistence/sessions/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/api/persistence/sessions/..%2f..%2f..%2fetc%2fpasswd",
    "/api/persistence/sessions/%2e%2e%2f{session}",
    "/api/persistence/sessions/%252e%252e%252f{session}",
    "/api/persistence/sessions/..%5c{session}",
    "/api/persistence/sessions\\{session}",
    "/api/persistence/sessions//{session}",
    "//api/persistence/sessions/{session}",
    "/api//persistence/sessions/{session}",
    "/api/persistence/sessions%2f{session}",
    "/api/persistence%2fsessions%2f{session}",
    "/api/persistence/sessions/{session};a=b",
    "/api/persistence/sessions/{session}.json",
    "/api/persistence/sessions/{session}%c0%af",
    "/api/persistence/sessions/{session}%ed%a0%80",
    "/api/persistence/sessions/{session}%ff",
    "/api/persistence/sessions/{session}%0d%0aX-Evil:1",
    "/api/persistence/sessions/{session}%",
    "/api/persistence/sessions/{session}%zz",
    "/api/persistence/sessions/{session}~content",
    "/api/persistence/sessions/idem~{session}",
    "/api/persistence/sessions/*",
    "/api/persistence/sessions/'%20OR%20'1'='1",
    "/api/persistence/sessions/{session}/content/",
    "/api/persistence/sessions/{session}/revisions/-1",
    "/api/persistence/sessions/{session}/revisions/1e1",
    "/api/persistence/sessions/{session}/revisions/%D9%A1",
    "/api/persistence/sessions/{session}/revisions/" + "9" * 400,
    "/api/persistence/sessions/" + "a" * 100_000,
    "/api/persistence/sessions/" + "%41" * 30_000,
    "/api/persistence/sessions/" + "../" * 10_000 + "x",
    "/api" + "/x" * 20_000,
    "/.env",
    "/",
    "*",
    "",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: re.sub(r"[^\w%]+", "-", path[:70]))
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_a_path_that_plays_tricks_leads_nowhere(target: Target, method: str, path: str) -> None:
    filled = path.format(session=target.session) if path.isascii() else path
    # Another person asks: wherever the path leads, the session is not theirs.
    is_content = filled.rstrip("/").endswith("/content")
    answer = ask(target.server, method, filled, [TEXT if is_content else JSON], NEW, user="mallory")
    if (method, path) == ("GET", "/"):
        assert (answer.status, answer.headers["location"]) == (302, "/api/workbench")
    else:
        assert_refused(answer)
    assert b"X-Evil" not in answer.everything and b"one" not in answer.body


@pytest.mark.parametrize(
    "method", ["TRACE", "OPTIONS", "CONNECT", "PROPFIND", "get", "delete", "DELETE\t", "\0", "X" * 10_000]
)
def test_methods_that_nobody_serves_do_nothing(target: Target, method: str) -> None:
    assert_refused(ask(target.server, method, f"{API}/sessions/{target.session}"))


@pytest.mark.parametrize("odd", ODD_BYTES, ids=ascii)
def test_odd_bytes_in_a_path_are_refused(target: Target, odd: bytes) -> None:
    session = target.session.encode()
    for at in (b"/api/persistence/sessions/" + session + odd, b"/api/persistence/" + odd + b"sessions/" + session):
        assert_refused(ask(target.server, "DELETE", at))
        assert_refused(ask(target.server, "DELETE", quote(at, safe="/")))


@pytest.mark.parametrize("odd", ODD_BYTES, ids=ascii)
@pytest.mark.parametrize(
    "name", ["cursor", "filter_title", "filter_owner_id", "app", "sort_by", "page_size", "nobody"]
)
def test_odd_bytes_in_a_query_are_refused_or_find_nothing(target: Target, name: str, odd: bytes) -> None:
    query = f"{name}=a{quote(odd)}"
    answer = ask(target.server, "GET", f"{API}/snapshot_access_logs?{query}")
    if answer.status == 200:
        # Valid text may be searched for. No title, app or owner contains it.
        assert name in ("filter_title", "filter_owner_id", "app") and answer.json["items"] == []
    else:
        assert_refused(answer)
    assert_refused(ask(target.server, "GET", f"{API}/snapshot_access_logs?{quote(odd)}=a"))


HEADERS = [
    "X-User-Id",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Prefer",
    "Content-Type",
    "Content-Encoding",
    "Origin",
    "Host",
]


@pytest.mark.parametrize("odd", [*ODD_BYTES, b"x" * 70_000], ids=lambda odd: ascii(odd[:10]))
@pytest.mark.parametrize("header", HEADERS)
def test_odd_bytes_in_a_header_do_no_harm(target: Target, header: str, odd: bytes) -> None:
    path = f"{API}/sessions/{target.session}"
    value = b"a" + odd + b"X-Evil: 1"
    headers: list[tuple[str | bytes, str | bytes]] = [(header, value)]
    if header != "Content-Type":
        headers.append(JSON)
    # An empty change writes nothing, so a header may be ignored.
    answer = ask(target.server, "PUT", path, headers, b"{}")
    assert answer.status < 500, answer.everything[:300]
    assert b"x-evil" not in answer.everything.lower().partition(b"\r\n\r\n")[0]
    if answer.status >= 300:
        assert_refused(answer)


@pytest.mark.parametrize("name", [b"X Evil", b"X-\xc3\xa9", b"X\0", b"", b"X:Y", b" X", b"X" * 70_000], ids=ascii)
def test_odd_names_of_headers_do_no_harm(target: Target, name: bytes) -> None:
    answer = ask(target.server, "PUT", f"{API}/sessions/{target.session}", [JSON, (name, "1")], b"{}")
    assert answer.status < 500
    if answer.status >= 300:
        assert_refused(answer)


def test_headers_without_end_are_survived(target: Target) -> None:
    many = [(f"X-{number}", "x" * 100) for number in range(10_000)]
    for headers in (many, [("X-Large", "x" * MEGABYTE)], [("Cookie", "a=b; " * 20_000)]):
        assert ask(target.server, "GET", f"{API}/me", headers).status in (200, 400, 431)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "localhost@evil.example", "127.0.0.1.nip.io", "[::ffff:1.2.3.4]"],
)
def test_another_host_name_is_not_served(target: Target, host: str) -> None:
    assert_refused(ask(target.server, "POST", f"{API}/sessions", [JSON, ("Host", host)], NEW), 403)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://", "\0"]
)
def test_a_page_of_another_origin_is_not_served(target: Target, origin: str) -> None:
    assert_refused(ask(target.server, "POST", f"{API}/sessions", [JSON, ("Origin", origin)], NEW), 400, 403)


def members(target: Target) -> Iterator[tuple[str, str, str]]:
    """Returns every text member of a body, with its method and path, from the API description."""
    document = ask(target.server, "GET", "/api/openapi.json").json
    ids = {"session_id": target.session, "draft_id": target.draft, "version": 1}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "$ref" in content.get("schema", {}):
                schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                yield from ((method.upper(), path.format(**ids), name) for name in schema["properties"])


def test_nul_and_lone_surrogates_in_any_member_are_refused(target: Target) -> None:
    found = list(members(target))
    assert len(found) > 20
    for method, path, name in found:
        for odd in ODD_TEXTS:
            if name in ("content", "deviceInfo") and odd == "\0":
                continue  # content may have any character, and a device is kept without NUL
            body = {"title": "t", "description": None, "content": "c", name: f"a{odd}b"}
            if method == "PATCH" or path.endswith("/name"):
                body = {name: f"a{odd}b"}
            if name == "sessionId":
                del body["content"]
            answer = ask(target.server, method, path, [JSON], json.dumps(body).encode())
            # No session can have such an id.
            assert_refused(answer, 404 if name == "sessionId" and odd == "\0" else 422)
            assert_refused(ask(target.server, method, path, [JSON], json.dumps({f"a{odd}": 1}).encode()), 422)


@pytest.mark.parametrize(
    "odd", [b"\xed\xa0\x80", b"\xff", b"\xc0\x80", b"\xf5\x80\x80\x80", "a".encode("utf-16")], ids=ascii
)
def test_content_that_is_no_utf_8_is_refused_in_json_and_by_itself(target: Target, odd: bytes) -> None:
    path = f"{API}/sessions/{target.session}"
    assert_refused(ask(target.server, "PUT", path, [JSON], b'{"content": "' + odd + b'"}'), 422)
    assert_refused(ask(target.server, "PUT", f"{path}/content", [TEXT], odd), 422)


@pytest.mark.parametrize(
    "before",
    [
        "//evil.example/../..",
        "/\\evil.example/..",
        "//evil.example/%2e%2e/%2e%2e",
        "///evil.example/../../..",
        "/.//..",
    ],
)
@pytest.mark.parametrize("path", ["sessions", "snapshots"])
def test_the_location_of_what_was_created_never_leaves_the_origin(running: Target, before: str, path: str) -> None:
    answer = ask(running.server, "POST", f"{before}{API}/{path}", [JSON], NEW)
    assert answer.status == 201
    location = answer.headers["location"].replace("\\", "/")  # as browsers read it
    followed = urlsplit(urljoin("http://localhost:1/x", location))
    assert followed.netloc == "localhost:1"
    assert ask(running.server, "GET", followed.path).status == 200
