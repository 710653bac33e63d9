"""Saves by delta: only the wire is smaller. What is stored is a whole content, as every save stores it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from persistence.content import CONTENT_MAX_BYTES, Packed, Verified, pack
from persistence.deltas import apply
from persistence.errors import BaseGone, DeltaRule, InvalidDelta, InvalidMember, ItemNotFound
from persistence.retry import Attempts
from persistence.sessions.contents import SessionContents
from persistence.sessions.documents import SessionHead
from persistence.sessions.edits import Save
from persistence.sessions.history import find_base
from persistence.storage.engine import PAYLOAD, Item

_CONTENT_READS = 4

_SMALL_DELTA_BYTES = 8 * 1024
"""A smaller delta is applied at once, as contents are packed: a thread would take longer to begin."""


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """A delta, the ETag of the version that it was made from, and the SHA-256 in hex of what it makes."""

    base: str
    delta: bytes
    result_hash: str

    def applied(self, base: Verified) -> Packed:
        """Returns the content, ready to store. Raises InvalidDelta, DeltaTooLarge and ContentTooLarge.

        About 5 ms for 1.5 MB, and a tenth of a second for the most commands.
        """
        try:
            packed = pack(apply(self.delta, base.text, CONTENT_MAX_BYTES, has_digest=True))
        except InvalidMember:
            raise InvalidDelta(DeltaRule.UTF8, "makes a content that is not valid UTF-8") from None
        if packed.hash != self.result_hash:
            apply(self.delta, base.text, CONTENT_MAX_BYTES)  # raises if its checksum is wrong, too
            raise InvalidDelta(DeltaRule.DIGEST, "makes a content with another SHA-256 than the request says")
        return packed


@dataclass(frozen=True, slots=True)
class SaveDelta:
    """A save whose content is known only when the head is: it is made from a content that the head names."""

    save: Save
    delta: ContentDelta
    contents: SessionContents
    reaches_trash: ClassVar[bool] = False

    @property
    def save_id(self) -> str:
        """As `Edit.save_id`. A retry is recognised by its result, although its base is not current any more."""
        return self.save.save_id

    def check(self, head: SessionHead) -> None:
        """As `Edit.check`."""
        self.save.check(head)

    async def on(self, head: SessionHead, new: Sequence[Item] = ()) -> Save:
        """Returns the save of the whole content. `new` contents are not stored yet.

        Raises and costs as `patched`.
        """
        packed = await patched(self.contents, head, self.delta, new)
        return replace(self.save, change=self.save.change.model_copy(update={"content": packed}))


async def patched(
    contents: SessionContents, head: SessionHead, delta: ContentDelta, new: Sequence[Item] = ()
) -> Packed:
    """Returns what a delta makes of a content that a head names. `new` contents are not stored yet.

    Raises as `ContentDelta.applied`; BaseGone, CorruptItem. One point read, or none if the base is in the cache.
    """
    base = await _read_base(contents, head, delta, new)
    if len(delta.delta) <= _SMALL_DELTA_BYTES:
        return delta.applied(base)
    return await asyncio.to_thread(delta.applied, base)


async def _read_base(
    contents: SessionContents, head: SessionHead, delta: ContentDelta, new: Sequence[Item]
) -> Verified:
    revision = find_base(head, delta.base)
    if revision is None or revision.content_id is None:
        raise BaseGone("session", head.id, head)
    for item in new:
        if item["id"] == revision.content_id:
            return Verified(Packed(item[PAYLOAD], revision.content_hash, revision.content_bytes))
    async for _ in Attempts(_CONTENT_READS):
        # Missing: this replica does not show it yet, or many saves came after the read of the head.
        with suppress(ItemNotFound):
            return await contents.read(
                head.owner_id, revision.content_id, revision.content_hash, revision.content_bytes
            )
    raise BaseGone("session", head.id, head)
