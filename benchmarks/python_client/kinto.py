"""A server of Kinto that keeps everything in memory, from an environment of its own: `make .venv-kinto/ready`."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.devhost.server import REPOSITORY

FOLDER = REPOSITORY / ".venv-kinto" / "bin"
START_SECONDS = 30.0
SETTINGS = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = %(http_port)s

[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.bucket_create_principals = system.Authenticated
kinto.userid_hmac_secret = benchmark
multiauth.policies = basicauth
"""


def is_installed() -> bool:
    return (FOLDER.parent / "ready").is_file()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Yields the URL of its API. Raises RuntimeError if it does not respond within 30 s."""
    (folder / "kinto.ini").write_text(SETTINGS)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    line = [str(FOLDER / "kinto"), "start", "--quiet", "--ini", str(folder / "kinto.ini"), "--port", str(port)]
    with (folder / "kinto.log").open("wb") as log, subprocess.Popen(line, stdout=log, stderr=log) as server:
        try:
            _wait_for(url, server, folder / "kinto.log")
            yield url
        finally:
            server.terminate()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < end:
        try:
            httpx2.get(f"{url}/__lbheartbeat__", trust_env=False).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"Kinto does not respond: {log.read_text()}")


def text_of(url: str, folder: Path) -> str:
    """Returns what was saved last. Empty if nothing was."""
    response = httpx2.get(f"{url}/buckets/{folder.name}/collections/states/records/state", auth=("kinto", ""))
    return str(response.json()["data"]["text"]) if response.is_success else ""
