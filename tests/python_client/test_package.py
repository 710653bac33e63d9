"""The package `savepoint-client`: what it installs, and which way its modules import."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.devhost.server import REPOSITORY
from tests.python_client.processes import SOURCE

PACKAGE = SOURCE / "savepoint_client"
PURE = ("model", "events", "machine", "steps", "answers", "watch", "decisions", "view", "delta")


def imported(module: Path) -> set[str]:
    """Returns the full names of the modules that a module imports."""
    found = set[str]()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", PURE)
def test_the_state_machine_is_pure(name: str) -> None:
    ours = {each for each in imported(PACKAGE / f"{name}.py") if each.startswith("savepoint_client.")}
    assert {each.split(".")[1] for each in ours} <= set(PURE)
    assert not {"httpx2", "threading", "time", "os", "random"} & imported(PACKAGE / f"{name}.py")


def test_a_program_loads_only_what_it_uses() -> None:
    extras = "{'streamlit', 'django', 'tqdm', 'pandas', 'numpy'}"
    modules = "savepoint_client, savepoint_client.models, savepoint_client.widgets"
    script = f"import sys, {modules}\nassert not {extras} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": str(SOURCE)}, check=True)


def test_what_is_imported_is_what_the_package_needs() -> None:
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = {
        each.partition(">")[0]
        for each in (*project["dependencies"], *(it for one in extras.values() for it in one))
    }
    ours = sys.stdlib_module_names | {"savepoint_client", "numpy", "pandas"}
    found = {each.partition(".")[0] for path in PACKAGE.rglob("*.py") for each in imported(path)}
    assert found - ours == needed


def test_the_wheel_has_all_and_the_command_runs(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    options = ["--no-build-isolation", "--no-deps", "--no-index", "-w", str(tmp_path)]
    subprocess.run([*pip, "wheel", *options, str(REPOSITORY / "clients" / "python")], check=True)
    [wheel] = tmp_path.glob("savepoint_client-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info" not in name}
        archive.extractall(tmp_path / "installed")
    sources = {str(path.relative_to(SOURCE)) for path in PACKAGE.rglob("*") if path.suffix in (".py", ".typed")}
    assert names == sources
    environ = {"PYTHONPATH": str(tmp_path / "installed")}
    shown = subprocess.run(
        [sys.executable, "-m", "savepoint_client", "--help"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "export" in shown.stdout and "import" in shown.stdout
