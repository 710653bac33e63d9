"""Parses request headers by their grammars (RFC 9110, RFC 7240)."""

import re
from urllib.parse import unquote

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_list_header, parse_options_header

from persistence.conditions import ANY_TAG

ANY = "*"
GZIP = "gzip"

_TAG = r'(?:W/)?"[^"]*"'
# A list as in RFC 9110, which allows empty elements. Possessive, so that a long list takes linear time.
_TAGS = re.compile(rf"[ \t]*+(?:{_TAG}[ \t]*+)?+(?:,[ \t]*+(?:{_TAG}[ \t]*+)?+)*+")
_OPAQUE_TAG = re.compile(r'"[^"]*"')
_CODINGS_MAX_CHARACTERS = 1_000
_GZIP_SUFFIX = '-gzip"'
# What we make: `<version>-<16 digits>`, or the 16 digits alone for a snapshot. Proxies put a suffix behind it.
_OWN_TAG = re.compile(r'"(?P<own>(?:[0-9]{1,15}-)?[0-9a-f]{16})[^"]*"')


def entity_tags(header: str) -> frozenset[str]:
    """Returns the tags of a condition, quotes included, or ANY_TAG for `*`.

    Weak tags count as strong, because a proxy that compresses may have weakened them. Raises ValueError if the
    header is malformed: it must not count as a condition that is false.
    """
    if header.strip() == ANY:
        return ANY_TAG
    tags = frozenset(_OPAQUE_TAG.findall(header)) if _TAGS.fullmatch(header) else None
    if not tags:
        raise ValueError("neither * nor entity tags")
    return tags


def etag_of_coding(etag: str, coding: str | None) -> str:
    """Returns the ETag of one representation. RFC 9110 requires another one for each content coding."""
    return etag if coding is None else etag.removesuffix('"') + _GZIP_SUFFIX


def own_tag(etag: str) -> str:
    """Returns one of our ETags without the suffix of a content coding, which we or a proxy have added.

    Other tags stay as they are. Apache adds `-gzip` or `-br`, Jetty `--gzip`, and some add a suffix to a suffix.
    """
    found = _OWN_TAG.fullmatch(etag)
    return f'"{found["own"]}"' if found else etag


def accepts_gzip(header: str) -> bool:
    """Returns whether an Accept-Encoding accepts gzip. A header that is too long does not."""
    if len(header) > _CODINGS_MAX_CHARACTERS:
        return False
    return parse_accept_header(header, Accept).quality(GZIP) > 0


def preferred_return(header: str) -> str | None:
    """Returns the value of the first `return` preference, such as `minimal`; None if there is none."""
    for preference in parse_list_header(header):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "return":
            return value.strip().strip('"').lower()
    return None


def percent_decoded(header: str) -> str:
    """Returns the text of a header that is percent-encoded UTF-8. Refuses nothing.

    A `%` without two hexadecimal digits stays. Bytes that are not UTF-8 become U+FFFD.
    """
    return unquote(header, errors="replace").encode("utf-8", "replace").decode()


def media_type(header: str) -> tuple[str, str]:
    """Returns the type and the charset of a Content-Type in lower case. The default charset is UTF-8."""
    type_, parameters = parse_options_header(header)
    return type_.lower(), parameters.get("charset", "utf-8").lower()
