"""Cold start: the time until the first response, against the time to import the libraries."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.wire import EMULATOR_KEY

REPOSITORY = Path(__file__).resolve().parents[1]

_LIBRARIES = """
import time; started = time.perf_counter()
import azure.functions, azure.cosmos.aio
from pydantic import BaseModel  # pydantic loads its modules on first access
print(time.perf_counter() - started)
"""

_FIRST_RESPONSE = """
import time; started = time.perf_counter()
import asyncio
async def main():
    import function_app
    from azure.functions.http import HttpRequest
    [trigger] = [each.get_user_function() for each in function_app.app.get_functions()
                 if each.get_function_name() == NAME]
    given = {"headers": {}, "params": {}, "route_params": {}, "body_type": "bytes", "body": b""}
    response = await trigger(HttpRequest("GET", "http://localhost:7071/api/persistence", **given))
    assert response.status_code == 200, response.get_body()
    print(time.perf_counter() - started)
    await function_app.close()
asyncio.run(main())
"""

_COUNTING = """
import azure.functions
from pydantic import BaseModel
import time; started = time.process_time()
%s
print(time.process_time() - started)
"""
"""What these libraries load as well costs nothing more."""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """The times to start, in seconds. Each is the median of the runs."""

    label: str
    app: float
    libraries: float

    @property
    def ratio(self) -> float:
        return self.app / self.libraries


def cold_starts(runs: int) -> list[ColdStart]:
    """Measures each engine. With Cosmos DB, the first request needs no database, so no network is measured."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = _compiled(folder)
        sqlite = {"STORE_ENGINE": "sqlite", "DATA_DIR": str(Path(folder) / "data")}
        cosmos = {
            "STORE_ENGINE": "cosmos",
            "COSMOS_ENDPOINT": "http://127.0.0.1:9",
            "COSMOS_KEY": EMULATOR_KEY,
        }
        return [
            _cold_start("SQLite, a list", "get_sessions_metadata", compiled | sqlite, compiled, runs),
            _cold_start("Cosmos DB, who I am", "get_me", compiled | cosmos, compiled, runs),
        ]


def metrics_imports(runs: int) -> tuple[list[float], list[float]]:
    """Returns the CPU times, in seconds, that the metrics add to a start: of the app, and of devhost, which has an
    SDK and an exporter."""
    of_app, of_devhost = [], []
    with tempfile.TemporaryDirectory() as folder:
        # The first run of each compiles the modules and is not counted.
        for _ in range(runs + 1):
            of_app.append(
                _seconds(_COUNTING % "from opentelemetry import context, metrics, trace", _compiled(folder))
            )
            start = "from devhost.metrics import start_metrics; start_metrics({})"
            of_devhost.append(_seconds(_COUNTING % start, _compiled(folder)))
    return of_app[1:], of_devhost[1:]


def _compiled(folder: str) -> dict[str, str]:
    """Settings with which every side uses compiled modules, even if the environment forbids writing bytecode."""
    return {"PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}


def _cold_start(
    label: str, name: str, of_app: Mapping[str, str], of_libraries: Mapping[str, str], runs: int
) -> ColdStart:
    app, libraries = [], []
    # The first run of each compiles the modules and is not counted.
    for _ in range(runs + 1):
        app.append(_seconds(f"NAME = {name!r}" + _FIRST_RESPONSE, of_app))
        libraries.append(_seconds(_LIBRARIES, of_libraries))
    return ColdStart(label, statistics.median(app[1:]), statistics.median(libraries[1:]))


def _seconds(program: str, settings: Mapping[str, str]) -> float:
    environ = {**os.environ, "AUTH_MODE": "local", "PYTHONPATH": str(REPOSITORY), **settings}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        raise RuntimeError(f"a cold start failed:\n{done.stderr}")
    return float(done.stdout)
