"""Hostile requests, byte for byte over a real socket.

The response is a clear problem or the host's own refusal. The server never fails, and nothing is written.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devhost.server import exchange
from tests.support.raw import RawAnswer, answered, ask, assert_refused
from tests.support.target import API, JSON, NEW, TEXT, Target, serving

GZIP = ("Content-Encoding", "gzip")
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with serving(tmp_path_factory.mktemp("hostile") / "data") as target:
        yield target


@pytest.fixture
def target(running: Target) -> Iterator[Target]:
    with running.unchanged():
        yield running


def put_content(target: Target, body: bytes, *headers: tuple[str, str]) -> RawAnswer:
    return ask(target.server, "PUT", f"{API}/sessions/{target.session}/content", headers, body)


def peak_memory_kilobytes(target: Target) -> int:
    status = Path(f"/proc/{target.server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def bomb(megabytes: int) -> bytes:
    """Returns so many million zeros, gzipped to a thousandth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(megabytes)) + packer.flush()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process needs at most")
def test_a_bomb_is_found_out_before_it_takes_memory(target: Target) -> None:
    small = bomb(50)
    # Several members make one stream: 1.5 GB in 1.5 MB.
    bombs = [small, small * 30, gzip.compress(small)]
    before = peak_memory_kilobytes(target)
    path = f"{API}/sessions/{target.session}"
    for body in bombs[:2]:
        assert_refused(ask(target.server, "PUT", path, [JSON, GZIP], body), 413)
    assert_refused(ask(target.server, "PUT", path, [JSON, GZIP], bombs[2]), 422)
    assert_refused(put_content(target, bombs[0], TEXT, GZIP), 413)
    assert len(bombs[1]) < 1_572_864 < 1_000_000_000
    assert_refused(put_content(target, bombs[1], TEXT, GZIP), 413)
    # Unpacked once, it is still a bomb, and not text.
    assert_refused(put_content(target, bombs[2], TEXT, GZIP), 422)
    assert peak_memory_kilobytes(target) - before < 40_000


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"no gzip at all", {400}),
        (gzip.compress(b"cut short")[:-4], {400}),
        (gzip.compress(b"a wrong sum")[:-8] + bytes(8), {400}),
        (b"\x1f\x8b\x08" + bytes(7), {400}),
        (gzip.compress(b"\xed\xa0\x80"), {422}),
        (gzip.compress(b"\xff\xfe"), {422}),
        (b"", {400, 411}),
    ],
    ids=["plain", "cut", "sum", "head", "surrogate", "utf-16", "empty"],
)
def test_gzip_that_is_none_or_holds_no_text_is_refused(target: Target, body: bytes, statuses: set[int]) -> None:
    assert_refused(put_content(target, body, TEXT, GZIP), *statuses)
    for path in (f"sessions/{target.session}", f"drafts/{target.draft}"):
        assert_refused(ask(target.server, "PUT", f"{API}/{path}", [JSON, GZIP], body), *statuses)


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip,identity", "x-gzip", "\t", "*"])
def test_a_coding_that_is_not_read_here_is_refused(target: Target, coding: str) -> None:
    assert_refused(put_content(target, zlib.compress(b"x"), TEXT, ("Content-Encoding", coding)), 415)
    path = f"{API}/sessions/{target.session}"
    assert_refused(ask(target.server, "PUT", path, [JSON, ("Content-Encoding", coding)], gzip.compress(NEW)), 415)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", "sessions/{session}/content", [TEXT]),
        ("PUT", "sessions/{session}/content", [TEXT, GZIP]),
        ("PUT", "sessions/{session}", [JSON]),
        ("PATCH", "sessions/{session}", [JSON]),
        ("PUT", "drafts/{draft}", [JSON]),
        ("POST", "sessions", [JSON]),
        ("POST", "snapshots", [JSON]),
    ],
)
def test_a_body_in_chunks_is_never_taken_for_an_empty_one(
    target: Target, method: str, path: str, headers: list[tuple[str, str]]
) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (NEW[:9], NEW[9:])) + b"0\r\n\r\n"
    where = f"{API}/{path.format(session=target.session, draft=target.draft)}"
    answer = ask(target.server, method, where, [*headers, ("Transfer-Encoding", "chunked")], chunks)
    assert_refused(answer, 411)
    assert answer.json["error"]["type"] == "length_required"


@pytest.mark.parametrize(
    ("lengths", "body"),
    [
        ([("Content-Length", "-1")], NEW),
        ([("Content-Length", "1e3")], NEW),
        ([("Content-Length", "+5")], NEW),
        ([("Content-Length", "0x10")], NEW),
        ([("Content-Length", "9" * 30)], NEW),
        ([("Content-Length", "5"), ("Content-Length", "6")], NEW),
        ([("Content-Length", "5, 6")], NEW),
        ([("Content-Length", "7"), ("Transfer-Encoding", "chunked")], b"0\r\n\r\nGET"),
        ([("Transfer-Encoding", "chunked, identity")], NEW),
        ([("Transfer-Encoding", "chunked")], b"zz\r\n"),
        ([("Content-Length", "10")], NEW),
    ],
    ids=lambda value: re.sub(r"\W+", "-", str(value))[:60] if isinstance(value, list) else "",
)
def test_lengths_that_lie_are_refused(target: Target, lengths: list[tuple[str, str]], body: bytes) -> None:
    # The last one declares too few bytes: the rest must not count as another request.
    answer = ask(target.server, "POST", f"{API}/sessions", [JSON, *lengths], body)
    assert_refused(answer)
    assert answer.everything.count(b"HTTP/1.1 ") <= 2


@pytest.mark.parametrize(
    "media_type",
    ["", "json", "text/html", "application/json5", "application/xml", "multipart/form-data; boundary=x", "*/*"]
    + ["application/x-www-form-urlencoded", "application/json, text/plain", "x" * MEGABYTE],
    ids=lambda text: re.sub(r"\W+", "-", text[:40]),
)
def test_another_media_type_is_refused(target: Target, media_type: str) -> None:
    for method, path in [("POST", "sessions"), ("POST", "snapshots"), ("PUT", f"drafts/{target.draft}")]:
        answer = ask(target.server, method, f"{API}/{path}", [("Content-Type", media_type)], NEW)
        assert_refused(answer, 415, 431)


@pytest.mark.parametrize(
    "media_type",
    ["", "text", "text/", "/html", "text/html/x", "a b/c", "text/plain; charset=utf-16", "é/x", "x" * MEGABYTE]
    + [f"text/{'x' * 128}", "text/plain; charset=\xff", "text/plain\x01"],
    ids=lambda text: re.sub(r"\W+", "-", text[:40]),
)
def test_content_of_a_type_that_is_none_is_refused(target: Target, media_type: str) -> None:
    assert_refused(put_content(target, b"x", ("Content-Type", media_type)), 400, 415, 431)


@pytest.mark.parametrize(
    "media_type",
    ["text/html\r\nX-Evil: 1", "text/html\n", "text/html\u2028", "text/html; charset=utf-7", "é/x", "\0", "x", ""],
    ids=ascii,
)
def test_a_media_type_in_json_cannot_become_another_header(target: Target, media_type: str) -> None:
    body = json.dumps({"mediaType": media_type}).encode()
    for path in (f"sessions/{target.session}", f"drafts/{target.draft}"):
        assert_refused(ask(target.server, "PUT", f"{API}/{path}", [JSON], body), 422)


def test_one_connection_after_a_refusal_is_fit_for_the_next_request(target: Target) -> None:
    first = (
        b"POST %s/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
    )
    second = b"GET /api/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    received = exchange(target.server, first % (API.encode(), len(NEW)) + NEW + second)
    assert answered(received).status == 415
    assert received.count(b"HTTP/1.1 ") == 2 and received.endswith(b'{"status":"ok","build":null}')
