"""The identity that the platform sends in the header `X-MS-CLIENT-PRINCIPAL`.

App Service Authentication and Static Web Apps each have a shape for it. The platform overwrites the header of the
client, but only if its authentication is on: settings.py refuses these modes otherwise.
`X-MS-CLIENT-PRINCIPAL-ID` is not read: for Entra, it is not always the `oid`.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel

from functions.identity.errors import Unauthenticated
from functions.identity.owner_id import owner_id

HEADER = "x-ms-client-principal"
# The host reads no more than this of all headers together.
_MAX_CHARACTERS = 32_768

_OBJECT_ID = frozenset({"http://schemas.microsoft.com/identity/claims/objectidentifier", "oid"})
_NAME_ID = frozenset({"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", "sub"})
_SUBJECT_CLAIMS: Mapping[str, frozenset[str]] = {"aad": _OBJECT_ID}
"""By provider; `sub` for all others. Entra's `sub` differs from app to app, so its subject is the `oid`."""

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
    """Returns the owner that App Service Authentication has signed in, with a trusted provider."""

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
    """Returns the owner that Static Web Apps has signed in, with a trusted provider."""

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
