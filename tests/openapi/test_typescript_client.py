"""A front-end developer's first hour.

A client is generated from the API description, compiles with `tsc --strict`, and does what an app does.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.node import NODE
from tests.support.storage import on_sqlite

FOLDER = Path(__file__).resolve().parents[1] / "typescript"
TOOLS = FOLDER / "node_modules" / ".bin"

# In CI a missing tool fails the test.
IN_CI = os.environ.get("CI") == "true"
pytestmark = [
    pytest.mark.skipif(NODE is None and not IN_CI, reason="Node is not installed: run `make setup`"),
    pytest.mark.skipif(
        not TOOLS.is_dir() and not IN_CI, reason="the generator is not installed: run `make setup`"
    ),
]


def run(script: Path, *arguments: str | Path, cwd: Path) -> str:
    """Returns the output of a script on Node. Raises AssertionError with it if the script fails."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, script, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_generated_client_compiles_and_does_what_an_app_does(tmp_path: Path) -> None:
    for name in ("smoke.ts", "tsconfig.json"):
        shutil.copy(FOLDER / name, tmp_path)
    with on_sqlite(tmp_path / "data").serve() as server:
        description = f"{server.base_url}/api/openapi.json"
        options = ("--no-log-file", "--client", "@hey-api/client-fetch", "--output", "client")
        run(TOOLS / "openapi-ts", *options, "--input", description, cwd=tmp_path)
        functions = (tmp_path / "client" / "sdk.gen.ts").read_text()
        assert "export const getSessionsMetadata" in functions
        run(TOOLS / "tsc", "--project", tmp_path, cwd=tmp_path)
        said = run(tmp_path / "compiled" / "smoke.js", server.base_url, cwd=tmp_path)
    assert said == "done\n"
