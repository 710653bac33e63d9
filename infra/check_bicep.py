"""Builds, lints and evaluates the Bicep files with the real compiler, and checks how they are written.

python -m infra.check_bicep
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "bicep"
SHAPES = {
    "tokens": {"authClientId": "00000000-0000-0000-0000-000000000000"},
    "static-web-app": {"staticWebAppHostname": "front.azurestaticapps.net"},
}
"""The parameters that choose each shape of docs/deploy.md."""

_HOW = "bicep was not found. Install it: `az bicep install`, and add ~/.azure/bin to the PATH."


def main() -> int:
    """Returns 0 if everything passes, 1 after the first check that fails, and 2 without the compiler."""
    bicep = shutil.which("bicep")
    if bicep is None:
        print(_HOW, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copytree(FOLDER, Path(folder) / "bicep"))
        for arguments in [["build", "main.bicep", "--stdout"], ["lint", "main.bicep"], *snapshots(copied)]:
            if not _passes(bicep, copied, arguments):
                return 1
        return int(not _is_formatted(bicep, copied))


def snapshots(folder: Path) -> list[list[str]]:
    """Writes a file of parameters for each shape into a copy of the files. Returns the arguments that evaluate
    them, into `<shape>.snapshot.json`."""
    for name, chosen in SHAPES.items():
        given = {"environmentName": "check", "location": "westeurope", **chosen}
        lines = ["using 'main.bicep'", *(f"param {key} = {json.dumps(value)}" for key, value in given.items())]
        (folder / f"{name}.bicepparam").write_text("\n".join(lines).replace('"', "'") + "\n")
    return [["snapshot", f"{name}.bicepparam", "--mode", "overwrite"] for name in SHAPES]


def _passes(bicep: str, folder: Path, arguments: list[str]) -> bool:
    done = subprocess.run([bicep, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or "Warning" in done.stderr:
        print(f"bicep {' '.join(arguments)}:\n{done.stderr.strip()}", file=sys.stderr)
        return False
    return True


def _is_formatted(bicep: str, folder: Path) -> bool:
    for path in sorted(folder.glob("*.bicep")):
        before = path.read_text()
        if not _passes(bicep, folder, ["format", path.name]):
            return False
        if path.read_text() != before:
            print(f"{path.name} is not written as `bicep format` writes it.", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
