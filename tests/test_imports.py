"""Imports point one way: from HTTP to the stores, and from the stores to the engines."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES, PRODUCT = ("function_app.py", "settings.py"), ("persistence", "functions", "devhost", "operations")
DRIVERS = {
    # A module, and the only places that may import it or anything in it.
    "azure.functions": ("function_app.py", "functions/*.py", "devhost/*.py"),
    "azure.cosmos": ("persistence/storage/cosmos/*.py",),
    "azure.identity": ("persistence/storage/cosmos/*.py",),
    "azure.core": ("persistence/storage/cosmos/*.py",),
    "sqlite3": ("persistence/storage/sqlite/*.py",),
    "starlette": ("devhost/*.py",),
    "uvicorn": ("devhost/*.py",),
}
FORBIDDEN = (
    # The importing package, the forbidden one, the exceptions, and the reason.
    ("*", "(tests|benchmarks|infra)", "", "the product runs without them"),
    ("persistence/*", "(functions|devhost|operations|settings)", "", "persistence knows no HTTP and no settings"),
    ("operations/*", "(devhost|settings|functions\\.(?!account|identity))", "", "it works on stores"),
    ("*", "operations", "operations/*", "it is not deployed"),
    ("functions/*", "(devhost|settings)", "", "what composes and runs the app is not known to it"),
    ("*", r"persistence\.storage\.(sqlite|cosmos\.(?!account))", "persistence/*", "open_engine picks an engine"),
    (
        "persistence/storage/*",
        r"persistence\.(?!(storage|errors|faults|documents|retry)\b)",
        "",
        "it knows no stores",
    ),
    ("functions/http/*", r"functions\.(?!http\b|identity\b|VERSION)", "", "it knows no resource"),
    ("functions/http/*", r"persistence\.(sessions|drafts|snapshots|account|timers)\b", "", "it knows no resource"),
    (
        "*",
        r"os\.environ",
        "(function_app|devhost/|operations/places).*",  # the key of an emulator
        "function_app.py alone reads the environment",
    ),
)


def sources() -> list[Path]:
    files = [ROOT / name for name in MODULES]
    for package in PRODUCT:
        files += sorted((ROOT / package).rglob("*.py"))
    return [path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts]


def imports(text: str, path: PurePosixPath) -> Iterator[str]:
    """Yields the full name of every import, also inside functions and for type checking: `module.name` for each
    name that is imported from a module. So `from azure import functions` imports azure.functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = path.parts[: len(path.parts) - node.level]
                base = ".".join((*parents, base)).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def breaches(text: str, path: PurePosixPath) -> list[str]:
    found = []
    for name in dict.fromkeys(imports(text, path)):
        reasons = [
            f"only {' and '.join(places)} may"
            for driver, places in DRIVERS.items()
            if within(name, driver) and not any(fnmatch(str(path), place) for place in places)
        ]
        for place, pattern, exception, reason in FORBIDDEN:
            is_excepted = re.fullmatch(exception, str(path)) or (exception and fnmatch(str(path), exception))
            if fnmatch(str(path), place) and re.match(rf"(?:{pattern})", f"{name}.") and not is_excepted:
                reasons.append(reason)
        found += [f"{path} imports {name}: {reason}" for reason in reasons]
    return found


def package_of(path: PurePosixPath) -> str:
    """Returns the package of a file. A module beside packages, such as persistence/kind.py, counts as one."""
    if path.name == "__init__.py" or len(path.parts) > 2:
        return ".".join(path.parts[:-1])
    return ".".join(path.with_suffix("").parts)


def arrows() -> dict[str, set[str]]:
    """Returns which packages each package imports."""
    paths = [PurePosixPath(path.as_posix()) for path in sources()]
    packages = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): package_of(path) for path in paths}
    found: dict[str, set[str]] = {package: set() for package in packages.values()}
    for path in paths:
        for name in imports((ROOT / path).read_text(), path):
            module = next((part for part in (name, name.rpartition(".")[0]) if part in packages), None)
            if module is not None and packages[module] != package_of(path):
                found[package_of(path)].add(packages[module])
    return found


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_point_one_way(path: Path) -> None:
    assert breaches((ROOT / path).read_text(), PurePosixPath(path.as_posix())) == []


def test_no_packages_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(arrows()).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("persistence/sessions/store.py", "import azure.functions as func"),
        ("persistence/sessions/store.py", "from azure import functions"),
        ("persistence/sessions/store.py", "def later():\n    from azure.functions import HttpRequest"),
        ("persistence/storage/cosmos/engine.py", "import azure.functions"),
        ("persistence/sessions/store.py", "from azure.cosmos.aio import CosmosClient"),
        ("persistence/storage/sqlite/engine.py", "from azure.cosmos import PartitionKey"),
        ("functions/http/problems.py", "from azure.cosmos.exceptions import CosmosHttpResponseError"),
        ("functions/health.py", "import sqlite3"),
        ("persistence/storage/engine.py", "import sqlite3"),
        ("persistence/limits.py", "from functions.identity import identify_by"),
        ("persistence/limits.py", "import devhost"),
        ("persistence/limits.py", "from settings import Settings"),
        ("persistence/limits.py", "from os import environ"),
        ("persistence/storage/sqlite/engine.py", "from persistence.sessions.store import SessionStore"),
        ("persistence/storage/sqlite/engine.py", "from persistence import limits"),
        ("persistence/storage/sqlite/engine.py", "from ...limits import Limits"),
        ("functions/app.py", "from devhost.host import load_functions"),
        ("functions/app.py", "from settings import Settings"),
        ("functions/app.py", "from persistence.storage.sqlite.engine import SqliteEngine"),
        ("functions/app.py", "from tests.support import http"),
        ("functions/http/problems.py", "from persistence.sessions.documents import SessionHead"),
        ("functions/http/problems.py", "from functions.sessions.views import session_metadata"),
        ("function_app.py", "import sqlite3"),
    ],
)
def test_a_breach_is_noticed(path: str, text: str) -> None:
    assert breaches(text, PurePosixPath(path))


def test_every_part_of_the_product_is_read() -> None:
    names = {path.as_posix() for path in sources()}
    assert {"function_app.py", "functions/http/endpoint.py", "devhost/host.py"} <= names
    assert {"settings.py", "persistence/storage/cosmos/engine.py"} <= names
    found = arrows()
    assert {"persistence.storage", "persistence.retry"} <= found["persistence.sessions"]
    assert "persistence.storage.sqlite" in found["persistence"]
