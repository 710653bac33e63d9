"""The package `@savepoint/client`: its types of the wire are those of the API description."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.node import NODE

FOLDER = Path(__file__).resolve().parents[2] / "clients" / "browser"
PACKAGE = json.loads((FOLDER / "package.json").read_text())

pytestmark = pytest.mark.skipif(
    (NODE is None or not (FOLDER / "node_modules").is_dir()) and os.environ.get("CI") != "true",
    reason="the tools of the browser module are not installed: run `make setup`",
)


def node(*arguments: str | Path, cwd: Path = FOLDER) -> str:
    """Returns the output of Node. Raises AssertionError with it if Node fails."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_types_of_the_wire_are_those_of_the_api_description(tmp_path: Path) -> None:
    made = tmp_path / "wire.gen.ts"
    script = PACKAGE["scripts"]["wire"].split()
    assert script[0] == "openapi-typescript" and script[-2:] == ["--output", "src/wire.gen.ts"]
    node(FOLDER / "node_modules" / "openapi-typescript" / "bin" / "cli.js", *script[1:-1], made)
    assert made.read_text() == (FOLDER / "src" / "wire.gen.ts").read_text(), "run `npm run wire`"


def test_the_package_needs_nothing_at_run_time() -> None:
    assert "dependencies" not in PACKAGE
    assert set(PACKAGE["peerDependencies"]) == {
        name for name, meta in PACKAGE["peerDependenciesMeta"].items() if meta["optional"]
    }
