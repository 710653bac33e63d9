"""Conditions and contents behind real proxies, which compress responses and change their ETags."""

import gzip
import hashlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from functions.http.digests import repr_digest
from tests.devhost.server import DevhostServer
from tests.support.deltas import inserting
from tests.support.proxies import KINDS, Proxy
from tests.support.storage import on_sqlite

API = "/api/persistence"
TEXT = "zoom: 3\n" * 500
NEW = {"title": "First", "description": None, "content": TEXT}


def digest(body: bytes) -> str:
    return repr_digest(hashlib.sha256(body).digest())


@dataclass(frozen=True)
class Answer:
    """A response as it came through the proxy, its content coding removed by nobody."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def etag(self) -> str:
        return self.headers["etag"]


@dataclass(frozen=True)
class Caller:
    """A browser that accepts what the proxy compresses with."""

    proxy: Proxy

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        sent = {"Accept-Encoding": self.proxy.coding, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=20)
        try:
            connection.request(method, f"{API}/{path}", body, sent)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, received, response.read())
        finally:
            connection.close()

    def etag_of(self, path: str) -> str:
        """Returns the ETag as a proxy that compresses makes it."""
        read = self.call("GET", path)
        assert (read.status, read.headers["content-encoding"]) == (200, self.proxy.coding)
        return read.etag


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevhostServer]:
    with on_sqlite(tmp_path_factory.mktemp("data")).serve() as server:
        yield server


@pytest.fixture(scope="module", params=KINDS)
def caller(
    request: pytest.FixtureRequest, upstream: DevhostServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    kind = KINDS[request.param]
    if reason := kind.missing_here():
        pytest.skip(reason)
    with kind.before(upstream.base_url, tmp_path_factory.mktemp("proxy") / "files") as proxy:
        yield Caller(proxy)


@pytest.fixture
def path(caller: Caller) -> str:
    created = caller.call("POST", "sessions", NEW, {"Accept-Encoding": "identity"})
    assert created.status == 201
    return f"sessions/{json.loads(created.body)}"


def test_a_save_on_what_was_read_goes_through_and_one_on_an_older_version_does_not(
    caller: Caller, path: str
) -> None:
    for version in (2, 3):
        etag = caller.etag_of(path)
        saved = caller.call("PUT", path, {"content": f"{TEXT}{version}"}, {"If-Match": etag})
        assert (saved.status, saved.headers["etag"].count(f'"{version}-')) == (200, 1)
        stale = caller.call("PUT", path, {"content": "stale"}, {"If-Match": etag})
        assert stale.status == 412
    assert caller.call("DELETE", path, headers={"If-Match": caller.etag_of(path)}).status == 204


def test_a_poll_is_304_until_something_changes(caller: Caller, path: str) -> None:
    for each in (path, path.replace("sessions", "sessions/metadata"), f"{path}/content"):
        known = {"If-None-Match": caller.call("GET", each).etag}
        poll = caller.call("GET", each, headers=known)
        assert (poll.status, poll.body) == (304, b"")
        assert caller.call("PUT", path, {"content": TEXT + each}).status == 200
        assert caller.call("GET", each, headers=known).status == 200


def test_a_save_under_etags_from_before_the_proxy_goes_through(caller: Caller, path: str) -> None:
    own = caller.call("GET", path, headers={"Accept-Encoding": "identity"}).etag
    assert caller.call("PUT", path, {"content": "two"}, {"If-Match": own}).status == 200


def test_raw_content_comes_back_and_is_saved_gzipped(caller: Caller, path: str) -> None:
    content = f"{path}/content"
    packed = gzip.compress(f"{TEXT}packed".encode())
    sent = {"Content-Type": "text/plain", "Content-Encoding": "gzip", "Repr-Digest": digest(packed)}
    saved = caller.call("PUT", content, packed, {**sent, "If-Match": caller.etag_of(content)})
    assert saved.status == 200
    read = caller.call("GET", content, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(read.body).decode() == f"{TEXT}packed"
    plain = caller.call("GET", content, headers={"Accept-Encoding": "identity"})
    assert plain.body.decode() == f"{TEXT}packed"


def test_a_delta_is_applied_to_what_was_read(caller: Caller, path: str) -> None:
    target = f"{TEXT}delta".encode()
    etag = caller.etag_of(path)
    headers = {"Content-Type": "application/x-fossil-delta", "Patched-Digest": digest(target), "If-Match": etag}
    assert caller.call("PATCH", f"{path}/content", inserting(target), headers).status == 200
    assert caller.call("PATCH", f"{path}/content", inserting(target + b"2"), headers).status in (412, 422)
    plain = caller.call("GET", f"{path}/content", headers={"Accept-Encoding": "identity"})
    assert plain.body == target


def test_a_sync_is_applied_to_what_was_read(caller: Caller, path: str) -> None:
    item = {"op": "save", "id": path.partition("/")[2], "ifMatch": caller.etag_of(path), "content": "synced"}
    synced = caller.call("POST", "sync", {"mode": "atomic", "items": [item]}, {"Accept-Encoding": "identity"})
    assert (synced.status, json.loads(synced.body)["items"][0]["status"]) == (200, 200)
    stale = caller.call("POST", "sync", {"mode": "atomic", "items": [item]}, {"Accept-Encoding": "identity"})
    assert stale.status == 412


def test_the_content_of_a_snapshot_is_304_for_who_has_it(caller: Caller) -> None:
    created = caller.call("POST", "snapshots", NEW, {"Accept-Encoding": "identity"})
    content = f"snapshots/{json.loads(created.body)}/content"
    assert caller.call("GET", content, headers={"If-None-Match": caller.etag_of(content)}).status == 304
