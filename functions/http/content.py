"""Content in responses: beside its metadata in JSON, or by itself with its own media type."""

from functions.http.call import NOT_MODIFIED, Call, Response, to_json
from functions.http.headers import GZIP, entity_tags, etag_of_coding
from functions.http.views import Nothing, WireModel
from persistence.content import Verified

# Content can be HTML. A browser must not run it with the rights of our origin.
SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'", "Vary": "Accept-Encoding"}
_UNKNOWN_TYPE = "text/plain"


def content_json(metadata: WireModel, content: bytes | str) -> bytes:
    """Returns `{"metadata": ..., "content": ...}`. A model would copy the content, and escape it more slowly."""
    text = content if isinstance(content, str) else content.decode()
    return to_json({"metadata": metadata.model_dump(mode="json"), "content": text})


def content_response(
    call: Call[Nothing, Nothing], content: Verified | None, etag: str, media_type: str | None
) -> Response[bytes]:
    """Returns content by itself, gzipped as it is stored if the caller accepts that.

    `content` is None if the caller has the content already: then the response is 304.
    """
    coding = GZIP if call.accepts_gzip else None
    type_ = f"{media_type or _UNKNOWN_TYPE}; charset=utf-8"
    if content is None:
        # The caller may have the representation of the other coding.
        known = entity_tags(call.headers["if-none-match"])
        if etag_of_coding(etag, coding) not in known:
            coding = GZIP if coding is None else None
        return Response(None, etag_of_coding(etag, coding), NOT_MODIFIED, SANDBOX, type_)
    body, headers = content.text, SANDBOX
    if coding is not None:
        body, headers = content.packed.payload, {**SANDBOX, "Content-Encoding": coding}
    return Response(body, etag_of_coding(etag, coding), headers=headers, media_type=type_)
