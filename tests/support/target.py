"""A server with something in it that must not change, whatever is thrown at it."""

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
    """A server on which ann keeps a session, a snapshot and a draft."""

    server: DevhostServer
    folder: Path
    session: str
    snapshot: str
    draft: str

    def rows(self) -> list[str]:
        """Everything that is stored, as SQL."""
        with beside(self.folder) as connection:
            return list(connection.iterdump())

    @contextmanager
    def unchanged(self) -> Iterator["Target"]:
        """AssertionError where anything is stored otherwise afterwards."""
        before = self.rows()
        assert sum(line.startswith("INSERT") for line in before) > 4
        yield self
        assert self.rows() == before


@contextmanager
def serving(folder: Path) -> Iterator[Target]:
    """AssertionError at the end where the server is not well, or where something came that it did not foresee."""
    with on_sqlite(folder).serve() as server:
        session, snapshot = (
            ask(server, "POST", f"{API}/{it}", [JSON], NEW).json for it in ("sessions", "snapshots")
        )
        assert ask(server, "PUT", f"{API}/drafts/madeByClient", [JSON], b'{"content": "one"}').status == 201
        yield Target(server, folder, session, snapshot, "madeByClient")
        assert ask(server, "GET", "/api/health/ready").status == 200
        assert "Unforeseen" not in server.stderr() and "Traceback" not in server.stderr()
