"""What a handler receives and returns."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel

from functions.http.errors import ConditionRequired, InvalidHeader
from functions.http.headers import accepts_gzip, entity_tags, own_tag, preferred_return
from persistence.conditions import AnyTag, Conditions
from persistence.idempotency import IdempotencyKey

KEY_MAX_CHARACTERS = 255
CONDITION_MAX_CHARACTERS = 8_192
NOT_MODIFIED = 304

_BASE = "/persistence/"

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)
T = TypeVar("T")

NO_TAGS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request: its caller, its validated query and body, and what else was sent.

    Headers that mean something here are read only if the route declares them in `reads`. `raw_body` is JSON
    after its content coding was removed, so that a retry may use another one. Raw content is as it was sent.
    If `is_head`, nobody sees the body of the response: the handler must not record that something was opened.
    """

    owner_id: str
    query: Q
    body: B
    raw_body: bytes
    path: Mapping[str, str]
    url: str
    headers: Mapping[str, str]
    reads: tuple[str, ...] = ()
    is_head: bool = False

    def header(self, name: str) -> str | None:
        """Returns a header that the route declares."""
        return self.headers.get(name.lower()) if name in self.reads else None

    @property
    def conditions(self) -> Conditions:
        """Returns If-Match, If-None-Match and Idempotency-Key, as a write needs them. Raises InvalidHeader."""
        if_match, if_none_match = self._tags("If-Match"), self._tags("If-None-Match")
        if if_match is not None and isinstance(if_none_match, AnyTag):
            raise InvalidHeader("Send If-Match or If-None-Match: *, not both: no version can fulfil both.")
        return Conditions(if_match, NO_TAGS if if_none_match is None else if_none_match, self._save_id())

    @property
    def base_etag(self) -> str:
        """Returns the only ETag in If-Match. Raises ConditionRequired unless there is exactly one, not `*`.

        Raises InvalidHeader.
        """
        tags = self._tags("If-Match")
        if tags is None or len(tags) != 1:
            raise ConditionRequired("Send If-Match with exactly one ETag: that of the version you changed.")
        return next(iter(tags))

    @property
    def if_none_match(self) -> frozenset[str]:
        """Returns the ETags that the caller of a read has already. A malformed list counts as empty.

        Raises InvalidHeader if the list is too long.
        """
        tags = self._tags("If-None-Match", malformed=NO_TAGS)
        return NO_TAGS if tags is None else tags

    @property
    def idempotency_key(self) -> IdempotencyKey | None:
        """Returns the Idempotency-Key of a create, with the digest of its body. Raises InvalidHeader."""
        key = self._key()
        return None if key is None else IdempotencyKey(key, hashlib.sha256(self.raw_body).hexdigest())

    def prefers(self, what: str) -> bool:
        """Returns whether the caller sent `Prefer: return=<what>` (RFC 7240)."""
        return preferred_return(self.header("Prefer") or "") == what

    @property
    def accepts_gzip(self) -> bool:
        """Returns whether the caller accepts a gzipped response (RFC 9110, section 12.5.3)."""
        return accepts_gzip(self.headers.get("accept-encoding", ""))

    def location(self, path: str) -> dict[str, str]:
        """Returns the Location of something new, at a path such as `sessions/{id}`, always of this origin.

        Browsers take `//name` at its start for another host, and a backslash for a slash.
        """
        called = "/" + urlsplit(self.url).path.lstrip("/\\\t\r\n")
        return {"Location": called[: called.lower().index(_BASE) + len(_BASE)] + path}

    def _save_id(self) -> str | None:
        """A digest, because save ids are stored in each revision."""
        key = self._key()
        return None if key is None else "key-" + hashlib.sha256(key.encode()).hexdigest()[:24]

    def _key(self) -> str | None:
        key = self.header("Idempotency-Key")
        if key is not None and not 1 <= len(key) <= KEY_MAX_CHARACTERS:
            raise InvalidHeader(f"Idempotency-Key takes 1 to {KEY_MAX_CHARACTERS} characters.")
        return key

    def _tags(self, condition: str, malformed: frozenset[str] | None = None) -> frozenset[str] | None:
        """Returns None if the condition was not sent. Raises InvalidHeader if it is too long.

        A malformed condition counts as `malformed`; raises InvalidHeader if that is None.
        """
        header = self.header(condition)
        if header is None:
            return None
        if len(header) > CONDITION_MAX_CHARACTERS:
            raise InvalidHeader(f"{condition} takes at most {CONDITION_MAX_CHARACTERS:,} characters.")
        try:
            tags = entity_tags(header)
        except ValueError:
            if malformed is not None:
                return malformed
            raise InvalidHeader(f'{condition} takes * or ETags in quotes, as "3-9f86d081884c7d65".') from None
        return tags if isinstance(tags, AnyTag) else frozenset(map(own_tag, tags))


@dataclass(frozen=True, slots=True)
class Response(Generic[T]):
    """What a handler returns: a value of the declared type, or its bytes. None: the route's default."""

    body: T | bytes | None = None
    etag: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str | None = None


def not_modified(etag: str) -> Response[Any]:
    """Returns 304 for a caller whose copy is current."""
    return Response(etag=etag, status=NOT_MODIFIED)


def to_json(value: object) -> bytes:
    """Returns JSON for a `Response`, if a model would copy a large text once more."""
    return orjson.dumps(value)
