"""Reads and checks queries and bodies, before the handler runs."""

import re
from collections import Counter
from urllib.parse import parse_qsl

import azure.functions as func
import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from functions.http.digests import REPR_DIGEST, check_repr_digest
from functions.http.errors import (
    BodyTooLarge,
    InvalidBody,
    InvalidRequest,
    LengthRequired,
    UnsupportedCoding,
    UnsupportedMediaType,
    cut,
)
from functions.http.headers import GZIP, media_type
from functions.http.views import QueryModel
from persistence.content import CONTENT_MAX_BYTES, Packed, check_size, inflate, pack, pack_gzipped
from persistence.documents import MEDIA_TYPE_PATTERN

BODY_MAX_BYTES = 6 * CONTENT_MAX_BYTES + 64 * 1024
"""JSON takes up to six bytes for one byte of content (\\u0000). The rest is for the other fields."""

_GZIP_OVERHEAD_BYTES = 16 * 1024
"""Gzip makes incompressible data a little longer."""

GZIP_MAX_BYTES = CONTENT_MAX_BYTES + _GZIP_OVERHEAD_BYTES

_MEMBERS_MAX = 100
_VALUES_MAX = 2_000
_CROWDED_FROM_BYTES = 128_000
"""A shorter body cannot hold enough values to do harm: parsing its worst case, nested lists, takes about 5 ms."""

_SIGNS_MAX = 60_000
"""A body with fewer signs of values cannot either, wherever they stand. Contents of 1.5 MB have about 45,000."""

_SIGNS = (b",", b"[", b"{")

_HALF_CHARACTER = (
    ". A text must not contain half of a surrogate pair, as it does after a cut within a character;"
    " JavaScript's toWellFormed() repairs it."
)

_BOM = b"\xef\xbb\xbf"
"""Parsers may ignore it before JSON (RFC 8259, section 8.1). Some editors and tools write it."""

JSON = ("application/json",)
ANY_TYPE = "*/*"
HTML = "text/html"
JAVASCRIPT = "text/javascript"
NDJSON = ("application/x-ndjson",)
FOSSIL_DELTA = ("application/x-fossil-delta",)
MERGE_PATCH = ("application/merge-patch+json", "application/json")

_MEDIA_TYPE = re.compile(MEDIA_TYPE_PATTERN)
_IDENTITY = "identity"
_NO_GZIP = "The body is not whole gzip, although its Content-Encoding says so."
_REPEATED = "is given more than once"
_UTF8 = frozenset({"utf-8", "utf8"})


class RawContent(BaseModel):
    """A body that is the content itself, packed for storing, and its media type."""

    model_config = ConfigDict(defer_build=True)

    content: Packed
    media_type: str


class RawLines(BaseModel):
    """A body of newline-delimited JSON."""

    model_config = ConfigDict(defer_build=True)

    lines: bytes


class RawDelta(BaseModel):
    """A body that is a delta."""

    model_config = ConfigDict(defer_build=True)

    delta: bytes


RAW_BODIES: tuple[type[BaseModel], ...] = (RawContent, RawDelta, RawLines)
"""The models of bodies that are no JSON object."""


def read_query(req: func.HttpRequest, model: type[QueryModel]) -> BaseModel:
    """Returns the validated query. Raises InvalidRequest, which names parameters."""
    if repeated := _repeated(req.url) - model.LISTS:
        raise InvalidRequest([{"parameter": cut(name), "detail": _REPEATED} for name in sorted(repeated)])
    # The Functions host drops empty values. Other hosts may not.
    sent = {name: value for name, value in req.params.items() if value != ""}
    try:
        return model.model_validate(sent)
    except ValidationError as exc:
        raise InvalidRequest.of_query(exc) from exc


def _repeated(url: str) -> set[str]:
    """Returns the names that have more than one value, in lower case. Only the URL tells.

    The host joins the values with a comma, and compares names without case.
    """
    query = url.partition("?")[2]
    if "&" not in query:
        return set()
    counts = Counter(name.lower() for name, _ in parse_qsl(query))
    return {name for name, count in counts.items() if count > 1}


def read_body(
    req: func.HttpRequest, model: type[BaseModel], media_types: tuple[str, ...], limit: int
) -> tuple[BaseModel, bytes]:
    """Returns the validated body, and its bytes: without gzip and BOM, but of raw content as they were sent.

    Content has a limit by itself; `limit` is that of other bodies, without gzip. Raises UnsupportedMediaType,
    LengthRequired, BodyTooLarge, InvalidBody, InvalidHeader and InvalidRequest.
    """
    if model is RawContent:
        return _read_raw(req), req.get_body()
    if media_type(req.headers.get("content-type", ""))[0] not in media_types:
        raise UnsupportedMediaType(f"Send the body as Content-Type: {media_types[0]}.", req.method, media_types)
    body = _inflated(_body(req), limit) if _is_gzipped(req) else _bounded(_body(req), limit)
    if model is RawDelta:
        return RawDelta(delta=body), body
    body = body.removeprefix(_BOM)
    if model is RawLines:
        return RawLines(lines=body), body
    return _parsed(model, body), body


def _inflated(data: bytes, limit: int) -> bytes:
    """Returns a body that was sent gzipped. Stops as soon as it is longer than the limit."""
    try:
        body = inflate(_bounded(data, limit + _GZIP_OVERHEAD_BYTES), limit)
    except ValueError as exc:
        raise InvalidBody(_NO_GZIP) from exc
    if body is None:
        raise BodyTooLarge(None, limit)
    return body.text


def _parsed(model: type[BaseModel], body: bytes) -> BaseModel:
    """Uses orjson, which reads a long text in half of pydantic's time. Raises InvalidRequest.

    Pydantic names each fault, so the number of members is limited first.
    """
    refuse_crowd(body)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise InvalidRequest([{"pointer": "#", "detail": _why_not_json(body, exc)}]) from exc
    if _is_wide(value):
        raise InvalidRequest([{"pointer": "#", "detail": f"has more than {_MEMBERS_MAX} members"}])
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        raise InvalidRequest.of_body(exc, value) from exc


def _why_not_json(body: bytes, exc: orjson.JSONDecodeError) -> str:
    """Looks at the encoding by itself: orjson speaks of surrogates in both cases."""
    try:
        body.decode()
    except UnicodeDecodeError as fault:
        return f"The body is not UTF-8, as JSON must be: the byte at offset {fault.start} fits no character."
    return f"Invalid JSON: {exc}{_HALF_CHARACTER if 'surrogate' in str(exc) else ''}"


def _is_wide(value: object) -> bool:
    """Returns True if the body, or one of the objects in a list in it, has more members than any model."""
    objects = [value]
    if isinstance(value, dict):
        objects += [each for member in value.values() if isinstance(member, list) for each in member]
    return any(isinstance(one, dict) and len(one) > _MEMBERS_MAX for one in objects)


def refuse_crowd(body: bytes) -> None:
    """Raises InvalidRequest if JSON has too many values. Parsing hundreds of thousands blocks the loop.

    Counts before parsing, by a few passes over the bytes: less than 1 ms for a megabyte, and about 3 ms if the
    signs of values are many.
    """
    if len(body) <= _CROWDED_FROM_BYTES or _signs(body) <= _SIGNS_MAX:
        return
    # Without its escapes, every quote begins or ends a text, and every second piece is between two texts.
    pieces = body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"', 2 * _VALUES_MAX + 1)
    between = b"".join(pieces[::2])
    if len(pieces) // 2 + _signs(between) > _VALUES_MAX:
        raise InvalidRequest([{"pointer": "#", "detail": f"has more than {_VALUES_MAX} names and values"}])


def _signs(body: bytes) -> int:
    return sum(body.count(sign) for sign in _SIGNS)


def _read_raw(req: func.HttpRequest) -> RawContent:
    type_, charset = media_type(req.headers.get("content-type", ""))
    if not _MEDIA_TYPE.fullmatch(type_):
        raise UnsupportedMediaType("Send the content with its own Content-Type.")
    if charset not in _UTF8:
        raise UnsupportedMediaType("The content must be UTF-8.")
    data, is_gzipped = _body(req), _is_gzipped(req)
    if is_gzipped:
        _bounded(data, GZIP_MAX_BYTES)
    else:
        check_size(data)
    check_repr_digest(req.headers.get(REPR_DIGEST), data)
    if not is_gzipped:
        return RawContent(content=pack(data), media_type=type_)
    try:
        return RawContent(content=pack_gzipped(data), media_type=type_)
    except ValueError as exc:
        raise InvalidBody(_NO_GZIP) from exc


def _is_gzipped(req: func.HttpRequest) -> bool:
    """Raises UnsupportedCoding for another content coding."""
    coding = req.headers.get("content-encoding", _IDENTITY).strip().lower()
    if coding not in (GZIP, _IDENTITY):
        raise UnsupportedCoding(f"Content-Encoding must be {GZIP} or {_IDENTITY}.")
    return bool(coding == GZIP)


def _body(req: func.HttpRequest) -> bytes:
    """Raises LengthRequired if the body came in chunks.

    The host forwards such a body as an empty one, which must not be saved as empty content.
    """
    body: bytes = req.get_body()
    if not body and req.headers.get("content-length") != "0":
        raise LengthRequired("Send the body with its Content-Length, not in chunks.")
    return body


def _bounded(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise BodyTooLarge(len(body), limit)
    return body
