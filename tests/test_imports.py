"""Who may import whom: HTTP knows the stores, the stores know the engines, and never the other way round."""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("persistence", "functions", "devhost")
DRIVERS = {
    # A module, and the only places where it or anything in it may be imported.
    "azure.functions": ("function_app.py", "functions/*.py", "devhost/*.py"),
    "azure.cosmos": ("persistence/engines/cosmos*.py",),
    "azure.identity": ("persistence/engines/cosmos*.py",),
    "azure.core": ("persistence/engines/cosmos*.py",),
    "sqlite3": ("persistence/engines/sqlite*.py",),
    "starlette": ("devhost/*.py",),
    "uvicorn": ("devhost/*.py",),
}
ENGINES_MAY = (
    # Besides each other: what a query and an error are, and no store or document.
    "persistence.engines",
    "persistence.errors",
    "persistence.query",
)


def sources() -> list[Path]:
    files = [ROOT / "function_app.py"]
    for package in PRODUCT:
        files += sorted((ROOT / package).rglob("*.py"))
    return [path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts]


def imports(text: str, path: PurePosixPath) -> Iterator[str]:
    """Every module that is imported, also inside functions and for type checking, by its full name."""
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
    found = []
    for name in dict.fromkeys(imports(text, path)):
        for driver, places in DRIVERS.items():
            if within(name, driver) and not any(
                path.match(place) and len(path.parts) == len(PurePosixPath(place).parts) for place in places
            ):
                found.append(f"{path} imports {name}, which only {' and '.join(places)} may")
        package = path.parts[0]
        if within(name, "tests") or within(name, "benchmarks"):
            found.append(f"{path} imports {name}")
        if package == "persistence" and (within(name, "functions") or within(name, "devhost")):
            found.append(f"{path} imports {name}: persistence knows nothing of HTTP")
        if package == "functions" and within(name, "devhost"):
            found.append(f"{path} imports {name}: what runs it is not known to the app")
        if package == "functions" and within(name, "persistence.engines.cosmos"):
            found.append(f"{path} imports {name}: open_engine alone picks an engine")
        if package == "functions" and within(name, "persistence.engines.sqlite"):
            found.append(f"{path} imports {name}: open_engine alone picks an engine")
        if path.match("persistence/engines/*.py") and within(name, "persistence"):
            if name != "persistence" and not any(within(name, one) for one in ENGINES_MAY):
                found.append(f"{path} imports {name}: engines know no stores")
    return found


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_point_one_way(path: Path) -> None:
    assert breaches((ROOT / path).read_text(), PurePosixPath(path.as_posix())) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("persistence/session_store.py", "import azure.functions as func"),
        ("persistence/session_store.py", "from azure import functions"),
        ("persistence/session_store.py", "def later():\n    from azure.functions import HttpRequest"),
        ("persistence/engines/cosmos.py", "import azure.functions"),
        ("persistence/session_store.py", "from azure.cosmos.aio import CosmosClient"),
        ("persistence/engines/sqlite.py", "from azure.cosmos import PartitionKey"),
        ("functions/problems.py", "from azure.cosmos.exceptions import CosmosHttpResponseError"),
        ("functions/health.py", "import sqlite3"),
        ("persistence/engines/engine.py", "import sqlite3"),
        ("persistence/settings.py", "from functions.identity import identify_by"),
        ("persistence/settings.py", "import devhost"),
        ("persistence/engines/sqlite.py", "from persistence.session_store import SessionStore"),
        ("persistence/engines/sqlite.py", "from persistence import documents"),
        ("persistence/engines/sqlite.py", "from ..documents import now"),
        ("functions/app.py", "from devhost.host import load_functions"),
        ("functions/app.py", "from persistence.engines.sqlite import SqliteEngine"),
        ("functions/app.py", "from tests.support import http"),
        ("function_app.py", "import sqlite3"),
    ],
)
def test_a_breach_is_noticed(path: str, text: str) -> None:
    assert breaches(text, PurePosixPath(path))


def test_every_part_of_the_product_is_read() -> None:
    names = {path.as_posix() for path in sources()}
    assert {
        "function_app.py",
        "functions/endpoint.py",
        "devhost/host.py",
        "persistence/engines/cosmos.py",
    } <= names
