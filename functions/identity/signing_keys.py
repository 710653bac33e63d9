"""The public keys that an issuer signs its tokens with: fetched when they are needed, kept as parsed objects."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from functions.http.problems import IdentityUnavailable, InvalidToken
from functions.identity.settings import is_safe_url

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

FRESH_SECONDS = 3_600
"""How long keys are used without asking again: as long as a withdrawn key can still be taken for good."""
USABLE_SECONDS = 86_400
"""How long they are used while the issuer does not answer: an outage of it is no outage of ours, for a day."""
REFETCH_SECONDS = 60
"""At most so often it is asked, however many tokens name a key that it may have by now."""
RETRY_SECONDS = 5
"""At most so often while there is no key to use."""
FETCH_TIMEOUT_SECONDS = 5.0

_DOCUMENT_MAX_BYTES = 512 * 1024
_RSA_MIN_BITS = 2_048
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_SUITED: Mapping[tuple[str, str | None], tuple[str, ...]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
ALGORITHMS = frozenset(algorithm for each in _SUITED.values() for algorithm in each)
"""Asymmetric ones alone: with a symmetric one, whoever can check a token could make one."""

_log = logging.getLogger(__name__)


class SigningKeys:
    """The keys of one issuer, at `jwks_url` or, without one, where its OpenID configuration says."""

    def __init__(
        self, issuer: str, jwks_url: str | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._keys: Mapping[tuple[str, str], PublicKey] = {}
        self._fetched_at = -math.inf
        self._next_fetch_at = -math.inf
        self._failed = False

    async def find(self, kid: str, algorithm: str) -> PublicKey:
        """The key of that id, if the algorithm suits it. Without I/O while it is fresh, and while somebody else
        is fetching. InvalidToken for one that the issuer does not have, IdentityUnavailable where it cannot say.
        """
        key = self._usable(kid, algorithm)
        is_fresh = self._clock() - self._fetched_at < FRESH_SECONDS
        if key is None or not (is_fresh or self._fetching.locked()):
            await self._fetch_if_due()
            key = self._usable(kid, algorithm)
        if key is not None:
            return key
        if self._failed:
            raise IdentityUnavailable("The keys that identities are checked with cannot be had; please try again.")
        raise InvalidToken("The token is signed with a key that its issuer does not have.")

    def _usable(self, kid: str, algorithm: str) -> PublicKey | None:
        if self._clock() - self._fetched_at >= USABLE_SECONDS:
            return None
        return self._keys.get((kid, algorithm))

    async def _fetch_if_due(self) -> None:
        async with self._fetching:  # Whoever waited here finds that it is not due any more.
            now = self._clock()
            if now < self._next_fetch_at:
                return
            has_usable = bool(self._keys) and now - self._fetched_at < USABLE_SECONDS
            wait = REFETCH_SECONDS if has_usable else RETRY_SECONDS
            self._failed = True
            try:
                keys = await self._fetch()
                if keys is not None:
                    self._keys, self._fetched_at, self._failed = keys, now, False
                    wait = REFETCH_SECONDS
            finally:
                # From its end on: it may have taken longer than the wait, and many may be waiting here.
                self._next_fetch_at = self._clock() + wait

    async def _fetch(self) -> Mapping[tuple[str, str], PublicKey] | None:
        """None where the issuer does not answer, or not with keys; the log says why."""
        # Slow to import, and of no use to the other identities.
        from aiohttp import ClientError, ClientSession, DummyCookieJar

        try:
            async with (
                asyncio.timeout(FETCH_TIMEOUT_SECONDS),
                ClientSession(cookie_jar=DummyCookieJar()) as session,
            ):
                url = self._jwks_url or await self._discover(session)
                keys = parse_keys(await _read_json(session, url))
        except (ClientError, TimeoutError, OSError, ValueError) as exc:
            _log.warning("The keys of %s could not be fetched: %r", self._issuer, exc)
            return None
        if not keys:
            _log.warning("%s has no key that a token could be checked with", self._issuer)
        return keys

    async def _discover(self, session: Any) -> str:
        configuration = await _read_json(
            session, self._issuer.removesuffix("/") + "/.well-known/openid-configuration"
        )
        if configuration.get("issuer") != self._issuer:
            raise ValueError("the OpenID configuration is another issuer's")
        url = configuration.get("jwks_uri")
        if not isinstance(url, str) or not is_safe_url(url):
            raise ValueError("the OpenID configuration names no https URL of keys")
        return url


async def _read_json(session: Any, url: str) -> dict[str, Any]:
    """The JSON object there. Follows no redirect: where it leads to was not checked."""
    async with session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response:
        if response.status != 200:
            raise ValueError(f"{url} answers {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            body += chunk
            if len(body) > _DOCUMENT_MAX_BYTES:
                raise ValueError(f"{url} answers too much")
    document = orjson.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} answers no JSON object")
    return document


def parse_keys(jwks: Mapping[str, Any]) -> Mapping[tuple[str, str], PublicKey]:
    """The keys of a JWK Set that signatures can be checked with, by id and algorithm. One that cannot be used is
    left out; of two by one name the first is taken. ValueError where it is no JWK Set."""
    listed = jwks.get("keys")
    if not isinstance(listed, list):
        raise ValueError("not a JWK Set")
    keys: dict[tuple[str, str], PublicKey] = {}
    for jwk in listed:
        for algorithm in _algorithms(jwk):
            key = _public_key(jwk, algorithm)
            if key is not None:
                keys.setdefault((jwk["kid"], algorithm), key)
    return keys


def _algorithms(jwk: object) -> tuple[str, ...]:
    """What the key may be used with: what suits its type, and no other than its own `alg`, if it has one."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        return ()
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        return ()
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return ()
    suited = _SUITED.get((kind, curve), ())
    return tuple(each for each in suited if jwk.get("alg", each) == each)


def _public_key(jwk: dict[str, Any], algorithm: str) -> PublicKey | None:
    try:
        key = PyJWK(jwk, algorithm).key
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError) as exc:
        _log.warning("The key %.80s is malformed: %r", jwk["kid"], exc)
        return None
    if not isinstance(key, PublicKey) or (isinstance(key, RSAPublicKey) and key.key_size < _RSA_MIN_BITS):
        _log.warning("The key %.80s is private, or too weak", jwk["kid"])
        return None
    return key
