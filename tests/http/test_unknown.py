"""Paths and methods that no endpoint below `persistence/` has: problems, as every other error."""

from collections.abc import Iterator

import httpx
import pytest

from functions.http.unknown import METHODS
from tests.support.http import SESSIONS, Client, assert_problem
from tests.support.raw import ask
from tests.support.target import API, Target, serving

pytestmark = pytest.mark.one_engine

UNKNOWN = [
    "persistence",
    "persistence/",
    "persistence/nothing",
    "persistence/sessions/1/2/3/4/5",
    "persistence/sessions//content",
    "persistence/Drafts/a/b",
    "persistence/me/too",
]
ONE_SESSION = "DELETE, GET, HEAD, PATCH, PUT"
ALLOWED = {
    "persistence/sessions": "GET, HEAD, POST",
    "persistence/SESSIONS/": "GET, HEAD, POST",
    "persistence/sessions/unknown-0000": ONE_SESSION,
    "persistence/Sessions/malformed/": ONE_SESSION,
    "persistence/sessions/unknown-0000/close": "POST",
    "persistence/sessions/unknown-0000/touch": "PUT",
    "persistence/sessions/metadata/unknown-0000": "GET, HEAD",
    # A draft could have this id, if ids were shorter.
    "persistence/drafts/latest": "DELETE, GET, HEAD, PUT",
    "persistence/snapshot_access_logs/unknown-0000": "DELETE",
    "persistence/me": "DELETE, GET, HEAD",
    "persistence/export": "GET, HEAD",
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with serving(tmp_path_factory.mktemp("unknown") / "data") as target, target.unchanged():
        yield target


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", UNKNOWN)
async def test_an_unknown_path_is_a_problem(client: Client, method: str, path: str) -> None:
    response = await client.call(method, path)
    if method == "HEAD":
        assert (response.status, response.body) == (404, b"")
    else:
        problem = assert_problem(response, 404, "unknown_path")
        assert problem["detail"] == "No endpoint has this path."
    assert "allow" not in response.headers


@pytest.mark.parametrize(("path", "allow"), ALLOWED.items())
async def test_an_unknown_method_is_a_problem_that_names_the_others(client: Client, path: str, allow: str) -> None:
    refused = [method for method in METHODS if method not in allow.split(", ")]
    assert refused
    for method in refused:
        response = await client.call(method, path.removesuffix("/"))
        assert response.headers["allow"] == allow
        if method != "HEAD":
            problem = assert_problem(response, 405, "method_not_allowed")
            assert problem["detail"] == f"This path has no {method}, only {allow}."


async def test_neither_identity_nor_query_nor_condition_nor_body_is_looked_at(client: Client) -> None:
    strange = {"X-User-Id": " ", "Origin": "https://example.com", "If-Match": "nonsense"}
    for path, status, code in (
        ("persistence/nothing", 404, "unknown_path"),
        (f"{SESSIONS}/unknown-0000/close", 405, "method_not_allowed"),
    ):
        response = await client.call("PUT", path, b"not JSON", strange, {"unknown": "1"})
        assert_problem(response, status, code)


@pytest.mark.parametrize("path", UNKNOWN)
def test_over_the_wire_an_unknown_path_is_the_same_problem(target: Target, path: str) -> None:
    response = httpx.get(f"{target.server.base_url}/api/{path}", trust_env=False)
    assert (response.status_code, response.json()["error"]["type"]) == (404, "unknown_path")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "allow"), ALLOWED.items())
def test_over_the_wire_an_unknown_method_is_the_same_problem(target: Target, path: str, allow: str) -> None:
    with httpx.Client(base_url=f"{target.server.base_url}/api/", trust_env=False) as client:
        for method in METHODS:
            if (method, path) == ("GET", "persistence/export"):
                continue  # it leaves a line of activity
            response = client.request(method, path)
            if method in allow.split(", "):
                assert response.status_code != 405
            else:
                assert (response.status_code, response.headers["allow"]) == (405, allow)


def test_a_path_with_an_encoded_slash_is_not_another_path(target: Target) -> None:
    answer = ask(target.server, "GET", f"{API}%2Fsessions")
    assert (answer.status, answer.body) == (404, b"")
    answer = ask(target.server, "POST", f"{API}/sessions/{target.session}%2Fclose")
    assert answer.status == 405 and answer.headers["allow"] == ONE_SESSION


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/nothing", "/persistence/sessions", "/api/health"])
def test_outside_the_404_is_the_hosts(target: Target, path: str) -> None:
    response = httpx.get(target.server.base_url + path, trust_env=False)
    assert (response.status_code, response.content) == (404, b"")


def test_options_belongs_to_preflights(target: Target) -> None:
    for path in ("sessions", "nothing"):
        response = httpx.options(f"{target.server.base_url}{API}/{path}", trust_env=False)
        assert (response.status_code, response.content) == (404, b"")
