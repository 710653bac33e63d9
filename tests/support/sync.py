"""Items of a sync in tests."""

from collections.abc import Sequence
from typing import Any

from persistence.idempotency import IdempotencyKey
from persistence.sessions.documents import SessionChange, SessionHead, SessionStatus
from persistence.sessions.rules import DEFAULT_RULES, SessionRules
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.engine import Engine
from persistence.sync.items import CreateItem, SaveItem, TrashItem
from persistence.sync.store import SyncStore
from tests.support.sessions import OWNER, new, saving, stored_heads

KEY = IdempotencyKey("key", "digest")
LARGE = "".join(chr(0x100 + i * 7919 % 0x5000) for i in range(300_000))
"""Two of these do not fit into one commit, nor does one."""


def sync_store(engine: Engine, rules: SessionRules = DEFAULT_RULES) -> SyncStore:
    """Returns a new store over the engine, as another process would have."""
    shared = Shared.over(engine)
    return SyncStore(shared, SessionStore(shared, rules), rules)


def id_of(number: int) -> str:
    return f"session-{number:04}"


def create(number: int, content: str = "one", status: SessionStatus = SessionStatus.ACTIVE) -> CreateItem:
    assert status in (SessionStatus.DRAFT, SessionStatus.ACTIVE)
    return CreateItem(id_of(number), new(f"Title {number}", content), status)


def save(number: int, content: str, if_match: str | None = None, **rest: Any) -> SaveItem:
    return SaveItem(id_of(number), saving(content, **rest), if_match)


def rename(number: int, title: str, if_match: str | None = None) -> SaveItem:
    return SaveItem(id_of(number), SessionChange(title=title), if_match)


def trash(number: int, if_match: str | None = None) -> TrashItem:
    return TrashItem(id_of(number), if_match)


async def some(engine: Engine, many: int, content: str = "one") -> list[SessionHead]:
    """Creates sessions with the numbers from 0 on."""
    return await sync_store(engine).apply_together(OWNER, [create(number, content) for number in range(many)])


async def shown(engine: Engine) -> dict[str, tuple[str, int, str]]:
    """Returns the status, version and content hash of each stored session."""
    heads = await stored_heads(engine)
    return {one.id: (one.status.value, one.metadata.version, one.metadata.content_hash) for one in heads}


def etags(heads: Sequence[SessionHead]) -> list[str]:
    return [one.metadata.etag for one in heads]
