"""Declares endpoints: one route above each handler. The types of the handler say the rest.

    routes = Routes("sessions", "Private documents of one person.")

    @routes.serve(Route("GET", "sessions/{session_id}", reads=("If-None-Match",)))
    async def get_session(call: Call[Nothing, Nothing], sessions: SessionStore) -> Response[SessionView]:
        \"\"\"Returns a session with its content.\"\"\"

The declaration registers nothing with the host: `Api.add` does, and binds the services that handlers take.
"""

import copy
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from types import NoneType, UnionType
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from functions.http.bodies import BODY_MAX_BYTES, JSON
from functions.http.call import Response
from functions.http.errors import InvalidRequest
from functions.http.views import Nothing, QueryModel
from persistence.documents import ID_LENGTH

_IN_PATH = re.compile(r"\{(\w+)\}")

PREFIX = "persistence/"

Handler = Callable[..., Awaitable[Response[Any]]]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A parameter in paths, such as an id. `statuses` are those of requests for a missing or deleted thing.

    `form` is the pattern of the schema in words.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    statuses: tuple[int, ...] = (404,)
    form: str = ""


def id_parameter(
    name: str, description: str, *, longest: int = ID_LENGTH, statuses: tuple[int, ...] = (404,)
) -> PathParameter:
    """Returns a parameter for an id of 12 to `longest` characters."""
    length = f"{ID_LENGTH}" if longest == ID_LENGTH else f"{ID_LENGTH},{longest}"
    pattern = f"^[A-Za-z0-9_-]{{{length}}}$"
    form = f"must have {length.replace(',', ' to ')} characters of A-Z, a-z, 0-9, _ and -"
    return PathParameter(name, description, {"type": "string", "pattern": pattern}, statuses, form)


@dataclass(frozen=True, slots=True)
class Saves:
    """That a route saves content: of which kind, and in which form. For metrics."""

    kind: Literal["session", "draft", "snapshot"]
    form: Literal["raw", "json", "delta"]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, and what the types of the handler cannot say.

    status       of success; by default 204 if the handler returns `Response[None]`, else 200
    reads        the request headers that the handler reads; a condition that is not among them is refused
    media_types  of the request body
    body_max     the most bytes of a body without gzip, unless it is content
    produces     the media type of the response
    public       whether callers need no identity
    creates      whether it may create what its path names; then a malformed id is 422, elsewhere 404
    saves        what it saves, if it is a save

    Only the API description uses these:

    needs_base   whether If-Match is required, with exactly one ETag
    has_etag     whether success has an ETag although no condition is in `reads`
    statuses     further statuses, besides those that follow from the declaration (`openapi/rules.py`)
    other_successes  by status, the models that other successes can have
    leads_to     path parameters of the next calls, as OpenAPI runtime expressions
    """

    method: str
    path: str
    _: KW_ONLY
    status: int | None = None
    reads: tuple[str, ...] = ()
    media_types: tuple[str, ...] = JSON
    body_max: int = BODY_MAX_BYTES
    produces: str = JSON[0]
    public: bool = False
    creates: bool = False
    saves: Saves | None = None
    needs_base: bool = False
    has_etag: bool = False
    statuses: tuple[int, ...] = ()
    other_successes: Mapping[int, tuple[type[BaseModel], ...]] = field(default_factory=dict)
    leads_to: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route with its handler, and what the handler's types say.

    path        the route's path below the prefix
    parameters  those in the path, in their order
    body      None if the request has no body
    models    what success can have: the second type if the caller prefers a representation; empty for no body
    services  the type of each further parameter of the handler
    """

    tag: str
    path: str
    parameters: tuple[PathParameter, ...]
    route: Route
    handler: Handler
    query: type[QueryModel]
    body: type[BaseModel] | None
    models: tuple[type, ...]
    services: Mapping[str, type]

    @classmethod
    def of(
        cls, tag: str, prefix: str, parameters: Sequence[PathParameter], route: Route, handler: Handler
    ) -> Self:
        """Reads the types of a handler: `(call: Call[query, body], **services) -> Response[models]`.

        Raises KeyError if a parameter in the path is not declared.
        """
        declared = {parameter.name: parameter for parameter in parameters}
        hints = get_type_hints(handler)
        [model] = get_args(hints.pop("return"))
        query, body = get_args(hints.pop("call"))
        return cls(
            tag=tag,
            path=prefix + route.path,
            parameters=tuple(declared[name] for name in _IN_PATH.findall(route.path)),
            route=route,
            handler=handler,
            query=query,
            body=None if body is Nothing else body,
            models=() if model is NoneType else get_args(model) if _is_union(model) else (model,),
            services=hints,
        )

    @property
    def name(self) -> str:
        """The name of the function, by which the host knows it. The operationId is made from it."""
        return self.handler.__name__

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the host must pass on. HEAD runs the handler of GET."""
        return ("GET", "HEAD") if self.route.method == "GET" else (self.route.method,)

    def check_path(self, given: Mapping[str, str]) -> None:
        """Raises InvalidRequest, which names the parameter and its form, if an id to create has another form."""
        for one in self.parameters if self.route.creates else ():
            if not re.fullmatch(one.schema["pattern"], given[one.name]):
                raise InvalidRequest([{"parameter": one.name, "detail": one.form}])

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().split("\n")[0]

    @property
    def status(self) -> int:
        """The status of success."""
        return self.route.status or (200 if self.models else 204)


class Routes:
    """The endpoints of one tag, in the order of the API description. `parameters` are those of their paths."""

    def __init__(self, tag: str, description: str, *parameters: PathParameter, prefix: str = PREFIX) -> None:
        self.tag, self.description = tag, description
        self._parameters = parameters
        self.endpoints: list[Endpoint] = []
        self._prefix = prefix

    def serve(self, route: Route) -> Callable[[H], H]:
        """Declares that a handler serves a route. Returns the handler as it is."""

        def declare(handler: H) -> H:
            self.endpoints.append(Endpoint.of(self.tag, self._prefix, self._parameters, route, handler))
            return handler

        return declare

    def describing(self, models: Mapping[type, type]) -> Self:
        """Returns the same endpoints, with other models of responses in the API description.

        For models that are known only when the stores are open.
        """
        described = copy.copy(self)
        described.endpoints = [
            replace(endpoint, models=tuple(models.get(model, model) for model in endpoint.models))
            for endpoint in self.endpoints
        ]
        return described


def _is_union(annotation: object) -> bool:
    return get_origin(annotation) in (UnionType, Union)
