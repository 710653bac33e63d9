"""Imports point one way: from HTTP to the stores, and from the stores to the engines."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("persistence", "functions", "devhost")
DRIVERS = {
    # By module, the only places that may import it or anything in it.
    "azure.functions": ("function_app.py", "functions/*.py", "functions/*/*.py", "devhost/*.py"),
    "azure.cosmos": ("persistence/storage/cosmos/*.py",),
    "azure.identity": ("persistence/storage/cosmos/*.py",),
    "azure.core": ("persistence/storage/cosmos/*.py",),
    "sqlite3": ("persistence/storage/sqlite/*.py",),
    "starlette": ("devhost/*.py",),
    "uvicorn": ("devhost/*.py",),
}
ENGINES_MAY = (
    # Engines may import each other, errors and documents, but no store.
    "persistence.storage",
    "persistence.errors",
    "persistence.documents",
)


def sources() -> list[Path]:
    files = [ROOT / "function_app.py", ROOT / "settings.py"]
    for package in PRODUCT:
        files += sorted((ROOT / package).rglob("*.py"))
    return [path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts]


def imports(text: str, path: PurePosixPath) -> Iterator[str]:
    """Yields the full name of every imported module, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = path.parts[: len(path.parts) - node.level]
                base = ".".join((*parents, base)).rstrip(".")
            yield base
            # `from azure import functions` imports azure.functions.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def breaches(text: str, path: PurePosixPath) -> list[str]:
    package, is_engine = path.parts[0], fnmatch(str(path), "persistence/storage/*.py")
    found = []
    for name in dict.fromkeys(imports(text, path)):
        reasons = [
            f"only {' and '.join(places)} may"
            for driver, places in DRIVERS.items()
            if within(name, driver) and not any(fnmatch(str(path), place) for place in places)
        ]
        if within(name, "tests") or within(name, "benchmarks"):
            reasons.append("the product runs without its tests")
        if package == "persistence" and (within(name, "functions") or within(name, "devhost")):
            reasons.append("persistence knows nothing of HTTP")
        if package == "functions" and within(name, "devhost"):
            reasons.append("what runs the app is not known to it")
        if package not in ("persistence", "settings.py") and re.match(
            r"persistence\.storage\.(cosmos|sqlite)", name
        ):
            reasons.append("open_engine alone picks an engine")
        if is_engine and within(name, "persistence") and not allowed_in_engines(name):
            reasons.append("engines know no stores")
        found += [f"{path} imports {name}: {reason}" for reason in reasons]
    return found


def allowed_in_engines(name: str) -> bool:
    return name == "persistence" or any(within(name, one) for one in ENGINES_MAY)


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_point_one_way(path: Path) -> None:
    assert breaches((ROOT / path).read_text(), PurePosixPath(path.as_posix())) == []


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
        ("persistence/limits.py", "from functions.identity.local import identify_by"),
        ("persistence/limits.py", "import devhost"),
        ("persistence/storage/sqlite/engine.py", "from persistence.sessions.store import SessionStore"),
        ("persistence/storage/sqlite/engine.py", "from persistence import limits"),
        ("persistence/storage/sqlite/engine.py", "from ...limits import Limits"),
        ("functions/app.py", "from devhost.host import load_functions"),
        ("functions/app.py", "from persistence.storage.sqlite.engine import SqliteEngine"),
        ("functions/app.py", "from tests.support import http"),
        ("function_app.py", "import sqlite3"),
    ],
)
def test_a_breach_is_noticed(path: str, text: str) -> None:
    assert breaches(text, PurePosixPath(path))


def test_every_part_of_the_product_is_read() -> None:
    names = {path.as_posix() for path in sources()}
    assert {"function_app.py", "functions/http/endpoint.py", "devhost/host.py"} <= names
    assert {"settings.py", "persistence/storage/cosmos/engine.py"} <= names
