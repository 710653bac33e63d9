"""Waits until Cosmos DB has built the indexes that the new code needs.

azd runs `wait` before it deploys the code. A new composite index is built in the background, after `azd provision`
has declared it. Until then, queries that need it fail, and the API returns 503 `index_building`.

Needs only the standard library, and `az`, signed in. To read the progress, who deploys needs a role for data of
the account, such as `Cosmos DB Built-in Data Reader`. Without one, the hook says so and does not wait.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from email.utils import formatdate
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from hook import HookError, run

CONTAINERS = Path(__file__).resolve().parents[1] / "bicep" / "containers.json"
PROGRESS = "x-ms-documentdb-collection-index-transformation-progress"
WHOLE = 100

_SECONDS = 10
_VERSION = "2018-12-31"


def wait(environ: Mapping[str, str]) -> None:
    """Returns when every container has its indexes. Raises HookError if one does not declare them."""
    endpoint = environ.get("SAVEPOINT_COSMOS_ENDPOINT")
    if not endpoint:
        return  # nothing was provisioned yet, or by an earlier release
    database = f"{endpoint.rstrip('/')}/dbs/{environ.get('SAVEPOINT_COSMOS_DATABASE', 'savepoint')}"
    for container in json.loads(CONTAINERS.read_text()):
        name = container["id"]
        while True:
            live, progress = _container(f"{database}/colls/{name}", _token(endpoint))
            if live is None:
                print("The progress of indexes cannot be read: not waiting for them. See docs/deploy.md.")
                return
            if missing := _missing(container["indexingPolicy"], live["indexingPolicy"]):
                raise HookError(f"{name} lacks {missing} indexes: run azd provision first.")
            if progress >= WHOLE:
                break
            print(f"{name}: {progress} % of the indexes are built.", flush=True)
            time.sleep(float(environ.get("SAVEPOINT_HOOK_SECONDS", _SECONDS)))


def _missing(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> int:
    """Returns how many composite indexes the live policy lacks."""
    present = [_index(one) for one in live.get("compositeIndexes", ())]
    return sum(_index(one) not in present for one in wanted["compositeIndexes"])


def _index(parts: list[Mapping[str, str]]) -> list[tuple[str, str]]:
    # Cosmos DB leaves out the order that is the default.
    return [(part["path"], part.get("order", "ascending")) for part in parts]


def _container(url: str, token: str) -> tuple[dict[str, Any] | None, int]:
    """Returns a container and the percentage of its indexes that is built. No container if it must not be read."""
    headers = {
        "Authorization": quote(f"type=aad&ver=1.0&sig={token}", safe=""),
        "x-ms-date": formatdate(usegmt=True),
        "x-ms-version": _VERSION,
        "x-ms-documentdb-populatequotainfo": "true",
    }
    try:
        with urlopen(Request(url, headers=headers), timeout=60) as response:
            return json.load(response), int(response.headers.get(PROGRESS, WHOLE))
    except HTTPError as error:
        if error.code in (401, 403):
            return None, 0
        raise HookError(f"{url}: {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise HookError(f"{url}: {error}") from None


def _token(endpoint: str) -> str:
    resource = endpoint.rstrip("/").removesuffix(":443")
    executable = shutil.which("az")
    if executable is None:
        raise HookError("az was not found: docs/deploy.md lists what to install.")
    call = [executable, "account", "get-access-token", "--resource", resource, "--query", "accessToken"]
    done = subprocess.run([*call, "--output", "tsv"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HookError(f"az account get-access-token failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(run(sys.argv, {"wait": wait}))
