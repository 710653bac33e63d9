"""`make verify-cloud` against servers on this machine, and against a front that does harm."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from infra.verify_cloud import CHECKS, Site, the_role_is_limited_to_the_database, verify
from tests.browser.line import Answer, Forward, Line, Sent, line_to
from tests.devhost.server import DevhostServer
from tests.support.bicep import ROOT
from tests.support.issuer import AUDIENCE, Issuer
from tests.support.nonsense import NONSENSE, speaking
from tests.support.storage import Storage, on_sqlite


def report(text: str) -> dict[str, str]:
    """Returns what became of each check, by its name."""
    lines = [line.split(maxsplit=1) for line in text.splitlines()]
    return {rest.partition(":")[0].partition(" (")[0]: what for what, rest in lines}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevhostServer]:
    with on_sqlite(tmp_path_factory.mktemp("verify") / "data").serve() as server:
        yield server


def test_against_one_machine_it_passes_and_names_what_it_skips(server: DevhostServer) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.verify_cloud"],
        cwd=ROOT,
        env={"URL": server.base_url, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    found = report(done.stdout)
    assert done.returncode == 0, done.stdout
    assert list(found) == [*(check.__name__.replace("_", " ") for check in CHECKS), "what it made is gone"]
    assert [name for name, what in found.items() if what == "SKIPPED"] == [
        "which version answers",
        "the role is limited to the database",
        "nobody is known without an identity",
        "forged headers are ignored",
        "forged headers are ignored on excluded paths",
    ]
    assert "AUTH_MODE=local" in done.stdout


async def test_with_tokens_nothing_but_the_cloud_itself_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Issuer() as issuer:
        settings = {"AUTH_MODE": "jwt", "JWT_ISSUERS": issuer.url, "JWT_AUDIENCE": AUDIENCE}
        with Storage({**on_sqlite(tmp_path).environ, **settings}).serve() as server:
            site = Site(server.base_url, {"Authorization": f"Bearer {issuer.token()}"})
            failed = await asyncio.to_thread(verify, site)
    found = report(capsys.readouterr().out)
    assert failed == 0, found
    skipped = [name for name, what in found.items() if what == "SKIPPED"]
    assert skipped == ["which version answers", "the role is limited to the database"]


def without_etag(sent: Sent, forward: Forward) -> Answer:
    answer = forward()
    kept = {name: value for name, value in answer.headers.items() if name.lower() != "etag"}
    return Answer(answer.status, answer.body, kept)


def without_if_match(sent: Sent, forward: Forward) -> Answer:
    assert isinstance(sent.headers, dict)
    sent.headers.pop("If-Match", None)
    return forward()


def other_bytes(sent: Sent, forward: Forward) -> Answer:
    answer = forward()
    return Answer(answer.status, answer.body + b" ", answer.headers)


def refused(sent: Sent, forward: Forward) -> Answer:
    return Answer(405)


@pytest.mark.parametrize(
    ("fault", "method", "path", "check"),
    [
        (without_etag, "GET", "/sessions/[^/]+$", "etags and conditions get through"),
        (without_if_match, "PUT", "/sessions/", "etags and conditions get through"),
        (other_bytes, "GET", "/content$", "content comes back byte for byte with its digest"),
        (refused, "PATCH", "/content$", "patch gets through"),
        (refused, "HEAD", "/sessions/", "head gets through"),
        (refused, "GET", "/health/ready", "the database responds"),
        (refused, "DELETE", "/sessions/", "what it made is gone"),
    ],
)
def test_a_front_that_does_harm_is_found(
    server: DevhostServer, capsys: pytest.CaptureFixture[str], fault, method: str, path: str, check: str
) -> None:
    with line_to(server.base_url, {}) as (origin, line):
        assert isinstance(line, Line)
        line.breaks(fault, method, path)
        failed = verify(Site(origin, {}))
    assert failed >= 1 and report(capsys.readouterr().out)[check] == "FAILED"


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a front, as people give theirs. It leads to this machine."""
    name, found = "saves.example.com", socket.getaddrinfo

    def on_this_machine(host: str, *rest: Any) -> Any:
        return found("127.0.0.1" if host == name else host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", on_this_machine)
    return name


async def test_a_front_with_a_name_of_its_own_is_checked_and_one_that_lets_everybody_in_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    async with Issuer() as issuer:
        settings = {"AUTH_MODE": "jwt", "JWT_ISSUERS": issuer.url, "JWT_AUDIENCE": AUDIENCE}
        signed_in = {"Authorization": f"Bearer {issuer.token()}"}

        def lets_in(sent: Sent, forward: Forward) -> Answer:
            assert isinstance(sent.headers, dict)
            sent.headers.update(signed_in)
            return forward()

        with (
            Storage({**on_sqlite(tmp_path).environ, **settings}).serve() as server,
            line_to(server.base_url, {}) as (origin, line),
        ):
            front = origin.replace("127.0.0.1", named).replace("localhost", named)
            assert await asyncio.to_thread(verify, Site(front, signed_in)) == 0
            found = report(capsys.readouterr().out)
            assert found["nobody is known without an identity"] == found["forged headers are ignored"] == "ok"
            assert isinstance(line, Line)
            line.breaks(lets_in, "GET", "/me$")
            assert await asyncio.to_thread(verify, Site(front, signed_in)) >= 1
    found = report(capsys.readouterr().out)
    assert found["nobody is known without an identity"] == found["forged headers are ignored"] == "FAILED"


def test_a_server_for_one_machine_that_others_can_reach_is_found(
    server: DevhostServer, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    assert verify(Site(server.base_url.replace("127.0.0.1", named), {})) >= 1
    out = capsys.readouterr().out
    assert report(out)["nobody is known without an identity"] == "FAILED" and "everybody can be anybody" in out


def test_what_does_not_speak_http_fails_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    with speaking(NONSENSE["no HTTP"]) as url:
        assert verify(Site(url, {})) >= len(CHECKS) - 2
    assert "SKIPPED  what it made is gone" in capsys.readouterr().out


AZ = """#!{python}
import json, sys
accounts = {accounts}
asked = sys.argv[1:]
if asked[:2] == ["cosmosdb", "list"]:
    print(json.dumps([{{"name": name}} for name in accounts]))
else:
    scope = accounts[asked[asked.index("-a") + 1]]
    print(json.dumps([{{"principalId": "person", "scope": scope}}]))
"""


@pytest.mark.parametrize("restored", ["/accounts/new/dbs/savepoint", "/accounts/new"])
def test_the_roles_of_every_account_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restored: str
) -> None:
    accounts = {"old": "/accounts/old/dbs/savepoint", "new": restored}
    az = tmp_path / "az"
    az.write_text(AZ.format(python=sys.executable, accounts=accounts))
    az.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AZURE_RESOURCE_GROUP", "rg")
    with nullcontext() if "/dbs/" in restored else pytest.raises(AssertionError, match="person has a role"):
        the_role_is_limited_to_the_database(Site("http://127.0.0.1:9", {}))


def test_without_an_address_it_asks_for_one() -> None:
    done = subprocess.run([sys.executable, "-m", "infra.verify_cloud"], cwd=ROOT, env={"PATH": ""}, check=False)
    assert done.returncode == 2
