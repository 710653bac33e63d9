"""Requests that are made of the API's own description, good ones and bad ones, against the real server: whatever
it answers is described, and the database behind it makes no difference."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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


async def tried(server: DevhostServer, headers: dict[str, str], *options: str) -> None:
    """Lets schemathesis loose upon the server. AssertionError with all that it says where it finds something."""
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
    tested = re.search(r"Tested: (\d+)", output)
    # All but the description itself, which is the one thing that it has read before it begins.
    assert tested is not None and int(tested[1]) == sum(map(len, described.values())) - 1, output
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in output, output
    assert "Unforeseen" not in server.stderr()


@pytest.mark.timeout(300)
async def test_whatever_is_sent_the_answer_is_described(storage: Storage) -> None:
    with storage.serve() as server:
        await tried(server, PERSON, "--max-examples=8", "--generation-deterministic")


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
