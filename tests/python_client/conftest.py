"""A real server, the line to it, and processes that save. Every test has a person and a journal of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from savepoint_client import Server, connect

from tests.browser.line import Line, line_to
from tests.browser.server_side import ServerSide
from tests.support.storage import on_sqlite


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with on_sqlite(tmp_path_factory.mktemp("python") / "data").serve() as server:
        yield server.base_url
        assert "Traceback" not in server.stderr()


class Person:
    """Someone who saves from Python, past a line that can fail, and what the server has of them."""

    def __init__(self, name: str, origin: str, through: str, line: Line, folder: Path) -> None:
        self.name = name
        self.line = line
        self.url = f"{through}/api/persistence"
        self.journal_dir = folder
        self.server = ServerSide(origin, name)
        self._connected: list[Server] = []

    def connect(self, **options: Any) -> Server:
        """As a process of its own: another journal instance."""
        given = {"headers": {"X-User-Id": self.name}, "journal_dir": self.journal_dir, "app": "race", **options}
        server = connect(self.url, **given)
        self._connected.append(server)
        return server

    def entries(self) -> list[Path]:
        """The files of the journal that hold what is not saved."""
        return [path for path in self.journal_dir.glob("journal/*/*.json") if path.parent.name != "people"]

    def leave(self) -> None:
        for each in self._connected:
            each.saver.close()
        self.server.close()


@pytest.fixture(scope="module")
def line(origin: str) -> Iterator[tuple[str, Line]]:
    with line_to(origin, {}) as line:
        yield line


@pytest.fixture
def meet(origin: str, line: tuple[str, Line], tmp_path: Path) -> Iterator[Callable[..., Person]]:
    met: list[Person] = []

    def one(name: str | None = None) -> Person:
        person = Person(name or f"person-{uuid4().hex[:8]}", origin, *line, tmp_path / "kept")
        met.append(person)
        return person

    yield one
    line[1].works()
    for person in met:
        person.leave()
    line[1].sent.clear()


@pytest.fixture
def person(meet: Callable[..., Person]) -> Person:
    return meet()
