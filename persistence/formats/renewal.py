"""What an item of an older format becomes."""

from pydantic import ValidationError

from persistence.documents import Document
from persistence.sessions.documents import SessionHead
from persistence.snapshots.documents import AccessLog, Snapshot
from persistence.storage.engine import Item

_MODELS: dict[str, type[Document]] = {"session": SessionHead, "snapshot": Snapshot, "access_log": AccessLog}


def renewed(item: Item) -> Item | None:
    """Returns the item in the present format, without a payload. None if that is how it is, or if it is damaged.

    Heads become compact. The lower-case copies of titles and descriptions are made again.
    """
    if (model := _MODELS.get(str(item.get("kind")))) is None:
        return None
    try:
        document = model.model_validate(item)
    except ValidationError:
        return None
    if isinstance(document, SessionHead):
        document = document.model_copy(update={"schema_version": 2})
    new = document.to_item()
    return None if new == item else new
