"""What belongs to a person besides the open documents. Every call raises a SavepointError."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from savepoint_client import wire
from savepoint_client.http import json_call
from savepoint_client.pages import Ask, Pages, Query

TOGETHER = 40
"""The most that one sync takes."""


class Part:
    """Some calls. A query has the parameters of the API, by their names there."""

    def __init__(self, ask: Ask, new_id: Callable[[], str]) -> None:
        self._ask = ask
        self._new_id = new_id

    def _send(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        key = {"Idempotency-Key": self._new_id()} if method in ("POST", "PUT", "PATCH") else {}
        return self._ask(json_call(method, path, {**key, **(headers or {})}, body))


class Sessions(Part):
    def list(self, query: Query | None = None) -> Pages[wire.SessionMetadata]:
        return Pages(self._ask, "/sessions", wire.SessionMetadata, query)

    def get(self, id: str) -> wire.Session:
        return wire.Session.model_validate(self._send("GET", _at("/sessions", id)))

    def metadata(self, id: str) -> wire.SessionMetadata:
        return wire.SessionMetadata.model_validate(self._send("GET", _at("/sessions/metadata", id)))

    def create(
        self, content: str, title: str, description: str | None = None, app: str | None = None
    ) -> wire.Session:
        body = {"content": content, "title": title, "description": description, "app": app}
        return self.get(self._send("POST", "/sessions", body))

    def rename(self, id: str, title: str | None = None, description: str | None = None) -> wire.SessionMetadata:
        given = {"title": title, "description": description}
        body = {name: it for name, it in given.items() if it is not None}
        prefer = {"Prefer": "return=representation"}
        return wire.SessionMetadata.model_validate(self._send("PATCH", _at("/sessions", id), body, prefer))

    def copy(self, id: str, title: str | None = None, version: int | None = None) -> wire.SessionMetadata:
        body = {"title": title, "version": version}
        return wire.SessionMetadata.model_validate(self._send("POST", _at("/sessions", id, "copy"), body))

    def close(self, id: str) -> wire.SessionMetadata:
        return wire.SessionMetadata.model_validate(self._send("POST", _at("/sessions", id, "close")))

    def reopen(self, id: str) -> wire.SessionMetadata:
        return wire.SessionMetadata.model_validate(self._send("POST", _at("/sessions", id, "reopen")))

    def remove(self, id: str) -> None:
        """Moves it to the trash."""
        self._send("DELETE", _at("/sessions", id))

    def remove_many(self, ids: Iterable[str]) -> Sequence[wire.SyncedItem]:
        """Moves many sessions and drafts to the trash, each by itself. Returns what became of each."""
        wanted, done = [*ids], []
        for start in range(0, len(wanted), TOGETHER):
            items = [{"op": "trash", "id": id} for id in wanted[start : start + TOGETHER]]
            found = self._send("POST", "/sync", {"mode": "independent", "items": items})
            done += wire.Synced.model_validate(found).items
        return done

    def revisions(self, id: str, query: Query | None = None) -> Pages[wire.RevisionMetadata]:
        """The history, newest first."""
        return Pages(self._ask, _at("/sessions", id, "revisions"), wire.RevisionMetadata, query)

    def revision(self, id: str, version: int) -> wire.RevisionContent:
        found = self._send("GET", _at("/sessions", id, f"revisions/{version}"))
        return wire.RevisionContent.model_validate(found)

    def name(self, id: str, version: int, name: str | None) -> None:
        """Keeps a version for good under a name. None: no longer."""
        path = _at("/sessions", id, f"revisions/{version}/name")
        self._send("DELETE" if name is None else "PUT", path, None if name is None else {"name": name})


class Drafts(Part):
    def list(self, query: Query | None = None) -> Pages[wire.DraftMetadata]:
        return Pages(self._ask, "/drafts", wire.DraftMetadata, query)

    def get(self, id: str) -> wire.DraftContent:
        return wire.DraftContent.model_validate(self._send("GET", _at("/drafts", id)))

    def restorable(self, app: str = "") -> wire.Restorable:
        """What a person of an app may want to go on with: the active session, and the drafts."""
        path = f"/restore?app={quote(app, safe='')}" if app else "/restore"
        return wire.Restorable.model_validate(self._send("GET", path))

    def remove(self, id: str) -> None:
        self._send("DELETE", _at("/drafts", id))


class Snapshots(Part):
    def list(self, query: Query | None = None) -> Pages[wire.SnapshotMetadata]:
        return Pages(self._ask, "/snapshots", wire.SnapshotMetadata, query)

    def get(self, id: str) -> wire.SnapshotContent:
        """Opens it, which counts as a visit."""
        return wire.SnapshotContent.model_validate(self._send("GET", _at("/snapshots", id)))

    def create(self, content: str, title: str, description: str | None = None) -> wire.SnapshotMetadata:
        body = {"content": content, "title": title, "description": description}
        prefer = {"Prefer": "return=representation"}
        return wire.SnapshotMetadata.model_validate(self._send("POST", "/snapshots", body, prefer))

    def remove(self, id: str) -> None:
        """Deletes it for good: its link is dead then."""
        self._send("DELETE", _at("/snapshots", id))

    def stats(self, id: str) -> wire.SnapshotStats:
        return wire.SnapshotStats.model_validate(self._send("GET", _at("/snapshots", id, "stats")))

    def visitors(self, id: str, query: Query | None = None) -> Pages[wire.SnapshotVisitor]:
        return Pages(self._ask, _at("/snapshots", id, "visitors"), wire.SnapshotVisitor, query)

    def opened(self, query: Query | None = None) -> Pages[wire.SnapshotAccessLog]:
        """The snapshots that this person opened."""
        return Pages(self._ask, "/snapshot_access_logs", wire.SnapshotAccessLog, query)

    def forget(self, id: str) -> None:
        """Removes one from those."""
        self._send("DELETE", _at("/snapshot_access_logs", id))


class Trash(Part):
    def list(self, query: Query | None = None) -> Pages[wire.Trashed]:
        return Pages(self._ask, "/trash", wire.Trashed, query)

    def restore(self, id: str) -> wire.SessionMetadata:
        return wire.SessionMetadata.model_validate(self._send("POST", _at("/trash", id, "restore")))

    def remove(self, id: str) -> None:
        """Deletes it for good."""
        self._send("DELETE", _at("/trash", id))

    def empty(self) -> wire.Emptied:
        """Repeat it until `done`."""
        return wire.Emptied.model_validate(self._send("DELETE", "/trash"))


class Activity(Part):
    def list(self, query: Query | None = None) -> Pages[wire.Activity]:
        """What happened, newest first."""
        return Pages(self._ask, "/activity", wire.Activity, query)


def _at(path: str, id: str, after: str = "") -> str:
    return f"{path}/{quote(id, safe='')}{'/' + after if after else ''}"
