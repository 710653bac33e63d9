"""A request as an endpoint's own code sees it, and what that code gives back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel

from functions.problems import InvalidHeader
from persistence.idempotency import Attempt

KEY_MAX_CHARACTERS = 255
CONDITION_MAX_CHARACTERS = 8_192
_GZIP_SUFFIX = '-gzip"'

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
        """The ETags of which one has to hold; None for no condition or `*`, which holds for all that exists."""
        tags = _etags(self.headers.get("if-match"))
        return None if tags is None or "*" in tags else tags

    @property
    def if_none_match(self) -> frozenset[str]:
        """The ETags of what the caller has already."""
        return _etags(self.headers.get("if-none-match")) or frozenset()

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
    def attempt(self) -> Attempt | None:
        """The Idempotency-Key with what it was sent with; None without one. Raises InvalidHeader."""
        key = self.idempotency_key
        return None if key is None else Attempt(key, hashlib.sha256(self.raw_body).hexdigest())

    def prefers(self, what: str) -> bool:
        """Whether the caller asks for `return=<what>` (RFC 7240)."""
        wishes = self.headers.get("prefer", "").replace(" ", "").lower()
        return f"return={what}" in wishes.replace(";", ",").split(",")

    @property
    def accepts_gzip(self) -> bool:
        """Whether a gzipped answer is welcome (RFC 9110, section 12.5.3)."""
        for offer in self.headers.get("accept-encoding", "").lower().split(","):
            coding, *parameters = offer.replace(" ", "").split(";")
            if coding in ("gzip", "*"):
                return not any(one.startswith("q=") and not one[2:].strip("0.") for one in parameters)
        return False

    @property
    def path_of_collection(self) -> str:
        """The path that was called, to which a new id can be added for Location."""
        return urlsplit(self.url).path.rstrip("/")


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


def etag_of_coding(etag: str, coding: str | None) -> str:
    """The ETag of one representation: RFC 9110 wants another for each content coding."""
    return etag if coding is None else etag.removesuffix('"') + _GZIP_SUFFIX


def _etags(header: str | None) -> frozenset[str] | None:
    """The tags of a condition, ours in their plain form: without the mark of a coding, and strong, because a
    proxy that compresses may have weakened them."""
    if header is None:
        return None
    if len(header) > CONDITION_MAX_CHARACTERS:
        raise InvalidHeader("If-Match and If-None-Match take at most 8,192 characters.")
    return frozenset(_plain(tag.strip().removeprefix("W/")) for tag in header.split(","))


def _plain(tag: str) -> str:
    return tag.removesuffix(_GZIP_SUFFIX) + '"' if tag.endswith(_GZIP_SUFFIX) else tag
