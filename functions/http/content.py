"""Content beside its metadata in JSON, and content by itself with its own media type."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from functions.http.call import NOT_MODIFIED, Call, Response, to_json
from functions.http.digests import REPR_DIGEST, repr_digest
from functions.http.errors import NotASubresource, cut
from functions.http.headers import GZIP, entity_tags, etag_of_coding
from functions.http.views import BodyModel, Nothing, WireModel
from persistence.content import Verified, pack
from persistence.errors import InvalidMember

# Content can be HTML. A browser must not run it with the rights of our origin, nor let other origins embed it.
SANDBOX = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
# What fetch() and navigations send, and what only shows or plays. All other uses run content, apply or frame it.
_HARMLESS = frozenset({"empty", "document", "image", "audio", "video", "track", "font", "json"})
_UNKNOWN_TYPE = "text/plain"

CONTENT_HASH = "The SHA-256 of `content` in UTF-8, in lower-case hexadecimal. Another content is refused."
_SHA_256_DIGITS = 64


def _sha_256_hex(text: str) -> str:
    if len(text) != _SHA_256_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"must be {_SHA_256_DIGITS} digits of lower-case hexadecimal")
    return text


ContentHash = Annotated[
    str, AfterValidator(_sha_256_hex), Field(json_schema_extra={"pattern": f"^[0-9a-f]{{{_SHA_256_DIGITS}}}$"})
]


def packed_members(body: BodyModel, wanted: type[BaseModel]) -> dict[str, Any]:
    """Returns the members of a body that another model has, by name: `content` packed, and `content_hash` checked.

    Raises ContentTooLarge, and InvalidMember if the content is not UTF-8 or has another hash.
    """
    sent = dict(body)
    text, content_hash = sent["content"], sent["content_hash"]
    packed = None if text is None else pack(text)
    if content_hash is not None:
        if packed is None:
            raise InvalidMember("content_hash", "needs content")
        if content_hash != packed.hash:
            raise InvalidMember("content_hash", "is not the SHA-256 of the content")
    members = {name: value for name, value in sent.items() if name in wanted.model_fields}
    return {**members, "content": packed}


def content_json(metadata: WireModel, content: bytes | str) -> bytes:
    """Returns `{"metadata": ..., "content": ...}`. A model would copy the content, and escape it more slowly."""
    text = content if isinstance(content, str) else content.decode()
    return to_json({"metadata": metadata.model_dump(mode="json"), "content": text})


def refuse_subresource(headers: Mapping[str, str]) -> None:
    """Raises NotASubresource if a browser wants content as a script, a style sheet, a worker, a frame or the like.

    The policy of the page does not prevent it: it trusts its own origin, and anybody may store a script here. Only
    browsers send these headers, on secure origins and on this machine.
    """
    use = headers.get("sec-fetch-dest", "empty").strip().lower()
    if "service-worker" in headers:
        use = "serviceworker"
    if use not in _HARMLESS:
        raise NotASubresource(cut(use))


def content_response(
    call: Call[Nothing, Nothing], content: Verified | None, etag: str, media_type: str | None
) -> Response[bytes]:
    """Returns content by itself, gzipped as it is stored if the caller accepts that.

    `content` is None if the caller has the content already: then the response is 304.
    """
    type_ = f"{media_type or _UNKNOWN_TYPE}; charset=utf-8"
    if content is None:
        return Response(None, etag_known(call, etag), NOT_MODIFIED, SANDBOX, type_)
    headers = dict(SANDBOX)
    coding = GZIP if call.accepts_gzip else None
    if coding is None:
        body, sha_256 = content.text, bytes.fromhex(content.packed.hash)
    else:
        body = content.packed.payload
        sha_256 = hashlib.sha256(body).digest()
        headers["Content-Encoding"] = coding
    headers[REPR_DIGEST] = repr_digest(sha_256)
    return Response(body, etag_of_coding(etag, coding), headers=headers, media_type=type_)


def etag_known(call: Call[Nothing, Nothing], etag: str) -> str:
    """Returns the ETag of the representation that the caller has: of the coding it accepts, or else of the other.

    `etag` is without a coding, and is in `call.if_none_match`. If a proxy changed the caller's tag, it is neither:
    then the result is that of the coding which the caller accepts.
    """
    coding = GZIP if call.accepts_gzip else None
    other = GZIP if coding is None else None
    known = entity_tags(call.headers["if-none-match"])
    if etag_of_coding(etag, coding) not in known and etag_of_coding(etag, other) in known:
        coding = other
    return etag_of_coding(etag, coding)
