"""Routing: which function a path matches, and which routes are refused."""

from typing import Any

import pytest

from devhost import StartError
from devhost.host import HttpFunction
from devhost.http import decoded_path, query_parameters, request_headers
from devhost.routes import RouteTable


def function(name: str, route: str, *methods: str) -> HttpFunction:
    def handler(req: Any) -> None:
        raise NotImplementedError

    return HttpFunction(name, handler, "req", False, route, frozenset(methods) or None)


def table(*functions: HttpFunction, prefix: str = "api") -> RouteTable:
    return RouteTable(functions, prefix)


def found(routes: RouteTable, path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
    match = routes.match(method, path)
    return match and (match[0].name, match[1])


def test_a_literal_segment_wins_over_a_parameter() -> None:
    routes = table(function("latest", "drafts/latest"), function("one", "drafts/{id}"))
    assert found(routes, "/api/drafts/latest") == ("latest", {})
    assert found(routes, "/api/drafts/abc") == ("one", {"id": "abc"})


def test_a_literal_segment_before_a_parameter_wins_too() -> None:
    routes = table(function("metadata", "sessions/metadata/{id}"), function("part", "sessions/{id}/{part}"))
    assert found(routes, "/api/sessions/metadata/x") == ("metadata", {"id": "x"})
    assert found(routes, "/api/sessions/y/metadata") == ("part", {"id": "y", "part": "metadata"})


@pytest.mark.parametrize("general", ["drafts/{id}", "{kind}/latest", "drafts/{id?}", "{*all}", "drafts/LATEST"])
def test_a_route_that_azure_would_never_reach_is_refused(general: str) -> None:
    with pytest.raises(StartError, match="function latest: .* would never be reached .* get_one"):
        table(function("latest", "drafts/latest", "GET"), function("get_one", general, "GET", "PUT"))


def test_routes_of_different_methods_never_shadow_each_other() -> None:
    routes = table(function("latest", "drafts/latest", "GET"), function("change", "drafts/{id}", "PUT"))
    assert found(routes, "/api/drafts/latest", "PUT") == ("change", {"id": "latest"})
    assert found(routes, "/api/drafts/latest", "GET") == ("latest", {})


def test_routes_that_overlap_are_tried_in_the_order_of_function_names() -> None:
    routes = table(function("B_later", "a/{x}"), function("a_first", "{x}/b"))
    assert found(routes, "/api/a/b") == ("a_first", {"x": "a"})
    assert found(routes, "/api/a/c") == ("B_later", {"x": "c"})


def test_a_wrong_method_is_no_match() -> None:
    routes = table(function("one", "things", "GET"), function("two", "things/{id}", "GET"))
    assert found(routes, "/api/things", "POST") is None
    assert found(routes, "/api/things", "HEAD") is None
    assert found(routes, "/api/things/1", "DELETE") is None


def test_a_function_without_methods_answers_all_of_them() -> None:
    routes = table(function("any", "things"))
    assert all(found(routes, "/api/things", method) for method in ("GET", "PATCH", "OPTIONS"))


def test_case_makes_no_difference_to_a_route_and_is_kept_in_a_parameter() -> None:
    routes = table(function("one", "Things/{Id}"))
    assert found(routes, "/API/tHINGS/AbC") == ("one", {"Id": "AbC"})


@pytest.mark.parametrize(
    "path", ["/api", "/", "", "/api/things/1/2", "/apithings/1", "/things/1", "/api/things//"]
)
def test_other_paths_match_nothing(path: str) -> None:
    assert found(table(function("one", "things/{id}")), path) is None


def test_a_slash_at_the_end_makes_no_difference() -> None:
    routes = table(function("all", "things"), function("one", "things/{id}"))
    assert found(routes, "/api/things/") == ("all", {})
    assert found(routes, "/api/things/1/") == ("one", {"id": "1"})


def test_an_optional_parameter_is_left_out_where_the_path_ends_before_it() -> None:
    routes = table(function("one", "things/{id?}"))
    assert found(routes, "/api/things") == ("one", {})
    assert found(routes, "/api/things/1") == ("one", {"id": "1"})
    assert found(routes, "/api/things/1/2") is None


def test_a_rest_parameter_takes_all_that_follows() -> None:
    routes = table(function("files", "files/{*path}"))
    assert found(routes, "/api/files") == ("files", {})
    assert found(routes, "/api/files/a/b/c") == ("files", {"path": "a/b/c"})
    assert found(routes, "/api/other/a") is None


@pytest.mark.parametrize(("prefix", "path"), [("", "/things"), ("api/v1", "/api/v1/things")])
def test_the_prefix_stands_before_every_route(prefix: str, path: str) -> None:
    assert found(table(function("one", "things"), prefix=prefix), path) == ("one", {})


@pytest.mark.parametrize(
    "route",
    ["a//b", "/a", "{id:int}", "a-{id}", "{id=1}", "{id?}/b", "{*rest}/b", "a/{id}/{ID}", "admin/x", "administer"],
)
def test_a_route_that_cannot_be_served_is_refused_with_the_name_of_its_function(route: str) -> None:
    with pytest.raises(StartError, match="^function odd: route"):
        table(function("odd", route))


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/api/a%20b", "/api/a b"),
        (b"/api/a%2Fb/a%2fb", "/api/a%2Fb/a%2fb"),
        (b"/api/a%252Fb", "/api/a%2Fb"),
        (b"/api/%C5%BEofie", "/api/žofie"),
        (b"/api/%FF", "/api/%FF"),
        (b"/api/a+b", "/api/a+b"),
        (b"/api/x/../y/./z", "/api/y/z"),
        (b"/api/x/%2e%2e/y", "/api/y"),
        (b"/../../api", "/api"),
        (b"/api/.well-known/..x", "/api/.well-known/..x"),
    ],
)
def test_paths_are_decoded_as_asp_net_core_decodes_them(raw: bytes, path: str) -> None:
    assert decoded_path(raw) == path


def test_a_path_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        decoded_path(b"/api/%00")


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1"}),
        (b"a&b=2", {"b": "2"}),
        (b"a=1&a=2&a=&a=3", {"a": "1,2,3"}),
        (b"Size=1&size=2", {"Size": "1,2"}),
        (b"q=a+b%26c=d", {"q": "a b&c=d"}),
        (b"q=%C5%BE;x", {"q": "ž;x"}),
    ],
)
def test_query_parameters_are_what_the_host_makes_of_them(query: bytes, parameters: dict[str, str]) -> None:
    assert query_parameters(query) == parameters


def test_repeated_headers_are_joined_with_a_comma_and_read_as_utf_8() -> None:
    raw = [(b"x-a", b"1"), (b"x-b", "ž".encode()), (b"x-a", b"2"), (b"x-c", b"")]
    assert request_headers(raw) == {"x-a": "1,2", "x-b": "ž", "x-c": ""}


def test_a_last_function_takes_what_no_other_does() -> None:
    routes = table(
        function("list", "things/all", "GET", "HEAD"),
        function("one", "things/{id}/part", "PUT"),
        function("zz_rest", "things/{*rest}", "GET", "HEAD", "PUT"),
    )
    assert found(routes, "/api/things/all") == ("list", {})
    assert found(routes, "/api/things/all", "HEAD") == ("list", {})
    assert found(routes, "/api/things/all", "PUT") == ("zz_rest", {"rest": "all"})
    assert found(routes, "/api/things/1/part", "PUT") == ("one", {"id": "1"})
    assert found(routes, "/api/things/1/part/") == ("zz_rest", {"rest": "1/part"})
    assert found(routes, "/api/things") == ("zz_rest", {})
    assert found(routes, "/api/things/a//b/c/d") == ("zz_rest", {"rest": "a//b/c/d"})
    assert found(routes, "/api/things/all", "OPTIONS") is None
    assert found(routes, "/api/other") is None


def test_a_function_that_takes_the_rest_is_refused_if_its_name_comes_first() -> None:
    with pytest.raises(StartError, match="function one: .* would never be reached .* all_of_them"):
        table(function("all_of_them", "things/{*rest}", "GET", "PUT"), function("one", "things/{id}", "GET"))
