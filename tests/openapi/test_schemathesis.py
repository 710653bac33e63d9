"""Valid and invalid requests, generated from the API description, against the real server.

Every response is described, with each engine.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.devhost.server import REPOSITORY, DevhostServer
from tests.support.issuer import AUDIENCE, Issuer
from tests.support.storage import Storage

CONFIG = Path(__file__).with_name("schemathesis.toml")
PERSON = {"X-User-Id": "ann"}
NEVER_GUESSED = {"patch_session_content", "delete_me"}
"""A delta that fits, with the digest of what it makes; and the erasure of everything, which would leave nothing to
try. They have tests of their own."""


@asynccontextmanager
async def with_tokens(storage: Storage) -> AsyncIterator[tuple[Storage, dict[str, str]]]:
    """Yields the same storage in the mode `jwt`, and the header of a person with a token."""
    async with Issuer() as issuer:
        environ = {
            **storage.environ,
            "AUTH_MODE": "jwt",
            "JWT_ISSUERS": issuer.url,
            "JWT_AUDIENCE": AUDIENCE,
            "JWT_JWKS_URL": issuer.jwks_url,
        }
        yield Storage(environ), {"Authorization": f"Bearer {issuer.token(exp=issuer.claims()['exp'] + 3_600)}"}


def begin(base: str, headers: dict[str, str]) -> None:
    """Creates what schemathesis.toml names: drafts, and sessions, some of them closed or in the trash."""
    with httpx.Client(headers=headers, trust_env=False) as client:
        for number in range(40):
            client.put(f"{base}/drafts/draft-{number:06d}", json={"content": "zoom: 3"}).raise_for_status()
            session_id = f"session-{number:04d}"
            client.put(f"{base}/drafts/{session_id}", json={"content": "zoom: 3"}).raise_for_status()
            client.post(f"{base}/drafts/{session_id}/promote").raise_for_status()
            if number % 4 == 0:
                client.post(f"{base}/sessions/{session_id}/close").raise_for_status()
            if number % 4 == 1:
                client.delete(f"{base}/sessions/{session_id}").raise_for_status()


async def tried(server: DevhostServer, headers: dict[str, str], *options: str, links_min: int = 0) -> None:
    """Runs schemathesis against the server. Raises AssertionError, with its output, if it finds a failure.

    Also if many operations never succeeded, or fewer than `links_min` links were followed.
    """
    await asyncio.to_thread(begin, f"{server.base_url}/api/persistence", headers)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    sent = [f"--header={name}:{value}" for name, value in headers.items()]
    url = f"{server.base_url}/api/openapi.json"
    process = await asyncio.create_subprocess_exec(
        *command,
        url,
        "--no-color",
        *sent,
        *options,
        # So that it leaves no folders among the sources.
        cwd=server.folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, output
    described = httpx.get(url, trust_env=False).json()["paths"]
    needed = all_functions(described) if links_min else set[str]()
    tested = re.search(r"Tested: (\d+)", output)
    # It reads the description before it starts, so that one is not counted.
    assert tested is not None and int(tested[1]) == sum(map(len, described.values())) - 1, output
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in output, output
    log = server.stderr()
    assert "Unforeseen" not in log
    # An operation that is always refused is not tested. By chance a few are left to test_links.py.
    done = set(re.findall(r"savepoint\.requests: (\w+) 2\d\d ", log))
    assert len(needed - done - NEVER_GUESSED) <= 3, f"never done: {needed - done}\n{output}"
    links = re.search(r"API Links: +(\d+) covered", output)
    assert links is not None and int(links[1]) >= links_min, output


def all_functions(described: dict[str, dict[str, Any]]) -> set[str]:
    """Returns the id of every operation that needs an identity. Calls of the others are not in the log."""
    operations = (operation for item in described.values() for operation in item.values())
    names = (one["operationId"] for one in operations if one["security"])
    return {re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name) for name in names}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_whatever_is_sent_the_answer_is_described(storage: Storage) -> None:
    with storage.serve() as server:
        await tried(server, PERSON, "--max-examples=8", "--generation-deterministic", links_min=20)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(3))
async def test_however_long_it_is_tried_every_answer_is_described(storage: Storage, seed: int) -> None:
    with storage.serve() as server:
        await tried(server, PERSON, "--max-examples=150", f"--seed={seed}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_without_a_token_nothing_is_answered_that_asks_for_one(storage: Storage) -> None:
    # Only here the check `ignored_auth` works: it calls operations without a token and with a false one.
    async with with_tokens(storage) as (storage, headers):
        with storage.serve() as server:
            await tried(server, headers, "--max-examples=1", "--generation-deterministic")
