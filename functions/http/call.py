"""A request as an endpoint's own code sees it, and what that code gives back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel

from functions.http.headers import accepts_gzip, entity_tags, preferred_return, without_coding
from functions.http.problems import InvalidHeader
from persistence.conditions import AnyTag, Conditions
from persistence.idempotency import IdempotencyKey

KEY_MAX_CHARACTERS = 255
CONDITION_MAX_CHARACTERS = 8_192

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request: who asks, the validated query and body, and the rest of what was sent."""

    owner_id: str
    query: Q
    body: B
    raw_body: bytes
    path: Mapping[str, str]
    url: str
    headers: Mapping[str, str]

    @property
    def if_match(self) -> frozenset[str] | None:
        """The ETags of which one has to hold; None for no condition. Raises InvalidHeader."""
        return self._tags("if-match")

    @property
    def if_none_match(self) -> frozenset[str]:
        """On a write, the ETags of which none may hold. Raises InvalidHeader."""
        tags = self._tags("if-none-match")
        return frozenset() if tags is None else tags

    @property
    def conditions(self) -> Conditions:
        """What If-Match and Idempotency-Key say of a write. Raises InvalidHeader."""
        return Conditions(self.if_match, save_id=self.save_id)

    @property
    def held(self) -> frozenset[str]:
        """On a read, the ETags of what the caller has already. A list that cannot be read has none."""
        tags = self._tags("if-none-match", unreadable=frozenset())
        return frozenset() if tags is None else tags

    @property
    def idempotency_key(self) -> str | None:
        """What the caller names this attempt; None for no name. Raises InvalidHeader."""
        key = self.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= KEY_MAX_CHARACTERS:
            raise InvalidHeader(f"Idempotency-Key takes 1 to {KEY_MAX_CHARACTERS} characters.")
        return key

    @property
    def save_id(self) -> str | None:
        """What a revision made by this attempt remembers of its Idempotency-Key; None without one."""
        key = self.idempotency_key
        return None if key is None else "key-" + hashlib.sha256(key.encode()).hexdigest()[:24]

    @property
    def attempt(self) -> IdempotencyKey | None:
        """The Idempotency-Key with what it was sent with; None without one. Raises InvalidHeader."""
        key = self.idempotency_key
        return None if key is None else IdempotencyKey(key, hashlib.sha256(self.raw_body).hexdigest())

    def prefers(self, what: str) -> bool:
        """Whether the caller asks for `return=<what>` (RFC 7240)."""
        return preferred_return(self.headers.get("prefer", "")) == what

    @property
    def accepts_gzip(self) -> bool:
        """Whether a gzipped answer is welcome (RFC 9110, section 12.5.3)."""
        return accepts_gzip(self.headers.get("accept-encoding", ""))

    @property
    def path_of_collection(self) -> str:
        """The path that was called, to which a new id can be added for Location."""
        return urlsplit(self.url).path.rstrip("/")

    def _tags(self, condition: str, unreadable: frozenset[str] | None = None) -> frozenset[str] | None:
        """Those of a condition, of whichever coding; None where it is not sent. Raises InvalidHeader for an
        endless one, and for one that is no list of tags unless it is told what to take that for."""
        header = self.headers.get(condition)
        if header is None:
            return None
        if len(header) > CONDITION_MAX_CHARACTERS:
            raise InvalidHeader("If-Match and If-None-Match take at most 8,192 characters.")
        try:
            tags = entity_tags(header)
        except ValueError:
            if unreadable is not None:
                return unreadable
            raise InvalidHeader('A condition is * or ETags in quotes, such as "3-9f86d081884c7d65".') from None
        return tags if isinstance(tags, AnyTag) else frozenset(map(without_coding, tags))


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a model, or bytes that are ready, or nothing."""

    body: BaseModel | bytes | None = None
    status: int = 200
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


def to_json(value: object) -> bytes:
    """JSON bytes for an `Answer`, where a model would copy a large text once more."""
    return orjson.dumps(value)
