"""The one decorator between HTTP and a store call: identity, query, body, answer, ETag, errors, cost.

An endpoint's own code is a few lines: it takes a `Call`, asks a store and gives an `Answer`.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import azure.functions as func
from pydantic import BaseModel

from functions.http.bodies import JSON, read_body, read_query
from functions.http.call import Answer, Call
from functions.http.problems import InvalidHeader, problem
from functions.identity.modes import Identify
from functions.sessions.views import Nothing
from persistence.storage.charge import Charge, metered

ALWAYS = {"Cache-Control": "no-store, private", "X-Content-Type-Options": "nosniff"}
NOTHING_GIVEN: Mapping[str, str] = MappingProxyType({})
_CONDITIONS = {"if-match": "If-Match", "if-none-match": "If-None-Match"}
_NO_BODY = Nothing()
_log = logging.getLogger("savepoint.requests")

Handler = Callable[[Call[Any, Any]], Awaitable[Answer]]
Trigger = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What was registered: enough to serve it and to describe it. `answer` and `status` say what success looks
    like; `public` ones ask nobody who they are. The rest is for the description alone:

    module          where the handler stands: endpoints of one module belong together
    reads           the request headers that the handler looks at
    representation  what is answered instead where `Prefer: return=representation` is sent
    produces        the media type of an answer of bytes
    has_etag        whether success carries an ETag, where no condition among `reads` says so already
    statuses        what can come besides `status` and what follows from all the others
    gives           where the path parameters of what can be called next stand, as OpenAPI runtime expressions
    """

    name: str
    method: str
    route: str
    query: type[BaseModel]
    body: type[BaseModel] | None
    media_types: tuple[str, ...]
    answer: type[BaseModel] | type[str] | type[bytes] | None
    status: int
    public: bool
    summary: str
    module: str
    reads: tuple[str, ...]
    representation: type[BaseModel] | None
    produces: str
    has_etag: bool
    statuses: tuple[int, ...]
    gives: Mapping[str, str]


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
        media_types: tuple[str, ...] = JSON,
        answer: type[BaseModel] | type[str] | type[bytes] | None = None,
        status: int = 200,
        public: bool = False,
        reads: tuple[str, ...] = (),
        representation: type[BaseModel] | None = None,
        produces: str = "application/json",
        has_etag: bool = False,
        statuses: tuple[int, ...] = (),
        gives: Mapping[str, str] = NOTHING_GIVEN,
    ) -> Callable[[Handler], Trigger]:
        """Serves a handler at a route, under the handler's name."""

        def register(handler: Handler) -> Trigger:
            name = handler.__name__
            summary = (handler.__doc__ or "").strip().split("\n")[0]
            endpoint = Endpoint(
                name=name,
                method=method,
                route=route,
                query=query,
                body=body,
                media_types=media_types,
                answer=answer,
                status=status,
                public=public,
                summary=summary,
                module=handler.__module__,
                reads=reads,
                representation=representation,
                produces=produces,
                has_etag=has_etag,
                statuses=statuses,
                gives=gives,
            )
            self.endpoints.append(endpoint)

            async def serve(req: func.HttpRequest) -> func.HttpResponse:
                return await self._serve(endpoint, handler, req)

            # The host names functions by __name__, and reads a wrapper's signature through __wrapped__,
            # which functools.wraps would set: it has to see exactly one parameter, the request.
            serve.__name__, serve.__qualname__, serve.__doc__ = name, name, handler.__doc__
            blueprint.function_name(name)(
                blueprint.route(route, methods=[method], auth_level=func.AuthLevel.ANONYMOUS)(serve)
            )
            return serve

        return register

    async def _serve(self, endpoint: Endpoint, handler: Handler, req: func.HttpRequest) -> func.HttpResponse:
        started = time.perf_counter()
        with metered() as charge:
            try:
                response = _response(await handler(await self._call(endpoint, req)))
            except Exception as exc:
                response = problem(exc)
        for header, value in ALWAYS.items():
            response.headers[header] = value
        if self._expose_charge:
            response.headers["Savepoint-Request-Charge"] = _charge_text(charge)
        milliseconds = (time.perf_counter() - started) * 1e3
        _log.info(
            "%s %d %.1f ms %s RU in %d calls",
            endpoint.name,
            response.status_code,
            milliseconds,
            _charge_text(charge),
            charge.calls,
        )
        return response

    async def _call(self, endpoint: Endpoint, req: func.HttpRequest) -> Call[Any, Any]:
        """Who is calling comes first: nobody else learns what a valid request would be."""
        owner_id = "" if endpoint.public else await self._identify(req.headers)
        _refuse_conditions(endpoint, req.headers)
        query = read_query(req, endpoint.query)
        body: BaseModel = _NO_BODY
        raw_body = b""
        if endpoint.body is not None:
            body, raw_body = read_body(req, endpoint.body, endpoint.media_types), req.get_body()
        return Call(owner_id, query, body, raw_body, req.route_params, req.url, req.headers)


def _refuse_conditions(endpoint: Endpoint, headers: Mapping[str, str]) -> None:
    """A condition that would not be looked at must not be taken for one that held."""
    if endpoint.method == "GET":
        return
    for name in headers:
        if (condition := _CONDITIONS.get(name)) is not None and condition not in endpoint.reads:
            raise InvalidHeader(f"{condition} is not understood here; nothing was done.")


def _response(answer: Answer) -> func.HttpResponse:
    body = answer.body.model_dump_json().encode() if isinstance(answer.body, BaseModel) else answer.body
    # Named here: a mimetype that begins with text/ is given a charset once more on its way.
    headers = {**answer.headers, "Content-Type": answer.media_type}
    if answer.etag is not None:
        headers["ETag"] = answer.etag
    return func.HttpResponse(
        body, status_code=answer.status, headers=headers, mimetype=answer.media_type, charset="utf-8"
    )


def _charge_text(charge: Charge) -> str:
    return f"{charge.request_units:.2f}" + ("; estimated" if charge.estimated else "")
