"""The request headers that mean something here, by their own grammars (RFC 9110, RFC 7240)."""

import re

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_list_header, parse_options_header

ANY = "*"
GZIP = "gzip"

_TAG = re.compile(r'(?:W/)?("[^"]*")')
_GZIP_SUFFIX = '-gzip"'


class AnyTag(frozenset[str]):
    """The tags that `*` stands for: all of them."""

    def __contains__(self, tag: object) -> bool:
        return True


def entity_tags(header: str) -> frozenset[str]:
    """The tags of a condition, quotes included; weak ones as if they were strong, because a proxy that compresses
    may have weakened them. `*` stands for every tag, but not among others."""
    return AnyTag() if header.strip() == ANY else frozenset(_TAG.findall(header))


def etag_of_coding(etag: str, coding: str | None) -> str:
    """The ETag of one representation: RFC 9110 wants another for each content coding."""
    return etag if coding is None else etag.removesuffix('"') + _GZIP_SUFFIX


def without_coding(etag: str) -> str:
    """The ETag of what is represented, whichever coding this one is of."""
    return etag.removesuffix(_GZIP_SUFFIX) + '"' if etag.endswith(_GZIP_SUFFIX) else etag


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding welcomes a gzipped answer."""
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
