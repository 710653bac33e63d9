"""The examples of the page, run as they are printed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.http.endpoint import Routes
from functions.identity.settings import AuthMode
from functions.openapi.docs_example import curl
from functions.openapi.document import describe
from tests.openapi.conftest import OTHERWISE, operations
from tests.support.storage import call, on_sqlite

OWNER = "ann"
AS_PRINTED = "$SAVEPOINT_URL"


def typed(line: str, base_url: str, words: dict[str, str]) -> int:
    """Returns the status that a command ends with, after its `<...>` were replaced."""
    for placeholder, word in words.items():
        line = line.replace(placeholder, word)
    assert AS_PRINTED in line and line.startswith("curl "), line
    line = line.replace(AS_PRINTED, base_url).replace("curl ", "curl -s -o /dev/null -w '%{http_code}' ", 1)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20)
    return int(done.stdout)


async def made(client: httpx.AsyncClient, number: int) -> dict[str, str]:
    """Creates something for every placeholder."""
    body = {"title": "First", "description": None, "content": "one"}
    draft_id = f"draft-{number:06}"
    session = (await client.post("sessions", json=body)).json()
    snapshot = (await client.post("snapshots", json=body)).json()
    assert (await client.put(f"drafts/{draft_id}", json={"content": "one"})).status_code == 201
    return {
        "<session_id>": session,
        "<snapshot_id>": snapshot,
        "<draft_id>": draft_id,
        "<version>": "1",
        "<file>": "other.js",
        "<...>": OWNER,
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_every_example_works_as_it_is_printed(tmp_path: Path, document: dict[str, Any]) -> None:
    with on_sqlite(tmp_path / "data").serve() as server:
        async with call(server, OWNER) as client:
            for number, (id, operation) in enumerate(operations(document).items()):
                words = await made(client, number)
                line = curl(document, operation["path"], operation["method"], operation)
                status = typed(line, server.base_url, words)
                assert status == OTHERWISE[id] if id in OTHERWISE else 200 <= status < 300, (line, status)


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (AuthMode.JWT, "-H 'Authorization: Bearer <token>'"),
        (AuthMode.EASYAUTH, "-H 'Cookie: AppServiceAuthSession=<...>'"),
        (AuthMode.SWA, "-H 'Cookie: StaticWebAppsAuthCookie=<...>'"),
    ],
)
def test_in_the_cloud_examples_say_who_is_calling_as_it_is_said_there(
    routes: list[Routes], mode: AuthMode, who: str
) -> None:
    document = describe(routes, "/api", mode, has_charge=False)
    found = operations(document)
    me, live = (curl(document, found[id]["path"], "get", found[id]) for id in ("getMe", "getHealthLive"))
    assert me == f'curl {who} "$SAVEPOINT_URL/api/persistence/me"'
    assert live == 'curl "$SAVEPOINT_URL/api/health/live"'
