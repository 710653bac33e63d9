"""The one decorator between HTTP and a store call: identity, query, body, answer, ETag, errors, cost.

An endpoint's own code is a few lines: it takes a `Call`, asks a store and gives an `Answer`.
"""

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import azure.functions as func
import orjson
from pydantic import BaseModel, ValidationError

from functions.identity import Identify
from functions.problems import (
    BodyTooLarge,
    InvalidHeader,
    InvalidRequest,
    UnsupportedMediaType,
    problem,
)
from functions.schemas import Nothing
from persistence.content import CONTENT_MAX_BYTES
from persistence.engines.charge import Charge, metered

BODY_MAX_BYTES = 6 * CONTENT_MAX_BYTES + 64 * 1024
"""JSON can take six bytes for one of content (\\u0000); the rest is for the other fields."""

ALWAYS = {"Cache-Control": "no-store, private", "X-Content-Type-Options": "nosniff"}
KEY_MAX_CHARACTERS = 255
_CONDITION_MAX_CHARACTERS = 8_192
_NO_BODY = Nothing()
_log = logging.getLogger("savepoint.requests")

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request: who asks, the validated query and body, and the rest of what was sent."""

    owner_id: str
    query: Q
    body: B
    path: Mapping[str, str]
    url: str
    headers: Mapping[str, str]

    @property
    def if_match(self) -> frozenset[str] | None:
        """The ETags of which one has to hold; None for no condition or `*`, which holds for all that exists."""
        tags = _etags(self.headers.get("if-match"))
        return None if tags is None or "*" in tags else tags

    @property
    def if_none_match(self) -> frozenset[str]:
        """The ETags of what the caller has already."""
        return _etags(self.headers.get("if-none-match")) or frozenset()

    @property
    def save_id(self) -> str | None:
        """What names this attempt, made of the Idempotency-Key; None without one. Raises InvalidHeader."""
        key = self.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= KEY_MAX_CHARACTERS:
            raise InvalidHeader(f"Idempotency-Key takes 1 to {KEY_MAX_CHARACTERS} characters.")
        return "key-" + hashlib.sha256(key.encode()).hexdigest()[:24]

    def prefers(self, what: str) -> bool:
        """Whether the caller asks for `return=<what>` (RFC 7240)."""
        wishes = self.headers.get("prefer", "").replace(" ", "").lower()
        return f"return={what}" in wishes.replace(";", ",").split(",")

    @property
    def path_of_collection(self) -> str:
        """The path that was called, to which a new id can be added for Location."""
        return urlsplit(self.url).path.rstrip("/")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a model or ready JSON bytes, or nothing."""

    body: BaseModel | bytes | None = None
    status: int = 200
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call[Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What was registered: enough to serve it and to describe it."""

    name: str
    method: str
    route: str
    query: type[BaseModel]
    body: type[BaseModel] | None
    answer: type[BaseModel] | type[str] | None
    status: int
    summary: str


class Api:
    """Registers endpoints on blueprints, with everything that they have in common."""

    def __init__(self, identify: Identify, *, expose_charge: bool = False) -> None:
        self._identify = identify
        self._expose_charge = expose_charge
        self.endpoints: list[Endpoint] = []

    def blueprint(self) -> func.Blueprint:
        """A blueprint to hang endpoints on."""
        return func.Blueprint()  # type: ignore[no-untyped-call]  # the library leaves it without types

    def endpoint(
        self,
        blueprint: func.Blueprint,
        method: str,
        route: str,
        *,
        query: type[BaseModel] = Nothing,
        body: type[BaseModel] | None = None,
        answer: type[BaseModel] | type[str] | None = None,
        status: int = 200,
        public: bool = False,
    ) -> Callable[[Handler], Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]]:
        """Serves a handler at a route, under the handler's name. `answer` and `status` say what success
        looks like; `public` endpoints ask nobody who they are."""

        def register(handler: Handler) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
            name = handler.__name__
            summary = (handler.__doc__ or "").strip().split("\n")[0]
            self.endpoints.append(Endpoint(name, method, route, query, body, answer, status, summary))

            async def serve(req: func.HttpRequest) -> func.HttpResponse:
                return await self._serve(handler, name, query, body, public, req)

            # The host names functions by __name__, and reads a wrapper's signature through __wrapped__,
            # which functools.wraps would set: it has to see exactly one parameter, the request.
            serve.__name__, serve.__qualname__, serve.__doc__ = name, name, handler.__doc__
            blueprint.function_name(name)(
                blueprint.route(route, methods=[method], auth_level=func.AuthLevel.ANONYMOUS)(serve)
            )
            return serve

        return register

    async def _serve(
        self,
        handler: Handler,
        name: str,
        query: type[BaseModel],
        body: type[BaseModel] | None,
        public: bool,
        req: func.HttpRequest,
    ) -> func.HttpResponse:
        started = time.perf_counter()
        with metered() as charge:
            try:
                call = Call(
                    owner_id="" if public else await self._identify(req.headers),
                    query=_read_query(req, query),
                    body=_NO_BODY if body is None else _read_body(req, body),
                    path=req.route_params,
                    url=req.url,
                    headers=req.headers,
                )
                response = _response(await handler(call))
            except Exception as exc:
                response = problem(exc)
        for header, value in ALWAYS.items():
            response.headers[header] = value
        if self._expose_charge:
            response.headers["Savepoint-Request-Charge"] = _charge_text(charge)
        milliseconds = (time.perf_counter() - started) * 1e3
        _log.info("%s %d %.1f ms %s RU", name, response.status_code, milliseconds, _charge_text(charge))
        return response


def _read_query(req: func.HttpRequest, model: type[BaseModel]) -> BaseModel:
    # The host drops empty values; so does this, for hosts that do not.
    given = {name: value for name, value in req.params.items() if value != ""}
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        raise InvalidRequest.of_query(exc) from exc


def _read_body(req: func.HttpRequest, model: type[BaseModel]) -> BaseModel:
    media_type = req.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("The body has to be sent as Content-Type: application/json.")
    raw = req.get_body()
    if len(raw) > BODY_MAX_BYTES:
        raise BodyTooLarge(f"The body has {len(raw):,} bytes; at most {BODY_MAX_BYTES:,} are read.")
    try:
        return model.model_validate_json(raw)
    except ValidationError as exc:
        raise InvalidRequest.of_body(exc) from exc


def _response(answer: Answer) -> func.HttpResponse:
    body = answer.body.model_dump_json().encode() if isinstance(answer.body, BaseModel) else answer.body
    headers = dict(answer.headers)
    if answer.etag is not None:
        headers["ETag"] = answer.etag
    return func.HttpResponse(
        body, status_code=answer.status, headers=headers, mimetype="application/json", charset="utf-8"
    )


def _etags(header: str | None) -> frozenset[str] | None:
    """The tags of a condition, ours in their strong form: a proxy that compresses may have weakened them."""
    if header is None:
        return None
    if len(header) > _CONDITION_MAX_CHARACTERS:
        raise InvalidHeader("If-Match and If-None-Match take at most 8,192 characters.")
    return frozenset(tag.strip().removeprefix("W/") for tag in header.split(","))


def _charge_text(charge: Charge) -> str:
    return f"{charge.request_units:.2f}" + ("; estimated" if charge.estimated else "")


def to_json(value: object) -> bytes:
    """JSON bytes for an `Answer`, where a model would copy a large text once more."""
    return orjson.dumps(value)
