"""An issuer of signed tokens on loopback: its OpenID configuration, its keys and its possible faults."""

import asyncio
import base64
import functools
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from functions.identity.settings import AuthMode, IdentityRules

AUDIENCE = "api://savepoint"
SUBJECT = "person-1"
CLIENT = "client-1"


def rules(**changed: Any) -> IdentityRules:
    """Returns what an operator sets to trust the tokens of an `Issuer`."""
    return IdentityRules(AuthMode.JWT, **{"audience": [AUDIENCE], **changed})


def private_key(algorithm: str = "RS256", name: str = "first") -> Any:
    """Returns a key for the algorithm. The same name returns the same key, because making one takes time."""
    return _made_key("RSA" if algorithm[:2] in ("RS", "PS") else algorithm, name)


@functools.cache
def _made_key(kind: str, name: str) -> Any:
    match kind:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65_537, 2048)


def jwk(key: Any, name: str, **members: Any) -> dict[str, Any]:
    """Returns the public half as an issuer publishes it. A member of None is left out."""
    if isinstance(key, rsa.RSAPrivateKey):
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public.pop("key_ops", None)
    named = public | {"kid": name, "use": "sig"} | members
    return {name: value for name, value in named.items() if value is not None}


def unsigned(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    """Returns a token that no library would make."""
    parts = json.dumps(header).encode(), json.dumps(claims).encode(), signature
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class Issuer:
    """Publishes `jwks`. Signs with `private_key()` under the id "first" by default.

    asked     the number of requests by path
    away      respond with 503
    silent    never respond
    moved_to  respond with a redirect
    raw       respond with these bytes
    """

    def __init__(self) -> None:
        self.jwks: list[dict[str, Any]] = [jwk(private_key(), "first")]
        self.asked: dict[str, int] = {}
        self.away = self.silent = False
        self.moved_to: str | None = None
        self.raw: bytes | None = None
        self.raw_headers: dict[str, str] = {}
        self.configuration: dict[str, Any] = {}
        self.url = ""

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/keys"

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Returns the claims of a valid token. A claim of None is left out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 600}
        return {name: value for name, value in (good | changed).items() if value is not None}

    def token(
        self, algorithm: str = "RS256", key: Any = None, headers: Mapping[str, Any] | None = None, **changed: Any
    ) -> str:
        """Returns a signed token. `headers` are added to its own; a header of None is left out."""
        all_headers = {"kid": "first", **(headers or {})}
        named = {name: value for name, value in all_headers.items() if value is not None}
        # Not jwt.encode: it refuses to sign invalid tokens.
        payload = json.dumps(self.claims(**changed)).encode()
        return jwt.PyJWS().encode(payload, key or private_key(algorithm), algorithm, headers=named)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] = self.asked.get(request.path, 0) + 1
        if self.silent:
            await asyncio.sleep(60)
        if self.away:
            return web.json_response({"keys": self.jwks}, status=503)
        if self.moved_to is not None and request.path != self.moved_to:
            return web.Response(status=302, headers={"Location": self.moved_to})
        if self.raw is not None:
            return web.Response(body=self.raw, headers=self.raw_headers)
        if request.path == "/keys":
            return web.json_response({"keys": self.jwks})
        return web.json_response({"issuer": self.url, "jwks_uri": self.jwks_url} | self.configuration)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
