"""`make verify-cloud` against servers on this machine, and against a front that does harm."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.verify_cloud import CHECKS, Site, verify
from tests.browser.line import Answer, Forward, Line, Sent, line_to
from tests.devhost.server import DevhostServer
from tests.support.bicep import ROOT
from tests.support.issuer import AUDIENCE, Issuer
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
    assert list(found) == [check.__name__.replace("_", " ") for check in CHECKS]
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


def test_without_an_address_it_asks_for_one() -> None:
    done = subprocess.run([sys.executable, "-m", "infra.verify_cloud"], cwd=ROOT, env={"PATH": ""}, check=False)
    assert done.returncode == 2
