"""Who a bearer token says is calling, after its signature and its claims were checked here."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt

from functions.http.problems import InvalidToken, Unauthenticated
from functions.identity.owner_id import owner_id
from functions.identity.signing_keys import ALGORITHMS, PublicKey, SigningKeys
from settings import Settings

LEEWAY_SECONDS = 60
TOKEN_MAX_CHARACTERS = 16_384
VERIFIED_MAX = 1_024

_CREDENTIALS = re.compile(r"(?i:bearer) +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
_WORDS: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidAudienceError: "The token is for another audience.",
    jwt.MissingRequiredClaimError: "The token lacks a claim that is required here.",
}
# What PyJWT raises of its own, and what its parsing lets through.
_FAULTS = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def bearer_identity(settings: Settings) -> "BearerIdentity":
    """The identity for AUTH_MODE=jwt. Fetches nothing yet."""
    urls: Sequence[str | None] = settings.jwt_jwks_url or [None] * len(settings.jwt_issuers)
    issuers = {issuer: SigningKeys(issuer, url) for issuer, url in zip(settings.jwt_issuers, urls, strict=True)}
    return BearerIdentity(issuers, settings.jwt_audience, settings.jwt_subject_claim)


@dataclass(frozen=True, slots=True)
class _Verified:
    """What was found out about a token, and what that rests on."""

    owner: str
    ends_at: float
    keys: SigningKeys
    kid: str
    algorithm: str
    key: PublicKey

    async def holds(self) -> bool:
        """Whether it has not expired and its key is still the issuer's."""
        return time.time() < self.ends_at and await self.keys.find(self.kid, self.algorithm) is self.key


class BearerIdentity:
    """Whom one of the trusted issuers has signed a token for, for this audience.

    The token's `jku`, `x5u`, `jwk` and `x5c` are never looked at: the keys are the issuer's own. Checking takes
    0.3 ms, so what the newest tokens were found to be is kept, under their hash, while it holds (5 microseconds).
    """

    def __init__(
        self, issuers: Mapping[str, SigningKeys], audience: Sequence[str], subject_claim: str = "sub"
    ) -> None:
        self._issuers = issuers
        self._audience = audience
        self._subject_claim = subject_claim
        self._verified: dict[bytes, _Verified] = {}

    async def __call__(self, headers: Mapping[str, str]) -> str:
        token = _token(headers.get("authorization", ""))
        digest = sha256(token.encode()).digest()
        verified = self._verified.pop(digest, None)
        if verified is None or not await verified.holds():
            verified = await self._verify(token)
        self._remember(digest, verified)
        return verified.owner

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        """As the newest; the one that was not used for longest goes where there are too many."""
        self._verified[digest] = verified
        if len(self._verified) > VERIFIED_MAX:
            del self._verified[next(iter(self._verified))]

    async def _verify(self, token: str) -> _Verified:
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except _FAULTS as exc:
            raise InvalidToken("The token is malformed.") from exc
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise InvalidToken("The token is of an issuer that is not trusted here.")
        kid, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise InvalidToken("The token is signed in a way that is not accepted here.")
        if not isinstance(kid, str) or "crit" in header:
            raise InvalidToken("The token names no key, or asks for what is not known here.")
        keys = self._issuers[issuer]
        key = await keys.find(kid, algorithm)
        claims = self._claims(token, issuer, algorithm, key)
        self._check_times(claims)
        return _Verified(
            self._owner(claims, issuer), int(claims["exp"]) + LEEWAY_SECONDS, keys, kid, algorithm, key
        )

    def _claims(self, token: str, issuer: str, algorithm: str, key: PublicKey) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                # The token's own, but the key was found by it: the issuer's key set says what suits which key.
                algorithms=[algorithm],
                audience=self._audience,
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", self._subject_claim]},
            )
        except _FAULTS as exc:
            raise InvalidToken(_WORDS.get(type(exc), "The token is not valid.")) from exc

    @staticmethod
    def _check_times(claims: Mapping[str, Any]) -> None:
        """PyJWT takes text for a number; RFC 7519 does not."""
        for name in ("exp", "nbf", "iat"):
            value = claims.get(name, 0)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise InvalidToken("The token is not valid.")

    def _owner(self, claims: Mapping[str, Any], issuer: str) -> str:
        subject = claims[self._subject_claim]
        if not isinstance(subject, str):
            raise InvalidToken("The token's subject is not a text.")
        try:
            return owner_id(subject, issuer, self._issuers)
        except Unauthenticated as exc:
            raise InvalidToken(str(exc)) from exc


def _token(authorization: str) -> str:
    if len(authorization) > TOKEN_MAX_CHARACTERS:
        raise InvalidToken("The token is too large to be read.")
    match = _CREDENTIALS.fullmatch(authorization)
    if match is None:
        raise InvalidToken("A bearer token is required.")
    return match[1]
