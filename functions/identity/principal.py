"""The identity that the platform sends in the header `X-MS-CLIENT-PRINCIPAL`.

App Service Authentication and Static Web Apps each have a shape for it. The platform overwrites the header of the
client, but only if its authentication is on: settings.py refuses these modes otherwise.
`X-MS-CLIENT-PRINCIPAL-ID` is not read: for Entra, it is not always the `oid`.

The browser adds the cookie of the sign-in also to requests of a page of another site, such as for an image. That
page must change nothing, and not learn who its visitor is. So such requests are refused.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel

from functions.identity.errors import ForbiddenOrigin, Unauthenticated
from functions.identity.owner_id import owner_id

HEADER = "x-ms-client-principal"
# The host reads no more than this of all headers together.
_MAX_CHARACTERS = 32_768

_OBJECT_ID = frozenset({"http://schemas.microsoft.com/identity/claims/objectidentifier", "oid"})
_NAME_ID = frozenset({"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", "sub"})
_SUBJECT_CLAIMS: Mapping[str, frozenset[str]] = {"aad": _OBJECT_ID}
"""By provider; `sub` for all others. Entra's `sub` differs from app to app, so its subject is the `oid`."""

_SIGNED_IN = "authenticated"
_BEARER = re.compile(r"(?i:bearer) +\S")

P = TypeVar("P", bound=BaseModel)


class _Claim(BaseModel):
    typ: str
    val: str


class _AppServicePrincipal(BaseModel):
    auth_typ: str
    claims: list[_Claim]


class _StaticWebAppsPrincipal(BaseModel):
    identityProvider: str
    userId: str
    userRoles: list[str]


class EasyAuthIdentity:
    """Returns the owner that App Service Authentication has signed in, with a trusted provider."""

    def __init__(self, providers: Sequence[str]) -> None:
        self._providers = frozenset(providers)

    async def __call__(self, headers: Mapping[str, str]) -> str:
        # A page that has a token needs no cookie, and the preflight has asked for its origin.
        if not _BEARER.match(headers.get("authorization", "")):
            _refuse_cross_site(headers)
        principal = _principal(headers, _AppServicePrincipal)
        wanted = _SUBJECT_CLAIMS.get(principal.auth_typ, _NAME_ID)
        subjects = {claim.val for claim in principal.claims if claim.typ in wanted}
        if len(subjects) != 1:
            raise Unauthenticated("The identity names no person, or more than one.")
        return owner_id(subjects.pop(), principal.auth_typ, self._providers)


class StaticWebAppsIdentity:
    """Returns the owner that Static Web Apps has signed in, with a trusted provider."""

    def __init__(self, providers: Sequence[str]) -> None:
        self._providers = frozenset(providers)

    async def __call__(self, headers: Mapping[str, str]) -> str:
        _refuse_cross_site(headers)
        principal = _principal(headers, _StaticWebAppsPrincipal)
        if _SIGNED_IN not in principal.userRoles:
            raise Unauthenticated("Not signed in.")
        return owner_id(principal.userId, principal.identityProvider, self._providers)


def _refuse_cross_site(headers: Mapping[str, str]) -> None:
    """Browsers send the header on secure origins. What has no such header is no page of today's browsers."""
    if headers.get("sec-fetch-site", "").strip().lower() == "cross-site":
        raise ForbiddenOrigin("A page of another site cannot call with the sign-in of its visitor.")


def _principal(headers: Mapping[str, str], shape: type[P]) -> P:
    text = headers.get(HEADER)
    if not text:
        raise Unauthenticated("Not signed in.")
    if len(text) > _MAX_CHARACTERS:
        raise Unauthenticated("The identity is too large to be read.")
    try:
        return shape.model_validate_json(base64.b64decode(text, validate=True))
    except ValueError as exc:
        raise Unauthenticated("The identity cannot be read.") from exc
