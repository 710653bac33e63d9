"""Names each package, and checks after a deployment that this package answers.

azd runs `stamp` before it packs the code, and `check` after it has deployed it. azd reports success also for a
failed build, for an app without functions and for refused settings. Needs only the standard library.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from hook import HookError, run

FILE = Path(__file__).resolve().parents[2] / "functions" / "build.txt"

_PATIENCE_SECONDS = 300
_WAIT_SECONDS = 5
_NO_ANSWER = 0

_OTHER = "Look in Application Insights at `traces` and `exceptions`."
_ADVICE = {
    _NO_ANSWER: "The app does not respond. Look at its state in the portal.",
    404: "The app has no functions: the build or the start failed. Look at `az webapp log deployment show` too. "
    + _OTHER,
    503: "The app runs, but it cannot reach its database, or a setting is refused. In the first minutes, roles are"
    f" not effective yet. {_OTHER}",
}
_AGAIN = "Then run `azd deploy` again: docs/deploy.md says what the first deployment can end in."


def stamp(environ: Mapping[str, str]) -> None:
    """Writes a new build id into the package."""
    FILE.write_text(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(4).hex()}\n")


def check(environ: Mapping[str, str]) -> None:
    """Returns when the stamped build is live and ready. Raises HookError after five minutes."""
    url = environ.get("SAVEPOINT_URL")
    if not url:
        raise HookError("SAVEPOINT_URL is not set: run this hook through azd, which sets it.")
    if not FILE.is_file():
        raise HookError(f"{FILE} is missing: `stamp` runs before the code is packed.")
    build = FILE.read_text().strip()
    wait = float(environ.get("SAVEPOINT_HOOK_SECONDS", _WAIT_SECONDS))
    ends = time.monotonic() + float(environ.get("SAVEPOINT_HOOK_PATIENCE", _PATIENCE_SECONDS))
    said = ""
    while (fault := _fault(url, build)) is not None:
        if time.monotonic() >= ends:
            raise HookError(f"{fault}\n{_AGAIN}")
        if fault != said:
            print(f"Waiting for the deployment: {fault}", flush=True)
        said = fault
        time.sleep(wait)
    print(f"{url} serves build {build}.")
    print(_timers(url))


def _fault(url: str, build: str) -> str | None:
    """Returns what is wrong. None if the build is live and ready."""
    for path in ("live", "ready"):
        status, body = _get(f"{url}/api/health/{path}")
        if status != 200:
            return f"/api/health/{path}: {status or 'no response'}. {_ADVICE.get(status, _OTHER)}"
        if body.get("build") != build:
            return f"The old version still answers ({body.get('build')}, not {build}). {_OTHER}"
    return None


def _timers(url: str) -> str:
    """Returns what the app says of its timers. No fault: this deployment may be the one that mends a timer."""
    status, body = _get(f"{url}/api/health/timers")
    if status == 200:
        return "Timers: ok."
    return (
        f"Timers: {status or 'no response'}. {body.get('detail', '')} docs/operations.md says what to do.".strip()
    )


def _get(url: str) -> tuple[int, dict[str, Any]]:
    """Returns status and body. The status is 0 if there is no response, or none of ours."""
    try:
        with urlopen(url, timeout=30) as response:
            body = json.load(response)
            return response.status, body if isinstance(body, dict) else {}
    except HTTPError as error:
        with error:
            return error.code, _problem(error)
    except (OSError, HTTPException, ValueError):
        return _NO_ANSWER, {}


def _problem(error: HTTPError) -> dict[str, Any]:
    """Returns the problem that the app says. Empty if it is none of ours."""
    try:
        body = json.load(error)
    except (OSError, HTTPException, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


if __name__ == "__main__":
    sys.exit(run(sys.argv, {"stamp": stamp, "check": check}))
