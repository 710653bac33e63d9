"""Builds the browser module and the workbench, which the server serves and git does not have.

azd runs `build` before it packs the code. Needs only the standard library, and Node with npm: that of the machine,
or the one that `make setup` installs.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hook import HookError, run

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "clients" / "browser", ROOT / "clients" / "workbench")


def build(environ: Mapping[str, str]) -> None:
    """Installs the tools if they are missing, and builds. Raises HookError if that fails."""
    path = os.pathsep.join([str(ROOT / ".venv" / "node" / "bin"), environ.get("PATH", os.defpath)])
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        raise HookError("Node was not found: install Node 20.19 or newer with npm, or run `make setup`.")
    env = {**environ, "PATH": path}
    for source in SOURCES:
        if not (source / "node_modules" / "esbuild").is_dir():
            _run([npm, "ci", "--ignore-scripts"], source, env)
        _run([node, "build.mjs"], source, env)


def _run(command: list[str], folder: Path, env: Mapping[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise HookError(f"{folder.name} could not be built: {said}")


if __name__ == "__main__":
    sys.exit(run(sys.argv, {"build": build}))
