"""What reaches the root logger, which the worker exports and Azure charges for."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

WORKER = """
import logging

# As the worker does before it imports the app.
logging.getLogger().setLevel(logging.INFO)
logging.basicConfig(format="%(levelname)s %(name)s")
logging.getLogger("azure_functions_worker").setLevel(logging.INFO)
logging.getLogger("proxy_worker").setLevel(logging.INFO)
import function_app
for name in NAMES:
    logging.getLogger(name).info("a line")
    logging.getLogger(name).warning("a line")
"""
OURS = ["savepoint.requests", "savepoint.timers", "functions.http.problems", "persistence.timers.daily"]
OTHERS = [
    "root",
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.functions",
    "azure_functions_worker",
    "azure_functions_runtime",
    "proxy_worker",
    "asyncio",
]


def test_only_our_lines_are_exported_below_warning(tmp_path: Path) -> None:
    settings = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", WORKER.replace("NAMES", repr([*OURS, *OTHERS]))],
        cwd=ROOT,
        env={**settings, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert [one for one in lines if one.startswith("INFO")] == [f"INFO {name}" for name in OURS]
    assert len([one for one in lines if one.startswith("WARNING")]) == len([*OURS, *OTHERS])
