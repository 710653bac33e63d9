"""Saves, verifies and deletes instances. Several are saved together, all or none."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote

from savepoint_client.errors import Conflict, Gone, NotFound, SavepointError
from savepoint_client.http import Call, json_call
from savepoint_client.models.keeping import keep
from savepoint_client.models.registry import Kind, Registry, session_id
from savepoint_client.server import Server

log = logging.getLogger("savepoint_client")

MOST = 40
"""The most that are saved together."""

T = TypeVar("T")


class Unverified(SavepointError):
    """The server has something else than what was sent. It was undone."""


@dataclass(frozen=True)
class Saved:
    """`changed` is false if the server had it already."""

    id: str
    version: int
    digest: str
    changed: bool


@dataclass(frozen=True)
class Written:
    """An instance as it is sent."""

    id: str
    title: str
    text: str

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()


class Models:
    """Saves instances on a server, in the caller's thread. Nothing here calls `save` of an instance."""

    def __init__(self, server: Server, registry: Registry | None = None) -> None:
        self.server = server
        self.registry = registry or Registry()
        self._known = dict[str, Mapping[str, Any]]()
        """The newest metadata by id."""
        self._unsure = set[str]()
        """Ids of sessions that may have changed since."""
        self.kept = dict[str, str]()
        """By id, the instance of the journal that has what could not be sent."""

    def auto_save(self, instance: object) -> Saved | None:
        """Saves an instance. Returns None inside a database transaction: then it is sent after the commit.

        Raises Conflict if somebody else has saved it since this process has. Nothing has changed then.
        """
        if self._is_delayed([instance], f"save {self.id_of(instance)}", self._save_committed):
            return None
        return self._save([self._written(instance)])[0]

    def auto_save_bulk(self, instances: Iterable[object]) -> list[Saved] | None:
        """Saves up to 40 instances, all or none. Raises ValueError before anything is sent if there are more."""
        together = list(instances)
        if len(together) > MOST:
            raise ValueError(f"{len(together)} instances cannot be saved together: at most {MOST}.")
        if not together:
            return []
        if self._is_delayed(together, f"save {[self.id_of(each) for each in together]}", self._save_committed):
            return None
        return self._save([self._written(each) for each in together])

    def auto_delete(self, instance: object) -> None:
        """Moves its session to the trash. Inside a database transaction, that is sent after the commit."""
        id = self.id_of(instance)

        def delete_committed(found: list[Any]) -> None:
            if not found:
                self.quietly(lambda: self._delete(id))

        if not self._is_delayed([instance], f"delete {id}", delete_committed):
            self._delete(id)

    def load(self, cls: type[T], key: object) -> T:
        """Returns an instance as it was saved last. A Django instance is not written to the database."""
        kind = self.registry.kind(cls)
        id = session_id(self.server.app, kind.name, key)
        session = self.server.ask(Call("GET", _path(id), {}))
        self._known[id] = session["metadata"]
        loaded: T = kind.loads(session["content"])
        return loaded

    def id_of(self, instance: object) -> str:
        kind = self.registry.kind(type(instance))
        return session_id(self.server.app, kind.name, kind.key(instance))

    def _kind(self, instance: object) -> Kind:
        return self.registry.kind(type(instance))

    def _written(self, instance: object) -> Written:
        kind = self._kind(instance)
        return Written(self.id_of(instance), f"{kind.name} {kind.key(instance)}"[:255], kind.dumps(instance))

    def _save(self, together: list[Written]) -> list[Saved]:
        ids = [each.id for each in together]
        if len(set(ids)) < len(ids):
            raise ValueError("An instance is there twice.")
        for each in together:
            self._look_again(each)
        before = {each.id: self._metadata(each.id) for each in together}
        changed = [each for each in together if (before[each.id] or {}).get("contentHash") != each.digest]
        if changed:
            self._commit(changed, before)
        return [Saved(each.id, self._known[each.id]["version"], each.digest, each in changed) for each in together]

    def _look_again(self, one: Written) -> None:
        """Raises Conflict if the server had the same, and somebody else has changed it since.

        If nothing is sent, the server cannot say so.
        """
        if self._known.get(one.id, {}).get("contentHash") == one.digest:
            self.doubt(one.id)
            now = self._metadata(one.id)
            if not now or now["contentHash"] != one.digest:
                raise Conflict("Somebody else has changed it since.")

    def _commit(self, together: list[Written], before: Mapping[str, Mapping[str, Any] | None]) -> None:
        items = [self._item(each, before[each.id]) for each in together]
        key = {"Idempotency-Key": self.server.new_id()}
        try:
            found = self.server.ask(json_call("POST", "/sync", key, {"mode": "atomic", "items": items}))["items"]
        except SavepointError:
            for each in together:
                self.doubt(each.id)
            raise
        for each, done in zip(together, found, strict=True):
            self._known[each.id] = done["metadata"]
        if any(self._known[each.id]["contentHash"] != each.digest for each in together):
            for each in together:
                self._undo(each.id, before[each.id])
            raise Unverified("The server has something else than what was sent. It was undone.")

    def _item(self, one: Written, before: Mapping[str, Any] | None) -> dict[str, Any]:
        common = {"id": one.id, "content": one.text, "contentHash": one.digest, "mediaType": "application/json"}
        if before is None:
            return {"op": "create", **common, "title": one.title, "app": self.server.app or None}
        return {"op": "save", **common, "ifMatch": before["etag"]}

    def _undo(self, id: str, before: Mapping[str, Any] | None) -> None:
        etag = {"If-Match": self._known[id]["etag"]}
        self.forget(id)
        if before is None:
            self.server.ask(Call("DELETE", f"{_path(id)}?purge=true", etag))
        else:
            headers = {**etag, "Idempotency-Key": self.server.new_id()}
            self.server.ask(json_call("POST", f"{_path(id)}/revisions/{before['version']}/restore", headers))

    def _metadata(self, id: str) -> Mapping[str, Any] | None:
        """Returns None if there is no such session yet. One in the trash is taken out of it."""
        if id not in self._known or id in self._unsure:
            try:
                self._known[id] = self.server.ask(Call("GET", f"/sessions/metadata/{quote(id)}", {}))
            except NotFound:
                self.forget(id)
                return None
            except Gone as error:
                if not (error.problem or {}).get("trashed"):
                    raise
                headers = {"Idempotency-Key": self.server.new_id()}
                self._known[id] = self.server.ask(json_call("POST", f"/trash/{quote(id)}/restore", headers))
            self._unsure.discard(id)
        return self._known[id]

    def _delete(self, id: str) -> None:
        metadata = self._metadata(id)
        if metadata is None:
            raise NotFound("It was never saved.")
        try:
            self.server.ask(Call("DELETE", _path(id), {"If-Match": metadata["etag"]}))
        finally:
            self.forget(id)

    def _is_delayed(self, together: list[Any], name: str, work: Callable[[list[Any]], object]) -> bool:
        if not hasattr(type(together[0]), "_meta"):
            return False
        from savepoint_client.models import django

        return django.after_commit(together, name, work)

    def _save_committed(self, together: list[Any]) -> None:
        """A commit cannot be rolled back: what cannot be sent is in the journal."""
        written = [self._written(each) for each in together]
        try:
            self._save(written)
        except SavepointError as error:
            log.warning("what was committed is not on the server yet: %s", error)
            for one in written:
                keep(self, one)

    def save_committed(self, instance: object) -> None:
        """As `auto_save`, for what is in the database already. Raises nothing."""

        def save() -> None:
            if not self._is_delayed([instance], f"save {self.id_of(instance)}", self._save_committed):
                self._save_committed([instance])

        self.quietly(save)

    def quietly(self, work: Callable[[], object]) -> None:
        """Logs what goes wrong after a commit, because nobody can take it back."""
        try:
            work()
        except SavepointError as error:
            log.warning("what was committed is not on the server: %s", error)
        except Exception:
            log.exception("what was committed is not on the server")

    def known(self, id: str) -> Mapping[str, Any] | None:
        """What is known of a session, without asking."""
        return self._known.get(id)

    def doubt(self, id: str) -> None:
        """Says that a session may have been changed, so that the server is asked before the next save."""
        self._unsure.add(id)

    def forget(self, id: str) -> None:
        self._known.pop(id, None)
        self._unsure.discard(id)


def _path(id: str) -> str:
    return f"/sessions/{quote(id)}"
