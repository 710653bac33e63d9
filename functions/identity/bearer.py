"""The identity in a bearer token (JWT): its signature and its claims are checked here."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from functions.identity.errors import ForbiddenToken, InvalidToken, Unauthenticated
from functions.identity.owner_id import owner_id
from functions.identity.settings import IdentityRules
from functions.identity.signing_keys import ALGORITHMS, SigningKeys

LEEWAY_SECONDS = 60
TOKEN_MAX_CHARACTERS = 16_384

_CREDENTIALS = re.compile(r"(?i:bearer) +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
_MESSAGES: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidAudienceError: "The token is for another audience.",
    jwt.MissingRequiredClaimError: "The token lacks a claim that is required here.",
}
# PyJWTError is PyJWT's own; its parsing lets the others through.
_FAULTS = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def bearer_identity(rules: IdentityRules) -> "BearerIdentity":
    """Returns the identity for AUTH_MODE=jwt. Fetches no keys yet."""
    urls: Sequence[str | None] = rules.jwks_urls or [None] * len(rules.issuers)
    issuers = {issuer: SigningKeys(issuer, url) for issuer, url in zip(rules.issuers, urls, strict=True)}
    return BearerIdentity(issuers, rules)


class BearerIdentity:
    """Returns the owner for whom a trusted issuer signed a token that keeps the rules.

    The keys come from the issuer: `jku`, `x5u`, `jwk` and `x5c` of a token are ignored. Checking a token takes
    0.3 ms, so nothing is remembered of it.
    """

    def __init__(self, issuers: Mapping[str, SigningKeys], rules: IdentityRules) -> None:
        self._issuers, self._rules = issuers, rules
        self._warming: asyncio.Future[Any] | None = None

    def warm_up(self) -> None:
        """Starts to fetch the keys of all issuers in the background. Later calls do nothing."""
        if self._warming is None:
            self._warming = asyncio.gather(*(keys.warm_up() for keys in self._issuers.values()))

    async def __call__(self, headers: Mapping[str, str]) -> str:
        token = _token(headers.get("authorization", ""))
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except _FAULTS as exc:
            raise InvalidToken("The token is malformed.") from exc
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise InvalidToken("The issuer of the token is not trusted here.")
        kid, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise InvalidToken("The signature algorithm of the token is not accepted here.")
        if not isinstance(kid, str) or "crit" in header:
            raise InvalidToken("The token names no key, or has a critical header that is not supported.")
        claims = await self._claims(token, issuer, kid, algorithm)
        owner = self._owner(claims, issuer)
        self._check_purpose(claims)
        return owner

    async def _claims(self, token: str, issuer: str, kid: str, algorithm: str) -> dict[str, Any]:
        key = await self._issuers[issuer].find(kid, algorithm)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                # The token's own algorithm is safe here: the key was found by it, and suits it.
                algorithms=[algorithm],
                audience=self._rules.audience,
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", self._rules.subject_claim]},
            )
        except _FAULTS as exc:
            raise InvalidToken(_MESSAGES.get(type(exc), "The token is not valid.")) from exc
        # PyJWT accepts text for a number; RFC 7519 does not.
        for name in ("exp", "nbf", "iat"):
            value = claims.get(name, 0)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise InvalidToken("The token is not valid.")
        return claims

    def _owner(self, claims: Mapping[str, Any], issuer: str) -> str:
        subject = claims[self._rules.subject_claim]
        if not isinstance(subject, str):
            raise InvalidToken("The subject of the token is not a text.")
        try:
            return owner_id(subject, issuer, self._issuers)
        except Unauthenticated as exc:
            raise InvalidToken(str(exc)) from exc

    def _check_purpose(self, claims: Mapping[str, Any]) -> None:
        """Raises ForbiddenToken if the token lacks the scope, or was given to another client.

        An identity provider such as Entra gives any application of a tenant a token for any API of it, without
        `scp`.
        """
        scopes, clients = self._rules.scopes, self._rules.clients
        granted = claims.get("scp")
        if scopes and not (isinstance(granted, str) and not set(scopes).isdisjoint(granted.split(" "))):
            raise ForbiddenToken("The token lacks the scope that is required here.")
        if clients and claims.get("azp") not in clients:
            raise ForbiddenToken("The token was given to an application that is not admitted here.")


def _token(authorization: str) -> str:
    if len(authorization) > TOKEN_MAX_CHARACTERS:
        raise InvalidToken("The token is too large to be read.")
    match = _CREDENTIALS.fullmatch(authorization)
    if match is None:
        raise InvalidToken("A bearer token is required.")
    return match[1]
