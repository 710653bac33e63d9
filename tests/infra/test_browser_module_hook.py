"""The hook that builds the browser module and the workbench before azd packs the code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.built import needs_node
from tests.support.bicep import ROOT
from tests.support.node import NODE

HOOK = Path("infra", "hooks", "browser_module.py")


def hook(root: Path, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / HOOK, *arguments], env={"PATH": path}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with the hook and the sources, as a fresh clone with installed tools."""
    (tmp_path / HOOK).parent.mkdir(parents=True)
    shutil.copytree(ROOT / HOOK.parent, tmp_path / HOOK.parent, dirs_exist_ok=True)
    for source in (Path("clients", "browser"), Path("clients", "workbench")):
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("node_modules", "dist"))
        (tmp_path / source / "node_modules").symlink_to(ROOT / source / "node_modules")
    (tmp_path / "functions").mkdir()
    return tmp_path


@needs_node
def test_the_hook_builds_what_the_server_serves(copied: Path) -> None:
    assert NODE is not None
    (copied / "bin").mkdir()
    (copied / "bin" / "npm").touch(mode=0o755)
    path = os.pathsep.join([str(Path(NODE).parent), str(copied / "bin")])
    done = hook(copied, path, "build")
    assert (done.returncode, done.stderr) == (0, "")
    built = {path.name for path in (copied / "functions" / "browser_files").iterdir()}
    assert {"savepoint.js", "savepoint.js.gz", "react.js", "react.js.gz"} <= built
    pages = {path.name for path in (copied / "functions" / "workbench_files").iterdir()}
    assert {"workbench.html", "workbench.html.gz", "workbench.js", "race-prep.html"} <= pages


@needs_node
def test_a_build_that_fails_ends_the_deployment_with_the_reason(copied: Path) -> None:
    (copied / "clients" / "browser" / "src" / "index.ts").write_text("this is not TypeScript")
    done = hook(copied, os.environ["PATH"], "build")
    assert done.returncode == 1 and "could not be built" in done.stderr and "index.ts" in done.stderr


def test_without_node_the_hook_says_what_to_install(copied: Path) -> None:
    done = hook(copied, str(copied), "build")
    assert (done.returncode, done.stderr) == (
        1,
        "Node was not found: install Node 20.19 or newer with npm, or run `make setup`.\n",
    )


def test_an_unknown_step_is_refused(copied: Path) -> None:
    assert hook(copied, os.environ["PATH"], "clean").returncode == 2
