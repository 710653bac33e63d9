"""What is found wrong with an item, and how it is mended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from persistence.activity.documents import ActivityLine
from persistence.content import CONTENT_MAX_BYTES, inflate
from persistence.documents import Document, now
from persistence.errors import ItemChanged, ItemNotFound
from persistence.formats.renewal import renewed
from persistence.idempotency import IdempotencyRecord
from persistence.sessions.documents import SessionContent, SessionHead, SessionMetadata
from persistence.snapshots.documents import AccessLog, Snapshot, Visitor
from persistence.storage.containers import Container
from persistence.storage.engine import PAYLOAD, Engine, Item, is_readable

MODELS: Mapping[str, type[Document]] = {
    model.model_fields["kind"].default: model
    for model in (SessionHead, SessionContent, ActivityLine, IdempotencyRecord, Snapshot, Visitor, AccessLog)
}
ORPHAN_AGE = timedelta(days=1)
"""What is younger may still be in work, or waits for a timer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong. `becomes` is the item that mends it. `is_orphan`: removing it does.

    fault  damaged (cannot be read), missing (something names it), orphan (nothing names it), derived (a field does
           not follow from the others), counted (a number is not that of the items)
    """

    fault: str
    container: Container
    partition: str
    id: str
    kind: str
    becomes: Item | None = None
    is_orphan: bool = False
    etag: str = ""

    def named(self) -> dict[str, str]:
        """What is reported. Partitions can be people, so they are not."""
        return {"fault": self.fault, "container": self.container.name, "kind": self.kind, "id": self.id}


@dataclass(frozen=True, slots=True)
class Place:
    """A partition that is checked."""

    engine: Engine
    container: Container
    partition: str

    def finding(self, fault: str, id: str, kind: str, **how: Any) -> Finding:
        """Returns a finding of this partition."""
        return Finding(fault, self.container, self.partition, id, kind, **how)

    async def load(self, address: Item) -> tuple[Document | None, Item, Finding | None]:
        """Returns the document of an item, the item, and what is wrong with it by itself."""
        id, kind = str(address["id"]), str(address.get("kind"))
        try:
            stored = await self.engine.read(self.container, id, self.partition)
        except ItemNotFound:
            return None, {}, None  # deleted since
        model = MODELS.get(kind)
        if model is None or not is_readable(stored.item):
            return None, stored.item, self.finding("damaged", id, kind)
        try:
            document = model.model_validate(stored.item)
        except ValidationError:
            return None, stored.item, self.finding("damaged", id, kind)
        new = _mended(document, {name: value for name, value in stored.item.items() if name != PAYLOAD})
        if new is None:
            return document, stored.item, None
        if PAYLOAD in stored.item:
            new[PAYLOAD] = stored.item[PAYLOAD]
        return document, stored.item, self.finding("derived", id, kind, becomes=new, etag=stored.etag)


def _mended(document: Document, item: Item) -> Item | None:
    """Returns the item with what follows from the rest of it. None if it is right. A head keeps its format, which
    older programs may still have to read."""
    if not isinstance(document, SessionHead) or document.schema_version == 2:
        return renewed(item)
    new = document.to_item()
    twins = {name: new["metadata"][name] for name in SessionMetadata.model_computed_fields}
    metadata = {name: twin for name, twin in twins.items() if twin is not None or name in item["metadata"]}
    computed = {name: new[name] for name in SessionHead.model_computed_fields if name in item}
    mended = {**item, **computed, "metadata": {**item["metadata"], **metadata}}
    return None if mended == item else mended


async def repaired(engine: Engine, finding: Finding) -> bool:
    """Returns True if it was mended. False if that needs a person, or if the item has changed since."""
    try:
        if finding.becomes is not None:
            await engine.replace(finding.container, finding.becomes, finding.etag)
        elif finding.is_orphan:
            await engine.delete(finding.container, finding.id, finding.partition, finding.etag or None)
        else:
            return False
    except (ItemChanged, ItemNotFound):
        return False
    return True


def is_old(at: datetime) -> bool:
    """Returns True if nothing waits for it any more."""
    return now() - at > ORPHAN_AGE


def text_of(payload: object) -> bytes | None:
    """Returns the text of a payload. None if it is damaged."""
    if not isinstance(payload, bytes):
        return None
    try:
        inflated = inflate(payload, CONTENT_MAX_BYTES)
    except ValueError:
        return None
    return None if inflated is None else inflated.text
