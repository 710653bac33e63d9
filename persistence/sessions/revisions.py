"""The versions in a session's history, and the two forms in which a head stores them.

In format 2, a revision is a row: an array of version, action, time, content, hash and size, and an object with the
rest if there is any. Title, device and media type are in it if they differ from those of the newer row. The newest
row is compared with the head's metadata. A row with `left` is only remembered.
In format 1, a revision is an object with all its fields.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, Protocol


class SessionAction(StrEnum):
    """What created a revision."""

    CREATED = "created"
    SAVED = "saved"
    AUTOSAVED = "autosaved"
    RENAMED = "renamed"
    RESTORED = "restored"
    PROMOTED = "promoted"
    CLOSED = "closed"
    REOPENED = "reopened"
    TRASHED = "trashed"
    UNTRASHED = "untrashed"
    DELETED = "deleted"


class Revision(NamedTuple):
    """One version in a session's history. A tuple with times as text, because every save reads and writes many.

    save_id  names the write that created it, so that a retry after a lost response is recognised. The part after
             its dot is a digest of the request. Only recent revisions have one.
    began    the time of the first autosave that this autosave replaced
    name     a revision with a name is never pruned or replaced
    named    when it got this name, or lost its name
    """

    version: int
    action: SessionAction
    saved: str
    title: str
    content_id: str | None
    content_hash: str
    content_bytes: int
    save_id: str | None = None
    device_info: str | None = None
    media_type: str | None = None
    began: str | None = None
    name: str | None = None
    named: str | None = None

    @property
    def etag(self) -> str:
        """The ETag that callers saw when this was the current version."""
        return etag_of(self.version, self.content_hash)

    def is_same_attempt(self, other: "Revision") -> bool:
        """Returns True if one attempt of one write created both. A name may have been given since."""
        mine = (self.version, self.save_id, self.saved, self.content_id)
        return mine == (other.version, other.save_id, other.saved, other.content_id)

    @property
    def saved_at(self) -> datetime:
        """When it was created."""
        return datetime.fromisoformat(self.saved)

    @property
    def since(self) -> datetime:
        """When the first autosave was made that this one replaced, or this one."""
        return datetime.fromisoformat(self.began or self.saved)


def etag_of(version: int, content_hash: str) -> str:
    """Returns the ETag of a version. It is the same on every engine, unlike the etag of the stored item."""
    return f'"{version}-{content_hash[:16]}"'


class Texts(Protocol):
    """The texts that a row inherits from the newer row."""

    @property
    def title(self) -> str: ...

    @property
    def device_info(self) -> str | None: ...

    @property
    def media_type(self) -> str | None: ...


_ACTIONS = {action.value: action for action in SessionAction}
_VERSION = itemgetter(0)
_OPTIONAL_TEXTS = attrgetter("content_id", "save_id", "device_info", "media_type", "name")
_TEXT_OR_NONE = frozenset({str, type(None)})
_NOTHING: Mapping[str, Any] = {}


def to_rows(id: str, head: Texts, history: Iterable[Revision], remembered: Iterable[Revision]) -> list[list[Any]]:
    """Returns the rows of a session's history, and of what is remembered besides it."""
    left = {one.version for one in remembered}
    prefix, newer, rows = f"{id}~", head, []
    for one in sorted((*history, *remembered), key=_VERSION, reverse=True) if left else history:
        content = None if one.content_id is None else one.content_id.removeprefix(prefix)
        row: list[Any] = [one.version, one.action, one.saved, content, one.content_hash, one.content_bytes]
        rest: dict[str, Any] = {}
        if one.title != newer.title:
            rest["title"] = one.title
        if one.device_info != newer.device_info:
            rest["device_info"] = one.device_info
        if one.media_type != newer.media_type:
            rest["media_type"] = one.media_type
        if one.save_id is not None:
            rest["save_id"] = one.save_id
        if one.began is not None:
            rest["since"] = one.began
        if one.name is not None:
            rest["name"] = one.name
        if one.named is not None:
            rest["named"] = one.named
        if one.version in left:
            rest["left"] = True
        if rest:
            row.append(rest)
        rows.append(row)
        newer = one
    return rows


def from_rows(item: Mapping[str, Any]) -> dict[str, tuple[Revision, ...]]:
    """Returns the `revisions` and the `remembered` of a head in format 2. Raises ValueError if one is damaged."""
    try:
        prefix, texts = f"{item['id']}~", item["metadata"]
        title, device, media = texts["title"], texts.get("device_info"), texts.get("media_type")
        history: list[Revision] = []
        remembered: list[Revision] = []
        for version, action, saved, content, hash, size, *more in item["revisions"]:
            rest = more[0] if more else _NOTHING
            title = rest.get("title", title)
            device = rest.get("device_info", device)
            media = rest.get("media_type", media)
            content_id = None if content is None else prefix + content
            save_id, began = rest.get("save_id"), rest.get("since")
            name, named = rest.get("name"), rest.get("named")
            action = _ACTIONS[action]
            one = Revision(
                version, action, saved, title, content_id, hash, size, save_id, device, media, began, name, named
            )
            _check(one)
            (remembered if "left" in rest else history).append(one)
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError("a row has another form") from exc
    return {"revisions": tuple(history), "remembered": tuple(remembered)}


def to_objects(revisions: Iterable[Revision]) -> list[dict[str, Any]]:
    """Returns revisions as format 1 has them."""
    objects = []
    for one in revisions:
        fields = one._asdict()
        times = {"saved_at": fields.pop("saved"), "since": fields.pop("began")}
        objects.append({**fields, **times, "save_id": one.save_id or ""})  # format 1 needs a text
    return objects


def from_objects(objects: Iterable[Mapping[str, Any]]) -> tuple[Revision, ...]:
    """Returns the revisions of a head in format 1. Raises ValueError if one is damaged."""
    revisions = []
    try:
        for fields in objects:
            one = Revision(
                version=fields["version"],
                action=_ACTIONS[fields["action"]],
                saved=fields["saved_at"],
                title=fields["title"],
                content_id=fields["content_id"],
                content_hash=fields["content_hash"],
                content_bytes=fields["content_bytes"],
                save_id=fields["save_id"] or None,
                device_info=fields.get("device_info"),
                media_type=fields.get("media_type"),
                began=fields.get("since"),
                name=fields.get("name"),
                named=fields.get("named"),
            )
            _check(one)
            revisions.append(one)
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError("a revision has another form") from exc
    return tuple(revisions)


def _check(one: Revision) -> None:
    """Raises ValueError or TypeError if a value has another type, or if a time is not one in UTC."""
    is_sound = (
        type(one.version) is type(one.content_bytes) is int
        and type(one.content_hash) is type(one.title) is str
        and _TEXT_OR_NONE.issuperset(map(type, _OPTIONAL_TEXTS(one)))
        and datetime.fromisoformat(one.saved).tzinfo is UTC
        and (one.began is None or datetime.fromisoformat(one.began).tzinfo is UTC)
        and (one.named is None or datetime.fromisoformat(one.named).tzinfo is UTC)
    )
    if not is_sound:
        raise ValueError("a revision has a value of another type")
