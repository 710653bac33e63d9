"""Repr-Digest (RFC 9530): the SHA-256 of a representation as it is sent, its content coding included.

The header is a dictionary of structured fields (RFC 8941). Digests of other algorithms are ignored.
"""

import base64
import binascii
import hashlib
import re

from functions.http.errors import InvalidHeader, InvalidRequest

REPR_DIGEST = "Repr-Digest"
PATCHED_DIGEST = "Patched-Digest"
"""As Repr-Digest, of the whole content that a delta makes. Not gzipped."""

DIGEST_MAX_CHARACTERS = 8_192
SHA_256_PATTERN = "^sha-256=:[A-Za-z0-9+/]{43}=:$"

_SHA_256 = "sha-256"
# The grammar of RFC 8941. Possessive, so that a long header takes linear time.
_KEY = r"[a-z*][a-z0-9_.*-]*+"
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*+"'
_TOKEN = r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*+"
_BYTES = r":[A-Za-z0-9+/=]*+:"
_BARE = rf"(?:{_BYTES}|{_STRING}|{_TOKEN}|\?[01]|-?+[0-9]{{1,15}}+(?:\.[0-9]{{1,3}}+)?+)"
_PARAMETERS = rf"(?:; *+{_KEY}(?:={_BARE})?+)*+"
_INNER_LIST = rf"\( *+(?:{_BARE}{_PARAMETERS}(?=[ )]) *+)*+\)"
_MEMBER = rf"{_KEY}(?:=(?:{_BARE}|{_INNER_LIST}))?+{_PARAMETERS}"
_DICTIONARY = re.compile(rf" *+(?:{_MEMBER}(?:[ \t]*+,[ \t]*+{_MEMBER})*+)?+ *+")
_MEMBERS = re.compile(rf"({_KEY})(?:=({_BARE}|{_INNER_LIST}))?+{_PARAMETERS}")


def repr_digest(sha_256: bytes) -> str:
    """Returns the header for this SHA-256 of a body as it is sent."""
    return f"{_SHA_256}=:{base64.b64encode(sha_256).decode()}:"


def check_repr_digest(header: str | None, body: bytes) -> None:
    """Raises InvalidHeader if the header is malformed, and InvalidRequest if the body has another SHA-256."""
    if header is None:
        return
    sent = _read(REPR_DIGEST, header)
    if sent is not None and sent != hashlib.sha256(body).digest():
        detail = "is not the SHA-256 of the body as it arrived"
        raise InvalidRequest([{"header": REPR_DIGEST, "detail": detail}])


def patched_digest(header: str | None) -> str:
    """Returns the SHA-256 in a Patched-Digest, in hexadecimal. Raises InvalidHeader if it has none."""
    sent = None if header is None else _read(PATCHED_DIGEST, header)
    if sent is None:
        raise InvalidHeader(f"Send {PATCHED_DIGEST}: {_SHA_256}=:…:, the SHA-256 of the whole content in base64.")
    return sent.hex()


def _read(name: str, header: str) -> bytes | None:
    if len(header) > DIGEST_MAX_CHARACTERS:
        raise InvalidHeader(f"{name} takes at most {DIGEST_MAX_CHARACTERS:,} characters.")
    try:
        return sha_256_of(header)
    except ValueError:
        raise InvalidHeader(f"{name} takes {_SHA_256}=:…:, with 32 bytes in base64.") from None


def sha_256_of(header: str) -> bytes | None:
    """Returns the SHA-256 in a header, or None if there is none. Raises ValueError if the header is malformed."""
    if not _DICTIONARY.fullmatch(header):
        raise ValueError("not a dictionary")
    # Of several members with one key, the last counts (RFC 8941, section 4.2.2).
    members = {key: value for key, value in _MEMBERS.findall(header)}
    if _SHA_256 not in members:
        return None
    value = members[_SHA_256]
    if not value.startswith(":"):
        raise ValueError("not a byte sequence")
    digest = _from_base64(value.strip(":"))
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("not a SHA-256")
    return digest


def _from_base64(text: str) -> bytes:
    """The padding may be absent (RFC 8941, section 4.2.7)."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc
