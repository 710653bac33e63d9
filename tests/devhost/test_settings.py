"""local.settings.json: the app's settings, the port and the allowed origins."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from devhost import StartError
from devhost.host import route_prefix
from devhost.local_settings import Cors, load
from tests.devhost.server import refused_start, run_devhost

PAGE = "http://localhost:5173"

APP = """
import json, os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
at_import = {name: os.environ.get(name) for name in ("FROM_FILE", "FROM_BOTH", "LOCAL_ORIGINS")}

@app.route(route="settings")
async def settings(req):
    return json.dumps(at_import)

@app.route(route="broken")
async def broken(req):
    raise RuntimeError
"""


def write(folder: Path, document: object, name: str = "local.settings.json") -> Path:
    (folder / name).write_text(json.dumps(document))
    return folder


def test_without_a_file_it_listens_on_7071_of_this_machine(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    assert (settings.host, settings.port, settings.cors, settings.loopback_only) == ("127.0.0.1", 7071, None, None)


def test_values_become_settings_but_what_is_set_wins(tmp_path: Path) -> None:
    environ = {"A": "set before", "B": ""}
    load(write(tmp_path, {"Values": {"A": "file", "B": "file", "C": "file"}}), environ)
    assert environ == {"A": "set before", "B": "", "C": "file"}


def test_the_sample_is_read_only_where_there_is_no_file_of_one_s_own(tmp_path: Path) -> None:
    write(tmp_path, {"Values": {"A": "sample"}, "Host": {"LocalHttpPort": 1}}, "local.settings.sample.json")
    environ: dict[str, str] = {}
    assert load(tmp_path, environ).port == 1
    assert environ == {"A": "sample"}
    environ = {}
    assert load(write(tmp_path, {"Values": {"B": "own"}}), environ).port == 7071
    assert environ == {"B": "own"}


def test_the_port_is_that_of_the_environment_else_that_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, {"Host": {"LocalHttpPort": 8001}})
    assert load(tmp_path, {}).port == 8001
    assert load(tmp_path, {"PORT": ""}).port == 8001
    assert load(tmp_path, {"PORT": "9001"}).port == 9001
    assert load(tmp_path, {"PORT": "0"}).port == 0


@pytest.mark.parametrize("mode", ["local", "LOCAL", " local "])
def test_local_identity_ties_the_server_to_loopback_wherever_it_is_set(tmp_path: Path, mode: str) -> None:
    assert load(tmp_path, {"AUTH_MODE": mode}).loopback_only
    assert load(write(tmp_path, {"Values": {"AUTH_MODE": mode}}), {}).loopback_only
    assert load(tmp_path, {"AUTH_MODE": "jwt"}).loopback_only is None


@pytest.mark.parametrize("mode", ["easyauth", "swa"])
def test_headers_that_only_a_platform_could_vouch_for_tie_the_server_to_loopback(
    tmp_path: Path, mode: str
) -> None:
    assert load(tmp_path, {"AUTH_MODE": mode, "WEBSITE_AUTH_ENABLED": "true"}).loopback_only


@pytest.mark.parametrize(
    "host",
    [{"LocalHttpPort": "x"}, {"LocalHttpPort": -1}, {"LocalHttpPort": 70000}, {"CORS": ["*"]},
     {"CORS": "localhost:5173"}, {"CORS": "http://localhost:5173/"}, {"CORS": "*,http://localhost"},
     {"CORS": "*", "CORSCredentials": True}],
)  # fmt: skip
def test_a_host_part_that_means_nothing_is_refused(tmp_path: Path, host: dict[str, Any]) -> None:
    with pytest.raises(StartError, match="local.settings.json"):
        load(write(tmp_path, {"Host": host}), {})


@pytest.mark.parametrize("text", ["{", "[]", '{"Values": []}', '{"Values": {"A": 1}}', '{"IsEncrypted": true}'])
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "local.settings.json").write_text(text)
    with pytest.raises(StartError, match="local.settings.json"):
        load(tmp_path, {})


def as_folder(path: Path) -> None:
    path.mkdir()


def as_broken_json(path: Path) -> None:
    path.write_text('{"Values": {')


def as_latin_2(path: Path) -> None:
    path.write_bytes('{"Values": {"A": "ž"}}'.encode("iso-8859-2"))


def as_forbidden(path: Path) -> None:
    path.write_text("{}")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")


@pytest.mark.parametrize("make", [as_folder, as_broken_json, as_latin_2, as_forbidden])
def test_a_file_that_cannot_be_read_ends_the_start_in_one_line(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "local.settings.json")
    [line] = refused_start(tmp_path).splitlines()
    assert line.startswith("devhost: local.settings.json cannot be read: ")


@pytest.mark.parametrize("text", ["{", "[]", '{"extensions": 1}', '{"extensions": {"http": {"routePrefix": 1}}}'])
def test_a_host_json_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(StartError, match="host.json"):
        route_prefix(tmp_path)


def test_explicit_origins_are_handed_to_the_local_identity(tmp_path: Path) -> None:
    write(tmp_path, {"Host": {"CORS": f"{PAGE} , https://a.example,", "CORSCredentials": True}})
    for environ in ({}, {"LOCAL_ORIGINS": ""}):
        assert load(tmp_path, environ).cors == Cors((PAGE, "https://a.example"), credentials=True)
        assert environ == {"LOCAL_ORIGINS": f"{PAGE},https://a.example"}


def test_a_wildcard_is_not_handed_to_the_local_identity_and_its_own_setting_wins(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    assert load(write(tmp_path, {"Host": {"CORS": "*"}}), environ).cors == Cors(("*",), credentials=False)
    assert environ == {}
    environ = {"LOCAL_ORIGINS": "http://own"}
    load(write(tmp_path, {"Host": {"CORS": PAGE}}), environ)
    assert environ == {"LOCAL_ORIGINS": "http://own"}


def test_settings_are_there_when_the_app_is_imported_and_pages_may_call(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(APP)
    values = {"FROM_FILE": "file", "FROM_BOTH": "file"}
    write(tmp_path, {"Values": values, "Host": {"CORS": PAGE, "CORSCredentials": True}})
    with run_devhost(tmp_path, {"FROM_BOTH": "environment"}) as server:
        with httpx.Client(base_url=server.base_url) as client:
            seen = client.get("/api/settings").json()
            assert seen == {"FROM_FILE": "file", "FROM_BOTH": "environment", "LOCAL_ORIGINS": PAGE}
            check_allowed_origin(client)
            check_foreign_origin(client)


def check_allowed_origin(client: httpx.Client) -> None:
    ask = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "if-match,x-b",
    }
    preflight = client.options("/api/settings/unknown", headers=ask)
    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-allow-headers"] == "if-match,x-b"
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    for path, status in (("/api/settings", 200), ("/api/broken", 500), ("/api/unknown", 404)):
        answer = client.get(path, headers={"Origin": PAGE})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-credentials"] == "true"


def check_foreign_origin(client: httpx.Client) -> None:
    ask = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    for answer in (client.options("/api/settings", headers=ask), client.get("/api/settings", headers=ask)):
        assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in client.get("/admin/functions", headers={"Origin": PAGE}).headers


def test_a_wildcard_lets_every_page_call_without_credentials(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(APP)
    write(tmp_path, {"Host": {"CORS": "*"}})
    with run_devhost(tmp_path) as server:
        answer = httpx.get(f"{server.base_url}/api/settings", headers={"Origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.json()["LOCAL_ORIGINS"] is None
