"""Declarations: what a handler's types say, and what is bound when it is registered."""

import inspect
import sys

import azure.functions as func
import orjson
import pytest

from functions.account.endpoints import get_me
from functions.account.views import MeView
from functions.http.api import Api
from functions.http.bodies import RawContent
from functions.http.call import Call, Response
from functions.http.endpoint import Endpoint, Route, Routes
from functions.http.paging import PageOf
from functions.http.rate_limit import WriteLimit
from functions.http.views import Nothing
from functions.sessions import content, endpoints
from functions.sessions.conflict_copies import SessionSaveQuery
from functions.sessions.views import (
    DeleteQuery,
    NewSessionBody,
    SessionMetadataView,
    SessionsQuery,
    SessionView,
)
from persistence.conditions import AnyTag
from persistence.sessions.store import SessionStore


def declared(routes: Routes, name: str) -> Endpoint:
    [endpoint] = [each for each in routes.endpoints if each.name == name]
    return endpoint


def call(*reads: str, **headers: str) -> Call[Nothing, Nothing]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("ann", Nothing(), Nothing(), b"", {}, "http://localhost/api/persistence/me", sent, reads)


class Counter:
    """A service of a test."""

    count = 0


trial = Routes("trial", "Of a test.", prefix="")


@trial.serve(Route("GET", "count", public=True))
async def count_up(call: Call[Nothing, Nothing], counter: Counter) -> Response[str]:
    """Counts up.

    This is not part of the summary.
    """
    counter.count += 1
    return Response(str(counter.count))


async def nobody(headers: object) -> str:
    raise AssertionError("a public endpoint asks for no identity")


async def test_a_handler_can_be_called_like_any_function() -> None:
    assert await get_me(call()) == Response(MeView(owner_id="ann"))


def test_every_handler_is_found_by_its_name(endpoints_of_the_app: list[Endpoint]) -> None:
    assert len(endpoints_of_the_app) > 30
    for each in endpoints_of_the_app:
        assert getattr(sys.modules[each.handler.__module__], each.name) is each.handler
        assert each.summary.endswith(".") and inspect.iscoroutinefunction(each.handler)


@pytest.fixture
def endpoints_of_the_app() -> list[Endpoint]:
    """What every module of the product declares."""
    modules = [module for name, module in sys.modules.items() if name.startswith("functions.")]
    declared = {id(value): value for module in modules for value in vars(module).values() if type(value) is Routes}
    return [endpoint for routes in declared.values() for endpoint in routes.endpoints]


@pytest.mark.parametrize(
    ("routes", "name", "query", "body", "answers", "status"),
    [
        (endpoints.routes, "get_sessions_metadata", SessionsQuery, None, (PageOf[SessionMetadataView],), 200),
        (endpoints.routes, "create_session", Nothing, NewSessionBody, (str, SessionView), 201),
        (endpoints.routes, "delete_session", DeleteQuery, None, (), 204),
        (content.routes, "get_session_content", Nothing, None, (bytes,), 200),
        (content.routes, "put_session_content", SessionSaveQuery, RawContent, (SessionMetadataView,), 200),
    ],
)
def test_the_types_of_a_handler_say_what_it_takes_and_returns(
    routes: Routes, name: str, query: type, body: type | None, answers: tuple[type, ...], status: int
) -> None:
    endpoint = declared(routes, name)
    assert (endpoint.query, endpoint.body, endpoint.models) == (query, body, answers)
    assert endpoint.status == status and endpoint.services["sessions"] is SessionStore
    assert endpoint.path.startswith("persistence/sessions")


async def test_services_are_bound_by_type_when_endpoints_are_added() -> None:
    app, counter = func.FunctionApp(), Counter()
    Api(app, nobody, WriteLimit()).add(trial, object(), counter)
    [function] = app.get_functions()
    assert function.get_function_name() == "count_up"
    for expected in ("1", "2"):
        request = func.HttpRequest("GET", "http://localhost/api/count", body=b"")
        response = await function.get_user_function()(request)
        assert (response.status_code, orjson.loads(response.get_body())) == (200, expected)
    assert counter.count == 2
    assert declared(trial, "count_up").summary == "Counts up."


def test_without_a_service_the_app_is_not_made() -> None:
    with pytest.raises(TypeError, match="count_up needs a Counter"):
        Api(func.FunctionApp(), nobody, WriteLimit()).add(trial, object())


def test_only_headers_that_the_route_declares_are_read() -> None:
    sent = {"if_match": '"1-a"', "if_none_match": "*", "idempotency_key": "k", "prefer": "return=minimal"}
    undeclared = call(**sent)
    assert undeclared.conditions.if_match is None and undeclared.conditions.save_id is None
    assert undeclared.conditions.if_none_match == frozenset() == undeclared.if_none_match
    assert undeclared.idempotency_key is None and not undeclared.prefers("minimal")
    reading = call("If-None-Match", "Idempotency-Key", "Prefer", **sent)
    assert reading.conditions.if_match is None and reading.conditions.only_new
    assert isinstance(reading.if_none_match, AnyTag) and reading.prefers("minimal")
    assert call("If-Match", **sent).conditions.if_match == {'"1-a"'}
    assert reading.idempotency_key is not None and reading.conditions.save_id is not None
