"""The public keys of an issuer: fetched when they are needed, and kept parsed."""

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

from functions.identity.errors import IdentityUnavailable, InvalidToken
from functions.identity.settings import is_safe_url

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

FRESH_SECONDS = 3_600
"""Keys are fetched again after this time. A withdrawn key may be accepted for as long."""
USABLE_SECONDS = 86_400
"""Keys are used for this time if the issuer does not respond, so that its outage is not ours."""
REFETCH_SECONDS = 60
"""The least time between two fetches, however many tokens name an unknown key."""
RETRY_SECONDS = 5
"""The least time between two fetches if there is no usable key."""
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
"""Asymmetric algorithms only: with a symmetric one, those who can check a token could also make one."""

_log = logging.getLogger(__name__)


class SigningKeys:
    """The keys of one issuer, from `jwks_url` or else from the URL in the issuer's OpenID configuration."""

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

    async def warm_up(self) -> None:
        """Fetches the keys if that was not tried yet. Raises nothing if the issuer does not respond."""
        await self._fetch_if_due()

    async def find(self, kid: str, algorithm: str) -> PublicKey:
        """Returns the key of that id, if the algorithm suits it. No I/O if it is fresh, or being fetched already.

        Raises InvalidToken if the issuer has other keys, but not this one. Raises IdentityUnavailable if it does
        not respond, or has no usable key at all.
        """
        key = self._usable(kid, algorithm)
        is_fresh = self._clock() - self._fetched_at < FRESH_SECONDS
        if key is None or not (is_fresh or self._fetching.locked()):
            await self._fetch_if_due()
            key = self._usable(kid, algorithm)
        if key is not None:
            return key
        if self._failed or not self._keys:
            raise IdentityUnavailable("The identity provider has sent no usable keys; please try again.")
        raise InvalidToken("The token is signed with a key that its issuer does not have.")

    def _usable(self, kid: str, algorithm: str) -> PublicKey | None:
        if self._clock() - self._fetched_at >= USABLE_SECONDS:
            return None
        return self._keys.get((kid, algorithm))

    async def _fetch_if_due(self) -> None:
        async with self._fetching:  # A caller that waited here finds that no fetch is due.
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
                # Counted from the end of the fetch, which may take longer than the wait.
                self._next_fetch_at = self._clock() + wait

    async def _fetch(self) -> Mapping[tuple[str, str], PublicKey] | None:
        """Returns None, and logs the reason, if the issuer does not respond with keys."""
        # Slow to import, and not needed by the other identities.
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
            _log.warning("%s has no usable key", self._issuer)
        return keys

    async def _discover(self, session: Any) -> str:
        configuration = await _read_json(
            session, self._issuer.removesuffix("/") + "/.well-known/openid-configuration"
        )
        if configuration.get("issuer") != self._issuer:
            raise ValueError("the OpenID configuration is of another issuer")
        url = configuration.get("jwks_uri")
        if not isinstance(url, str) or not is_safe_url(url):
            raise ValueError("the OpenID configuration has no https URL for the keys")
        return url


async def _read_json(session: Any, url: str) -> dict[str, Any]:
    """Returns the JSON object at a URL. Follows no redirect, because its target was not checked."""
    async with session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response:
        if response.status != 200:
            raise ValueError(f"{url} responded with {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            body += chunk
            if len(body) > _DOCUMENT_MAX_BYTES:
                raise ValueError(f"{url} sent too much")
    document = orjson.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} sent no JSON object")
    return document


def parse_keys(jwks: Mapping[str, Any]) -> Mapping[tuple[str, str], PublicKey]:
    """Returns the usable keys of a JWK Set by id and algorithm. Of two with the same id, the first is used.

    Raises ValueError if it is not a JWK Set. PyJWKSet does not do here: it refuses an empty set, knows only one
    algorithm for an RSA key without `alg`, and fails as a whole on a key with `"alg": "none"`.
    """
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
    """Returns the algorithms that suit the type of the key; only its own `alg`, if it has one."""
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
        _log.warning("The key %.80s is private or too weak", jwk["kid"])
        return None
    return key
