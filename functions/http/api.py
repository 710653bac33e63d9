"""Serves endpoints: identity, query, body, the handler, and then the response, its cost and one log line."""

import functools
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import azure.functions as func
from pydantic import BaseModel

from functions.http import unknown
from functions.http.bodies import ANY_TYPE, RawContent, read_body, read_query
from functions.http.call import Call, Response, to_json
from functions.http.content import refuse_subresource
from functions.http.endpoint import Endpoint, Routes
from functions.http.errors import InvalidHeader
from functions.http.metrics import count_request, count_save
from functions.http.problems import problem
from functions.http.rate_limit import WriteLimit
from functions.http.traces import traced
from functions.http.views import Nothing
from functions.identity.errors import IdentityError
from functions.identity.modes import Identify
from persistence.errors import BaseGone, Changed, Contended, Maintenance, OwnerFull, StorageFull
from persistence.storage.charge import Charge, metered
from persistence.storage.refusals import count_contended

ALWAYS = {"X-Content-Type-Options": "nosniff"}
NOT_STORED = "no-store, private"
"""For every response but the files of the browser module, which are the same for all."""

EXPOSED = (
    "Content-Disposition, ETag, Location, Preference-Applied, Repr-Digest, Retry-After, Savepoint-Request-Charge"
)
"""What pages of other origins may read. By name, because `*` does not work with credentials."""

_CONDITIONS = {
    name.lower(): name
    for name in (
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-Range",
        "If",  # WebDAV
        "Content-Range",  # only a part of the content, which must not be saved as the whole
    )
}
_PLANNED = (Maintenance, StorageFull, OwnerFull)
"""Responses above 499 by which nobody has to be woken."""

_HEAD = "HEAD"
_CREATED = 201
_NO_BODY = Nothing()
_log = logging.getLogger("savepoint.requests")

Bound = Callable[[Call[Any, Any]], Awaitable[Response[Any]]]
Respond = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


class Api:
    """Registers endpoints with the host, and does what all of them have in common."""

    def __init__(
        self,
        app: func.FunctionApp,
        identify: Identify,
        write_limit: WriteLimit,
        *,
        expose_charge: bool = False,
        before_each: Sequence[Callable[[], None]] = (),
        before_write: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`before_each` are called before each request is served, and `before_write` before each that writes."""
        self._app, self._before_each, self._before_write = app, before_each, before_write
        self._identify = identify
        self._write_limit = write_limit
        self._expose_charge = expose_charge
        self.routes: list[Routes] = []

    def add(self, routes: Routes, *services: object) -> None:
        """Registers the endpoints. Each handler receives the services that it takes, by type.

        Raises TypeError if there is no service of a type.
        """
        self.routes.append(routes)
        for endpoint in routes.endpoints:
            answer = self._respond if endpoint.route.saves is None else self._save
            respond = functools.partial(answer, endpoint, _bound(endpoint, services))
            level = logging.DEBUG if endpoint.route.public else logging.INFO
            serve = functools.partial(self._serve, endpoint.name, endpoint.path, respond, level)
            self._register(endpoint.name, endpoint.path, endpoint.methods, serve, endpoint.handler.__doc__)

    def refuse_the_rest(self) -> None:
        """Registers the function that refuses every other path and method below `persistence/`."""

        async def refuse(req: func.HttpRequest) -> func.HttpResponse:
            """Refuses what no other function serves."""
            endpoints = (endpoint for routes in self.routes for endpoint in routes.endpoints)
            raise unknown.refusal(endpoints, req.method, req.route_params.get("rest", ""))

        answer = functools.partial(self._serve, unknown.NAME, unknown.PATH, refuse, logging.DEBUG)
        self._register(unknown.NAME, unknown.PATH, unknown.METHODS, answer, refuse.__doc__)

    def _register(self, name: str, path: str, methods: Sequence[str], respond: Respond, doc: str | None) -> None:
        async def serve(req: func.HttpRequest) -> func.HttpResponse:
            return await respond(req)

        # The host names functions by __name__. It must see exactly one parameter, the request; functools.wraps
        # would set __wrapped__, through which it reads the signature of the handler.
        serve.__name__, serve.__qualname__, serve.__doc__ = name, name, doc
        route = self._app.route(path, methods=list(methods), auth_level=func.AuthLevel.ANONYMOUS)
        self._app.function_name(name)(route(serve))

    async def _serve(
        self, name: str, path: str, respond: Respond, level: int, req: func.HttpRequest
    ) -> func.HttpResponse:
        """Logs one line at that level: at DEBUG if anybody may call or for a stranger: each line costs."""
        with traced(req.headers):
            return await self._timed(name, path, respond, level, req)

    async def _timed(
        self, name: str, path: str, respond: Respond, level: int, req: func.HttpRequest
    ) -> func.HttpResponse:
        started, route, is_planned = time.perf_counter(), f"/{path}", False
        for start in self._before_each:
            start()
        with metered(("http.route", route)) as charge:
            try:
                response = await respond(req)
            except IdentityError as exc:
                response, level = problem(exc), logging.DEBUG
            except Exception as exc:
                if isinstance(exc, Contended):
                    count_contended()
                is_planned = isinstance(exc, _PLANNED)
                response = problem(exc)
        if req.method == _HEAD:
            response = _without_body(response)
        if "origin" in req.headers:
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        for header, value in ALWAYS.items():
            response.headers[header] = value
        response.headers.setdefault("Cache-Control", NOT_STORED)
        if self._expose_charge:
            response.headers["Savepoint-Request-Charge"] = _charge_text(charge)
        seconds = time.perf_counter() - started
        count_request(route, req.method, response.status_code, seconds, is_planned=is_planned)
        _log.log(
            level,
            "%s %d %.1f ms %.2f RU%s in %d calls",
            name,
            response.status_code,
            seconds * 1e3,
            charge.request_units,
            " (estimated)" if charge.estimated else "",
            charge.calls,
        )
        return response

    async def _respond(self, endpoint: Endpoint, handler: Bound, req: func.HttpRequest) -> func.HttpResponse:
        return _http_response(endpoint, await handler(await self._call(endpoint, req)))

    async def _save(self, endpoint: Endpoint, handler: Bound, req: func.HttpRequest) -> func.HttpResponse:
        """As `_respond`, and counts the save."""
        size, outcome = len(req.get_body()), "refused"
        try:
            call = await self._call(endpoint, req)
            size = call.body.content.size if isinstance(call.body, RawContent) else len(call.raw_body)
            response = await handler(call)
            outcome = _outcome(endpoint, call, response)
            return _http_response(endpoint, response)
        except (Changed, BaseGone, Contended):
            outcome = "conflict"
            raise
        finally:
            if outcome and endpoint.route.saves is not None:
                count_save(endpoint.route.saves, size, outcome)

    async def _call(self, endpoint: Endpoint, req: func.HttpRequest) -> Call[Any, Any]:
        """Checks the identity first: others must not learn what a valid request is."""
        owner_id = "" if endpoint.route.public else await self._identify(req.headers)
        if endpoint.route.method != "GET" and self._before_write is not None:
            await self._before_write()
        # Reads are not limited. Deleting is not, because nobody must be kept from erasing what is theirs.
        if endpoint.route.method not in ("GET", "DELETE"):
            self._write_limit.take(owner_id, len(req.get_body()))
        if endpoint.route.produces == ANY_TYPE:
            refuse_subresource(req.headers)
        _refuse_unread_conditions(endpoint, req.headers)
        endpoint.check_path(req.route_params)
        query = read_query(req, endpoint.query)
        body: BaseModel = _NO_BODY
        raw_body = b""
        if endpoint.body is not None:
            route = endpoint.route
            body, raw_body = read_body(req, endpoint.body, route.media_types, route.body_max)
        return Call(
            owner_id,
            query,
            body,
            raw_body,
            req.route_params,
            req.url,
            req.headers,
            endpoint.route.reads,
            is_head=req.method == _HEAD,
        )


def _bound(endpoint: Endpoint, services: Sequence[object]) -> Bound:
    found = {}
    for name, kind in endpoint.services.items():
        matching = [service for service in services if isinstance(service, kind)]
        if not matching:
            raise TypeError(f"{endpoint.name} needs a {kind.__name__}")
        found[name] = matching[0]
    return functools.partial(endpoint.handler, **found)


def _outcome(endpoint: Endpoint, call: Call[Any, Any], response: Response[Any]) -> str:
    """Returns what a save came to, and nothing if no content was sent."""
    if getattr(call.body, "content", call.body) is None:
        return ""
    if hasattr(response.body, "conflict"):
        return "conflict"
    if response.status == _CREATED or endpoint.status == _CREATED:
        return "created"
    # The version that the caller had is still the newest.
    return "unchanged" if response.etag and response.etag in (call.header("If-Match") or "") else "changed"


def _refuse_unread_conditions(endpoint: Endpoint, headers: Mapping[str, str]) -> None:
    """A write must not ignore a condition: the caller would believe that it was checked."""
    if endpoint.route.method == "GET":
        return
    for name in headers:
        if (condition := _CONDITIONS.get(name)) is not None and condition not in endpoint.route.reads:
            raise InvalidHeader(f"{condition} is not supported here; nothing was done.")


def _http_response(endpoint: Endpoint, response: Response[Any]) -> func.HttpResponse:
    body = response.body
    if isinstance(body, BaseModel):
        body = body.model_dump_json().encode()
    elif isinstance(body, str):
        body = to_json(body)
    media_type = response.media_type or endpoint.route.produces
    # As a header, because the library adds a second charset to a mimetype that begins with text/.
    headers = {**response.headers, "Content-Type": media_type}
    if response.etag is not None:
        headers["ETag"] = response.etag
    return func.HttpResponse(
        body,
        status_code=response.status or endpoint.status,
        headers=headers,
        mimetype=media_type,
        charset="utf-8",
    )


def _without_body(response: func.HttpResponse) -> func.HttpResponse:
    """Returns the response to HEAD, which names the length of the response to GET, if that was made."""
    if body := response.get_body():
        response.headers["Content-Length"] = str(len(body))
    return func.HttpResponse(
        status_code=response.status_code,
        headers=response.headers,
        mimetype=response.mimetype,
        charset=response.charset,
    )


def _charge_text(charge: Charge) -> str:
    return f"{charge.request_units:.2f}" + ("; estimated" if charge.estimated else "")
