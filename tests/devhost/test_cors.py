"""Pages of this machine may call in the mode `local`: what a browser sends first, and what it sends then."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devhost.local_settings import Cors, load
from tests.devhost.server import REPOSITORY, DevhostServer, run_devhost

NAMED = "https://app.example"
ALLOWED = [
    *(f"http://localhost:{port}" for port in (3000, 4200, 5173, 8080)),
    "https://localhost:4200",
    "http://localhost",
    "http://127.0.0.1:4200",
    "http://127.0.0.1:8080",
    "http://[::1]:4200",
    NAMED,
]
FOREIGN = [
    "https://evil.example",
    "http://app.example",
    "https://app.example:444",
    "http://localhost.evil.example:4200",
    "http://127.0.0.1.nip.io",
    "null",
]
SENT = "content-encoding,content-type,idempotency-key,if-match,savepoint-device"
SESSIONS = "/api/persistence/sessions"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevhostServer]:
    folder = tmp_path_factory.mktemp("cors") / "data"
    environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": str(folder), "LOCAL_ORIGINS": NAMED}
    with run_devhost(REPOSITORY, environ) as running:
        yield running


@pytest.fixture(params=["127.0.0.1", "localhost"])
def client(request: pytest.FixtureRequest, server: DevhostServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{request.param}:{server.port}", trust_env=False) as client:
        yield client


def preflight(client: httpx.Client, origin: str, path: str = SESSIONS, **more: str) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": SENT}
    return client.options(path, headers={**asked, **more})


@pytest.mark.parametrize("origin", ALLOWED)
def test_a_page_of_this_machine_saves(client: httpx.Client, origin: str) -> None:
    page = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    new = {"title": "First", "description": None, "content": "one"}
    created = client.post(SESSIONS, json=new, headers=page)
    assert created.status_code == 201
    path = f"{SESSIONS}/{created.json()}"

    asked = preflight(client, origin, path)
    assert asked.status_code in (200, 204)
    assert asked.headers["access-control-allow-origin"] == origin
    assert "PUT" in asked.headers["access-control-allow-methods"].split(", ")
    assert asked.headers["access-control-allow-headers"] == SENT

    headers = {**page, "If-Match": created.headers["etag"], "Idempotency-Key": "save-1"}
    saved = client.put(path, json={"content": "two"}, headers=headers)
    assert saved.status_code == 200
    assert saved.headers["access-control-allow-origin"] == origin
    exposed = saved.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Location", "Retry-After"} <= set(exposed) and "*" not in exposed
    assert "access-control-allow-credentials" not in saved.headers
    # Its retry, and a problem, can be read just so.
    assert client.put(path, json={"content": "two"}, headers=headers).json() == saved.json()
    changed = client.put(path, json={"content": "three"}, headers={**headers, "Idempotency-Key": "save-2"})
    assert (changed.status_code, changed.headers["access-control-allow-origin"]) == (412, origin)


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_gets_neither_past_the_preflight_nor_past_the_app(
    client: httpx.Client, origin: str
) -> None:
    asked = preflight(client, origin)
    assert asked.status_code == 400
    for response in (
        asked,
        client.put(f"{SESSIONS}/unknown-0000", json={"content": "two"}, headers={"Origin": origin}),
        client.get(SESSIONS, headers={"Origin": origin}),
    ):
        assert "access-control-allow-origin" not in response.headers
        assert response.status_code in (400, 403)


@pytest.mark.parametrize("path", [SESSIONS, "/api/persistence/nothing", "/api/health/live", "/api/nothing", "/"])
def test_the_preflight_is_the_hosts_on_every_path(client: httpx.Client, path: str) -> None:
    asked = preflight(client, ALLOWED[0], path)
    assert asked.status_code in (200, 204)
    assert asked.headers["access-control-allow-origin"] == ALLOWED[0]


def test_a_page_of_the_internet_that_may_call_this_machine_may_do_so(client: httpx.Client) -> None:
    asked = preflight(client, NAMED, **{"Access-Control-Request-Private-Network": "true"})
    assert asked.headers["access-control-allow-private-network"] == "true"
    refused = preflight(client, FOREIGN[0], **{"Access-Control-Request-Private-Network": "true"})
    assert refused.status_code == 400 and "access-control-allow-origin" not in refused.headers


def written(folder: Path, **host: object) -> Path:
    (folder / "local.settings.json").write_text(json.dumps({"Host": host}))
    return folder


def test_both_read_one_list(tmp_path: Path) -> None:
    environ = {"AUTH_MODE": "local"}
    assert load(written(tmp_path, CORS="https://a.example", CORSCredentials=True), environ).cors == Cors(
        ("https://a.example",), credentials=True, loopback=True
    )
    assert environ["LOCAL_ORIGINS"] == "https://a.example"
    environ = {"AUTH_MODE": "local", "LOCAL_ORIGINS": " https://b.example , https://c.example,"}
    assert load(tmp_path, environ).cors == Cors(
        ("https://b.example", "https://c.example"), credentials=True, loopback=True
    )


def test_a_wildcard_in_the_list_of_the_app_allows_nobody(tmp_path: Path) -> None:
    environ = {"AUTH_MODE": "local", "LOCAL_ORIGINS": "*,https://a.example"}
    assert load(tmp_path, environ).cors == Cors(("https://a.example",), credentials=False, loopback=True)


def test_without_any_list_pages_of_this_machine_may_call(tmp_path: Path) -> None:
    environ = {"AUTH_MODE": "local"}
    assert load(tmp_path, environ).cors == Cors((), credentials=False, loopback=True)
    assert "LOCAL_ORIGINS" not in environ


def test_a_wildcard_stays_one(tmp_path: Path) -> None:
    assert load(written(tmp_path, CORS="*"), {"AUTH_MODE": "local"}).cors == Cors(("*",), credentials=False)


@pytest.mark.parametrize("mode", ["jwt", "easyauth", "swa"])
def test_in_other_modes_only_what_the_host_names_may_call(tmp_path: Path, mode: str) -> None:
    environ = {"AUTH_MODE": mode, "LOCAL_ORIGINS": NAMED}
    assert load(tmp_path, environ).cors is None
    assert load(written(tmp_path, CORS="https://a.example"), environ).cors == Cors(
        ("https://a.example",), credentials=False
    )
