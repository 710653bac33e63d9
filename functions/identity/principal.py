"""Who the platform says is calling: the header `X-MS-CLIENT-PRINCIPAL`, in the shape of App Service Authentication
and in that of Static Web Apps.

The platform puts the header in place of whatever was sent, but only where its authentication is on: the settings
refuse these modes without it. `X-MS-CLIENT-PRINCIPAL-ID` is not read: for Entra it does not always hold the `oid`.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel

from functions.http.problems import Unauthenticated
from functions.identity.owner_id import owner_id

HEADER = "x-ms-client-principal"
# The host reads at most this much of all headers together.
_MAX_CHARACTERS = 32_768

_OBJECT_ID = frozenset({"http://schemas.microsoft.com/identity/claims/objectidentifier", "oid"})
_NAME_ID = frozenset({"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", "sub"})
_SUBJECT_CLAIMS: Mapping[str, frozenset[str]] = {"aad": _OBJECT_ID}
"""Entra's `sub` is another one for each app, so it is the `oid` there; `sub` with all others."""

_SIGNED_IN = "authenticated"

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
    """Whom App Service Authentication has signed in, by one of the providers that are trusted."""

    def __init__(self, providers: Sequence[str]) -> None:
        self._providers = frozenset(providers)

    async def __call__(self, headers: Mapping[str, str]) -> str:
        principal = _principal(headers, _AppServicePrincipal)
        wanted = _SUBJECT_CLAIMS.get(principal.auth_typ, _NAME_ID)
        subjects = {claim.val for claim in principal.claims if claim.typ in wanted}
        if len(subjects) != 1:
            raise Unauthenticated("The identity names no person, or more than one.")
        return owner_id(subjects.pop(), principal.auth_typ, self._providers)


class StaticWebAppsIdentity:
    """Whom Static Web Apps has signed in, by one of the providers that are trusted."""

    def __init__(self, providers: Sequence[str]) -> None:
        self._providers = frozenset(providers)

    async def __call__(self, headers: Mapping[str, str]) -> str:
        principal = _principal(headers, _StaticWebAppsPrincipal)
        if _SIGNED_IN not in principal.userRoles:
            raise Unauthenticated("Not signed in.")
        return owner_id(principal.userId, principal.identityProvider, self._providers)


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
