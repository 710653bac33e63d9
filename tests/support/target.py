"""A server with stored data that hostile requests must not change."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.devhost.server import DevhostServer
from tests.support.raw import ask
from tests.support.sqlite import beside
from tests.support.storage import on_sqlite

API = "/api/persistence"
JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain")
NEW = json.dumps({"title": "First", "description": None, "content": "one"}).encode()
OWNER = "ann"


@dataclass(frozen=True)
class Target:
    """A server, and the ids of a session, a snapshot and a draft that belong to ann."""

    server: DevhostServer
    folder: Path
    session: str
    snapshot: str
    draft: str

    def rows(self) -> list[str]:
        """Returns everything that is stored, as SQL statements."""
        with beside(self.folder) as connection:
            return list(connection.iterdump())

    @contextmanager
    def unchanged(self) -> Iterator["Target"]:
        """Asserts that the stored data is the same afterwards."""
        before = self.rows()
        assert sum(line.startswith("INSERT") for line in before) > 4
        yield self
        assert self.rows() == before


@contextmanager
def serving(folder: Path) -> Iterator[Target]:
    """Runs a server. Asserts at the end that it is ready and has logged no unexpected error."""
    with on_sqlite(folder).serve() as server:
        session, snapshot = (
            ask(server, "POST", f"{API}/{it}", [JSON], NEW).json for it in ("sessions", "snapshots")
        )
        assert ask(server, "PUT", f"{API}/drafts/madeByClient", [JSON], b'{"content": "one"}').status == 201
        yield Target(server, folder, session, snapshot, "madeByClient")
        assert ask(server, "GET", "/api/health/ready").status == 200
        assert "Unforeseen" not in server.stderr() and "Traceback" not in server.stderr()
