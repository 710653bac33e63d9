"""The server returns the files of the browser module to everyone, small and fresh."""

import gzip
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from functions.client import NAME
from functions.files import FOR_EVER, REVALIDATED, BuiltFiles
from tests.browser.built import needs_node
from tests.devhost.server import DevhostServer
from tests.support.raw import ask, assert_refused
from tests.support.storage import on_sqlite

pytestmark = needs_node

CODINGS = {"identity": "", "gzip": "-gzip"}


@pytest.fixture(scope="module")
def server(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevhostServer]:
    with on_sqlite(tmp_path_factory.mktemp("serving") / "data").serve() as server:
        yield server


@pytest.fixture
def client(server: DevhostServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.base_url}/api/client/", trust_env=False) as client:
        yield client


def names(built: Path) -> list[str]:
    return sorted(path.name for path in built.glob("*.js"))


def test_every_file_and_its_twin_are_the_same_text(built: Path) -> None:
    found = names(built)
    assert {"savepoint.js", "react.js"} <= set(found)
    assert all(re.search(NAME, name) for name in found)
    for name in found:
        assert gzip.decompress((built / f"{name}.gz").read_bytes()) == (built / name).read_bytes()
    assert {path.name for path in built.iterdir()} == {*found, *(f"{name}.gz" for name in found)}


@pytest.mark.parametrize("coding", CODINGS)
def test_everyone_gets_every_file_with_its_type_and_an_etag_of_the_coding(
    built: Path, client: httpx.Client, coding: str
) -> None:
    for name in names(built):
        response = client.get(name, headers={"Accept-Encoding": coding, "Origin": "https://app.example"})
        assert (response.status_code, response.content) == (200, (built / name).read_bytes())
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "Accept-Encoding" in response.headers["vary"]
        assert response.headers.get("content-encoding", "identity") == coding
        assert re.fullmatch(f'"[0-9a-f]{{16}}{CODINGS[coding]}"', response.headers["etag"])


def test_a_file_with_a_hash_in_its_name_is_kept_for_ever_and_the_others_are_revalidated(
    built: Path, client: httpx.Client
) -> None:
    rules = {name: client.get(name).headers["cache-control"] for name in names(built)}
    whole = [name for name in rules if "-" not in name]
    entries = {rules.pop(name) for name in whole}
    assert entries == {REVALIDATED} == {"public, no-cache"}
    assert rules and set(rules.values()) == {FOR_EVER} == {"public, max-age=31536000, immutable"}


@pytest.mark.parametrize("accepted", CODINGS)
@pytest.mark.parametrize("known", CODINGS)
def test_a_copy_that_is_current_is_not_sent_again(client: httpx.Client, known: str, accepted: str) -> None:
    etag = client.get("savepoint.js", headers={"Accept-Encoding": known}).headers["etag"]
    response = client.get("savepoint.js", headers={"Accept-Encoding": accepted, "If-None-Match": etag})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    assert response.headers["cache-control"] == REVALIDATED
    assert "Accept-Encoding" in response.headers["vary"]
    stale = client.get("savepoint.js", headers={"If-None-Match": '"0123456789abcdef"'})
    assert stale.status_code == 200


@pytest.mark.parametrize("coding", CODINGS)
def test_head_has_the_same_headers_and_no_body(client: httpx.Client, coding: str) -> None:
    ours = {"Accept-Encoding": coding}
    head, get = client.head("savepoint.js", headers=ours), client.get("savepoint.js", headers=ours)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


@pytest.mark.parametrize(
    "name", ["nothing.js", "savepoint.js.gz", "savepoint", "SAVEPOINT.JS", "..", "%2e%2e", "..%2fclient.py", "%09"]
)
def test_any_other_name_is_not_found(server: DevhostServer, name: str) -> None:
    # Byte for byte, because clients resolve dots.
    assert_refused(ask(server, "GET", f"/api/client/{name}"), 404)


def test_an_unknown_name_is_a_problem_that_is_not_stored(client: httpx.Client) -> None:
    response = client.get("nothing.js")
    assert (response.status_code, response.json()["error"]["type"]) == (404, "unknown_path")
    assert response.headers["cache-control"] == "no-store, private"


def test_files_are_read_when_the_first_is_asked_for(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    files = BuiltFiles(folder)
    shutil.copytree(built, folder)
    file = files.find("savepoint.js")
    assert file is not None
    shutil.rmtree(folder)
    assert files.find("savepoint.js") is file


def test_without_a_build_there_is_no_file(tmp_path: Path) -> None:
    assert BuiltFiles(tmp_path / "nothing").find("savepoint.js") is None
