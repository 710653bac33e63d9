"""People who keep few things, and people who keep many: the data of the part `scale`."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from persistence import Stores
from persistence.content import pack
from persistence.documents import new_id, now
from persistence.sessions.documents import NewSession, SessionChange, SessionHead
from persistence.snapshots.documents import AccessLog, Snapshot, SnapshotMetadata
from persistence.storage.containers import SESSIONS, SNAPSHOT_ACCESS_LOGS, Container
from persistence.storage.engine import PAYLOAD, Create, Item

FEW = 50
CONTENT = "x" * 1_024

_PER_COMMIT = 50


@dataclass(frozen=True, slots=True)
class People:
    """How many things people with many of them keep, and the sessions that are saved, by number and place."""

    many: int
    saved: dict[int, list[str]]

    @property
    def label(self) -> str:
        """The number of things, as a size in the results."""
        return f"{self.many:,}"


async def seed_people(stores: Stores, many: int) -> People:
    """Creates people with few things and with many. All have a few sessions and drafts, too."""
    saved = {}
    for number in (FEW, many):
        session, draft, tombstone = await _models(stores, f"sessions-{number}")
        saved[number] = await _copies(stores, f"sessions-{number}", session, number)
        await _copies(stores, f"sessions-{number}", draft, FEW)
        for name, many_of in (("drafts", draft), ("tombstones", tombstone)):
            await _copies(stores, f"{name}-{number}", session, FEW)
            await _copies(stores, f"{name}-{number}", many_of, number)
        await _copies(stores, f"tombstones-{number}", draft, FEW)
        await _visits(stores, f"visits-{number}", number)
    return People(many, saved)


async def _models(stores: Stores, owner: str) -> tuple[list[Item], list[Item], list[Item]]:
    """Returns the items of an active session, of a draft and of a tombstone, as the stores write them."""
    new = NewSession(title="Measured", description="Among others.", content=pack(CONTENT))
    session, deleted = [await stores.sessions.create(owner, new) for _ in range(2)]
    draft, _ = await stores.drafts.put(owner, new_id(), SessionChange(title="Draft", content=pack(CONTENT)))
    await stores.sessions.delete(owner, deleted.id)
    heads = (session, draft, deleted)
    models = [[await _read(stores, owner, id) for id in _ids(head, head is not deleted)] for head in heads]
    for head in heads:
        await stores.sessions.erase(owner, head.id)
    return models[0], models[1], models[2]


def _ids(head: SessionHead, has_content: bool) -> list[str]:
    assert head.content_id is not None
    return [head.content_id, head.id] if has_content else [head.id]


async def _read(stores: Stores, owner: str, id: str) -> Item:
    return (await stores.engine.read(SESSIONS, id, owner)).item


async def _copies(stores: Stores, owner: str, model: list[Item], number: int) -> list[str]:
    """Stores copies of a session's items for a person, under new ids. Returns the ids of the sessions."""
    ids = [new_id() for _ in range(number)]
    for start in range(0, number, _PER_COMMIT):
        copies = [
            _copy(item, model[-1]["id"], id, owner) for id in ids[start : start + _PER_COMMIT] for item in model
        ]
        await _commit(stores, SESSIONS, owner, copies)
    return ids


def _copy(item: Item, old_id: str, id: str, owner: str) -> Item:
    fields = {name: value for name, value in item.items() if name != PAYLOAD}
    copied: Item = orjson.loads(orjson.dumps(fields).replace(old_id.encode(), id.encode()))
    payload = {PAYLOAD: item[PAYLOAD]} if PAYLOAD in item else {}
    return {**copied, "owner_id": owner, **payload}


async def _visits(stores: Stores, visitor: str, number: int) -> None:
    at = now()
    metadata = SnapshotMetadata(
        title="Measured", description=None, created_at=at, content_hash="0" * 64, content_bytes=len(CONTENT)
    )
    model = Snapshot(id="", snapshot_id="", owner_id="of-snapshots", metadata=metadata)
    ids = [new_id() for _ in range(number)]
    for start in range(0, number, _PER_COMMIT):
        snapshots = [
            model.model_copy(update={"id": id, "snapshot_id": id}) for id in ids[start : start + _PER_COMMIT]
        ]
        entries = [AccessLog.first_visit(snapshot, visitor, at).to_item() for snapshot in snapshots]
        await _commit(stores, SNAPSHOT_ACCESS_LOGS, visitor, entries)


async def _commit(stores: Stores, container: Container, partition: str, items: Iterable[Item]) -> None:
    await stores.engine.commit(container, partition, [Create(item) for item in items])
