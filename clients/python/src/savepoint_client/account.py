"""Everything of a person: who it is, how much it is, and its export and import, which are streamed."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx2

from savepoint_client import wire
from savepoint_client.errors import Offline
from savepoint_client.http import Call
from savepoint_client.pages import with_query

Progress = Callable[[int, int], object]
"""Called with bytes and lines until now."""

PAGE_BYTES = 7_900_000
PAGE_LINES = 2_000
PAGE_TRIES = 4


class Asking(Protocol):
    """What the calls here need of a server."""

    def ask(self, call: Call) -> Any: ...

    def stream(self, path: str) -> AbstractContextManager[httpx2.Response]: ...

    def new_id(self) -> str: ...


@dataclass(frozen=True)
class ImportResult:
    """How many lines were imported, had no effect, or were refused. `problems` tell of each refused one."""

    imported: int
    skipped: int
    refused: int
    problems: list[wire.Line]


class Account:
    def __init__(self, server: Asking) -> None:
        self._server = server

    def me(self) -> wire.Me:
        return wire.Me.model_validate(self._server.ask(Call("GET", "/me", {})))

    def usage(self) -> wire.UsageAndLimits:
        return wire.UsageAndLimits.model_validate(self._server.ask(Call("GET", "/usage", {})))

    def erase(self, owner_id: str) -> wire.Erasure:
        """Deletes everything on the server, for good. `owner_id` confirms whose it is. Repeat it until `done`."""
        found = self._server.ask(Call("DELETE", "/me", {"Savepoint-Confirm": owner_id}))
        return wire.Erasure.model_validate(found)

    def lines(self, session_id: str | None = None) -> Iterator[bytes]:
        """Yields the lines of the export of everything, or of one session. They are read piece by piece.

        A page that breaks off is asked for again, and what it had before is skipped.
        """
        path = f"/sessions/{quote(session_id, safe='')}/export" if session_id else "/export"
        cursor: str | None = None
        while True:
            last = b""
            for line in self._page(with_query(path, {"cursor": cursor})):
                if last:
                    yield last
                last = line
            end: Mapping[str, Any] = json.loads(last)
            cursor = end["pageToken"]
            if cursor is None:
                yield last
                return

    def _page(self, path: str) -> Iterator[bytes]:
        """Yields complete lines. The last one is the end of the page."""
        seen = 0
        for tries in range(1, PAGE_TRIES + 1):
            rest, count, line = b"", 0, b""
            try:
                with self._server.stream(path) as response:
                    for piece in response.iter_bytes():
                        *complete, rest = (rest + piece).split(b"\n")
                        for line in complete:
                            count += 1
                            if count > seen:
                                seen = count
                                yield line
                if line.startswith(b'{"kind":"end"') or line.startswith(b'{"kind": "end"'):
                    return
                raise Offline("The export broke off.")
            except (Offline, httpx2.HTTPError) as error:
                if tries == PAGE_TRIES:
                    raise Offline(f"The export broke off: {error}") from error

    def export(
        self, path: str | os.PathLike[str], session_id: str | None = None, progress: Progress | None = None
    ) -> int:
        """Writes the export to a file, which appears when it is complete. Returns its bytes."""
        target = Path(path)
        beside = target.with_name(f".{target.name}.{self._server.new_id()}")
        total = 0
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for count, line in enumerate(self.lines(session_id), 1):
                    total += file.write(line + b"\n")
                    if progress:
                        progress(total, count)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
        return total

    def import_(
        self,
        path: str | os.PathLike[str],
        import_id: str | None = None,
        mode: str = "copy",
        progress: Progress | None = None,
    ) -> ImportResult:
        """Imports a file of `export`, a page at a time. Repeats under the same `import_id` do no harm.

        `mode` is copy, skip or replace: where a session goes whose id is taken.
        """
        url = with_query("/import", {"import_id": import_id or self._server.new_id(), "mode": mode})
        done, total, count = ImportResult(0, 0, 0, []), 0, 0
        with open(path, "rb") as file:
            for lines in _pages(file):
                body = b"".join(lines)
                headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": self._server.new_id()}
                found = wire.Imported.model_validate(self._server.ask(Call("POST", url, headers, body)))
                refused = [
                    line.model_copy(update={"line": count + line.line})
                    for line in found.lines
                    if line.outcome == "refused"
                ]
                done = ImportResult(
                    done.imported + found.imported,
                    done.skipped + found.skipped,
                    done.refused + found.refused,
                    done.problems + refused,
                )
                total, count = total + len(body), count + len(lines)
                if progress:
                    progress(total, count)
        return done


def _pages(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yields pages of an export as large as the server takes."""
    page, size = list[bytes](), 0
    for line in lines:
        if page and (size + len(line) > PAGE_BYTES or len(page) == PAGE_LINES):
            yield page
            page, size = [], 0
        page.append(line)
        size += len(line)
    if page:
        yield page
