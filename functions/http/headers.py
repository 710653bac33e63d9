"""The request headers that mean something here, by their own grammars (RFC 9110, RFC 7240)."""

import re

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_list_header, parse_options_header

from persistence.conditions import ANY_TAG

ANY = "*"
GZIP = "gzip"

_TAG = r'(?:W/)?"[^"]*"'
# A list as RFC 9110 has it, empty elements included. What has matched is not tried again, however long it is.
_TAGS = re.compile(rf"[ \t]*+(?:{_TAG}[ \t]*+)?+(?:,[ \t]*+(?:{_TAG}[ \t]*+)?+)*+")
_OPAQUE_TAG = re.compile(r'"[^"]*"')
_CODINGS_MAX_CHARACTERS = 1_000
_GZIP_SUFFIX = '-gzip"'


def entity_tags(header: str) -> frozenset[str]:
    """The tags of a condition, quotes included; weak ones as if they were strong, because a proxy that compresses
    may have weakened them. `*` stands for every tag. Raises ValueError for what is neither: what cannot be read
    must not be taken for a condition that does not hold."""
    if header.strip() == ANY:
        return ANY_TAG
    tags = frozenset(_OPAQUE_TAG.findall(header)) if _TAGS.fullmatch(header) else None
    if not tags:
        raise ValueError("neither * nor entity tags")
    return tags


def etag_of_coding(etag: str, coding: str | None) -> str:
    """The ETag of one representation: RFC 9110 wants another for each content coding."""
    return etag if coding is None else etag.removesuffix('"') + _GZIP_SUFFIX


def without_coding(etag: str) -> str:
    """The ETag of what is represented, whichever coding this one is of."""
    return etag.removesuffix(_GZIP_SUFFIX) + '"' if etag.endswith(_GZIP_SUFFIX) else etag


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding welcomes a gzipped answer; an endless one does not."""
    if len(header) > _CODINGS_MAX_CHARACTERS:
        return False
    return parse_accept_header(header, Accept).quality(GZIP) > 0


def preferred_return(header: str) -> str | None:
    """What a Prefer wants returned, `minimal` or `representation`: the first preference of that name counts."""
    for preference in parse_list_header(header):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "return":
            return value.strip().strip('"').lower()
    return None


def media_type(header: str) -> tuple[str, str]:
    """Type and charset of a Content-Type, in lower case; UTF-8 where none is named."""
    type_, parameters = parse_options_header(header)
    return type_.lower(), parameters.get("charset", "utf-8").lower()
