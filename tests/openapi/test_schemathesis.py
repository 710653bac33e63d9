"""Requests that are made of the API's own description, good ones and bad ones, against the real server: whatever
it answers is described, and the database behind it makes no difference."""

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


@asynccontextmanager
async def with_tokens(storage: Storage) -> AsyncIterator[tuple[Storage, dict[str, str]]]:
    """The same storage in the mode `jwt`, and the header of somebody who has a token."""
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
    """Makes what schemathesis.toml names: drafts, and sessions of which some are closed."""
    with httpx.Client(headers=headers, trust_env=False) as client:
        for number in range(40):
            client.put(f"{base}/drafts/draft-{number:06d}", json={"content": "zoom: 3"}).raise_for_status()
            session_id = f"session-{number:04d}"
            client.put(f"{base}/drafts/{session_id}", json={"content": "zoom: 3"}).raise_for_status()
            client.post(f"{base}/drafts/{session_id}/promote").raise_for_status()
            if number % 4 == 0:
                client.post(f"{base}/sessions/{session_id}/close").raise_for_status()


async def tried(server: DevhostServer, headers: dict[str, str], *options: str, links_min: int = 0) -> None:
    """Lets schemathesis loose upon the server. AssertionError with all that it says where it finds something, and
    where many operations were never done, or fewer than `links_min` links were followed."""
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
        # Its folders of this run are not left among the sources.
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
    # All but the description itself, which is the one thing that it has read before it begins.
    assert tested is not None and int(tested[1]) == sum(map(len, described.values())) - 1, output
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in output, output
    log = server.stderr()
    assert "Unforeseen" not in log
    # What is only ever refused is not tried. Chance leaves a few to the links of test_openapi_links.py.
    done = set(re.findall(r"savepoint\.requests: (\w+) 2\d\d ", log))
    assert len(needed - done) <= 3, f"never done: {needed - done}\n{output}"
    links = re.search(r"API Links: +(\d+) covered", output)
    assert links is not None and int(links[1]) >= links_min, output


def all_functions(described: dict[str, dict[str, Any]]) -> set[str]:
    """The name of every function that is described."""
    operations = (operation for item in described.values() for operation in item.values())
    return {re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", one["operationId"]) for one in operations}


@pytest.mark.timeout(300)
async def test_whatever_is_sent_the_answer_is_described(storage: Storage) -> None:
    with storage.serve() as server:
        await tried(server, PERSON, "--max-examples=12", "--generation-deterministic", links_min=20)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(3))
async def test_however_long_it_is_tried_every_answer_is_described(storage: Storage, seed: int) -> None:
    with storage.serve() as server:
        await tried(server, PERSON, "--max-examples=150", f"--seed={seed}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_without_a_token_nothing_is_answered_that_asks_for_one(storage: Storage) -> None:
    # Here the check `ignored_auth` means something: every operation is called without and with a false token.
    async with with_tokens(storage) as (storage, headers):
        with storage.serve() as server:
            await tried(server, headers, "--max-examples=2", "--generation-deterministic")
