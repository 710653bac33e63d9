"""Several sessions in one call: all or none, or each by itself."""

import asyncio
import hashlib
from collections.abc import Sequence

from persistence.conditions import Conditions
from persistence.documents import new_id
from persistence.errors import ItemsRefused, NotAtomicHere, PersistenceError
from persistence.idempotency import IdempotencyKey
from persistence.sessions.creation import first_head
from persistence.sessions.deletions import Delete, Trash
from persistence.sessions.documents import SessionHead
from persistence.sessions.edits import Edit, Save, with_digest
from persistence.sessions.joint_changes import Change, Creation, JointChange, Refusal
from persistence.sessions.patches import SaveDelta
from persistence.sessions.rules import DEFAULT_RULES, SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.sync.items import CreateItem, DeltaItem, RefusedItem, SaveItem, SyncItem, TrashItem

_AT_ONCE = 4


class SyncStore:
    """Applies items to the sessions of one owner. The items are of different sessions.

    All tries of a call share a key. Each item has its own save id, made from the key and the id of its session. So
    a retry has no second effect, and returns what the first try did. An item that changed nothing at first is not
    recognised: without `if_match`, a retry applies it to what others saved since.
    """

    def __init__(self, shared: Shared, sessions: SessionStore, rules: SessionRules = DEFAULT_RULES) -> None:
        self._engine, self._sessions = shared.engine, sessions
        self._rules = rules.in_force(shared.rules)

    async def apply_together(
        self, owner_id: str, items: Sequence[SyncItem], key: IdempotencyKey | None = None
    ) -> list[SessionHead]:
        """Applies all items in one commit, or none. Returns the head of each session after its item.

        Raises as `JointCommits.commit`, and NotAtomicHere if the engine has no conditional commits.
        """
        if not await self._engine.has_conditional_commits():
            raise NotAtomicHere
        changes = [await self._joint_change(owner_id, item, _whole_save_id(key, item)) for item in items]
        return [done.head for done in await self._sessions.joint.commit(owner_id, changes)]

    async def apply_each(
        self, owner_id: str, items: Sequence[SyncItem], key: IdempotencyKey | None = None
    ) -> list[SessionHead | PersistenceError | None]:
        """Applies each item by itself, a few at a time. Returns for each the head of its session, the error that
        refused it, or None for a session that was moved to the trash."""
        few = asyncio.Semaphore(_AT_ONCE)

        async def apply(item: SyncItem) -> SessionHead | PersistenceError | None:
            async with few:
                try:
                    return await self._apply(owner_id, item, key)
                except PersistenceError as exc:
                    return exc

        return await asyncio.gather(*map(apply, items))

    async def _apply(self, owner_id: str, item: SyncItem, key: IdempotencyKey | None) -> SessionHead | None:
        save_id = None if key is None else _save_id(key, item)
        match item:
            case RefusedItem():
                raise item.error
            case CreateItem():
                content = item.new.content.hash
                request = ("create", item.status, item.new.model_dump_json(exclude={"content"}), content)
                creation = await self._joint_change(owner_id, item, with_digest(save_id, *request))
                try:
                    [done] = await self._sessions.joint.commit(owner_id, [creation])
                except ItemsRefused as exc:
                    raise exc.failed[0].error from None
                return done.head
            case SaveItem():
                conditions = Conditions(_tags(item), save_id=save_id)
                return await self._sessions.save(
                    owner_id, item.id, item.change, conditions, autosave=item.autosave
                )
            case DeltaItem():
                conditions = Conditions(_tags(item), save_id=save_id)
                return await self._sessions.save_delta(
                    owner_id, item.id, item.delta, conditions, item.change, autosave=item.autosave
                )
            case TrashItem():
                await self._sessions.delete(owner_id, item.id, _tags(item))
                return None

    async def _joint_change(self, owner_id: str, item: SyncItem, save_id: str) -> JointChange:
        match item:
            case RefusedItem():
                return Refusal(item.id, item.error)
            case CreateItem():
                first = first_head(owner_id, item.id, item.new, item.status, save_id, self._rules)
                return Creation(first, item.new.content)
            case SaveItem():
                edit: Edit | SaveDelta = Save(item.change, save_id, self._rules, item.autosave)
            case DeltaItem():
                edit = self._sessions.delta_edit(item.delta, item.change, save_id, autosave=item.autosave)
            case TrashItem():
                edit = Trash(save_id, self._rules) if await self._rules.has_trash() else Delete(save_id)
        return Change(item.id, edit, Conditions(_tags(item)))


def _tags(item: SaveItem | DeltaItem | TrashItem) -> set[str] | None:
    return None if item.if_match is None else {item.if_match}


def _save_id(key: IdempotencyKey, item: SyncItem) -> str:
    return "sync-" + hashlib.sha256(f"{key.key}\0{item.id}".encode()).hexdigest()[:24]


def _whole_save_id(key: IdempotencyKey | None, item: SyncItem) -> str:
    """Returns a save id with the digest of the whole call: if one item is a retry, all are."""
    return new_id() if key is None else with_digest(_save_id(key, item), key.digest)
