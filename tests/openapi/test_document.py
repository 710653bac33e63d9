"""The API description: valid, complete, and with the names that existing clients use."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions import VERSION
from functions.http.endpoint import Endpoint, Routes
from functions.http.problems import PROBLEM_TYPES
from functions.identity.settings import AuthMode
from functions.openapi.document import describe
from functions.openapi.endpoints import route_prefix
from functions.openapi.rules import REQUEST_HEADERS
from tests.openapi.conftest import operations

ROOT = Path(__file__).resolve().parents[2]
IN_PATH = {
    "session_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{12}$"},
    "draft_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{12}$"},
    "snapshot_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{12,64}$"},
    "version": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999},
    "file": {"type": "string", "pattern": "^[a-z]+(-[A-Z0-9]{8})?\\.js$"},
    "page": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*(-[A-Z0-9]{8})?(\\.(js|css|svg))?$"},
}
WIRE_CONTRACT = {
    "getSessionsMetadata": "get /api/persistence/sessions",
    "getSession": "get /api/persistence/sessions/{session_id}",
    "getSessionMetadata": "get /api/persistence/sessions/metadata/{session_id}",
    "createSession": "post /api/persistence/sessions",
    "updateSession": "put /api/persistence/sessions/{session_id}",
    "deleteSession": "delete /api/persistence/sessions/{session_id}",
    "getSnapshotsMetadata": "get /api/persistence/snapshots",
    "getSnapshot": "get /api/persistence/snapshots/{snapshot_id}",
    "createSnapshot": "post /api/persistence/snapshots",
    "deleteSnapshot": "delete /api/persistence/snapshots/{snapshot_id}",
    "getSnapshotAccessLogs": "get /api/persistence/snapshot_access_logs",
    "deleteSnapshotAccessLog": "delete /api/persistence/snapshot_access_logs/{snapshot_id}",
}


@pytest.mark.parametrize("mode", AuthMode)
@pytest.mark.parametrize("has_charge", [False, True])
def test_the_document_is_valid_in_every_mode(routes: list[Routes], mode: AuthMode, has_charge: bool) -> None:
    document = describe(routes, "/api", mode, has_charge=has_charge)
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["openapi"].startswith("3.1")
    assert ("Savepoint-Request-Charge" in json.dumps(document)) is has_charge


def test_it_describes_exactly_what_is_registered(endpoints: list[Endpoint], document: dict[str, Any]) -> None:
    described = {(each["method"].upper(), each["path"]) for each in operations(document).values()}
    assert described == {(each.route.method, f"/api/{each.path}") for each in endpoints}
    assert len(operations(document)) == len(endpoints)


def test_operations_are_called_what_existing_clients_call_them(document: dict[str, Any]) -> None:
    found = operations(document)
    assert {id: f"{found[id]['method']} {found[id]['path']}" for id in WIRE_CONTRACT} == WIRE_CONTRACT


def test_schemas_have_names_that_a_person_would_give_them(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    assert {"SessionMetadata", "Session", "SessionMetadataPage", "SnapshotContent", "Problem"} <= names
    assert all(name.isalnum() and name[0].isupper() for name in names), names
    # Queries are parameters, not schemas. No schema has a second form for requests or responses.
    assert not {name for name in names if name.endswith(("Query", "Input", "Output")) or name == "Nothing"}
    assert not [value for value in _walk(document) if isinstance(value, str) and "persistence." in value]


def test_every_schema_every_property_and_every_parameter_has_a_description(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name
        for member, about in schema.get("properties", {}).items():
            assert about["description"], f"{name}.{member}"
    for each in _walk(document):
        if isinstance(each, dict) and each.keys() >= {"name", "in", "schema"}:
            assert each["description"], each["name"]


def test_every_operation_has_a_tag_and_every_tag_has_a_description(document: dict[str, Any]) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert len(tags) == len(document["tags"]) and all(text.endswith(".") for text in tags.values())
    assert {tag for operation in operations(document).values() for tag in operation["tags"]} == set(tags)
    assert all(len(operation["tags"]) == 1 for operation in operations(document).values())


def test_every_reference_leads_to_something_and_everything_is_referred_to(document: dict[str, Any]) -> None:
    referred = {value["$ref"] for value in _walk(document) if isinstance(value, dict) and "$ref" in value}
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "responses")
        for name in document["components"][kind]
    }
    assert referred == there


def test_paths_say_what_an_id_is(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        in_path = {each["name"]: each for each in operation["parameters"] if each.get("in") == "path"}
        assert set(in_path) == {part[1:-1] for part in operation["path"].split("/") if part[0:1] == "{"}
        for name, each in in_path.items():
            assert each["required"] and each["description"]
            assert each["schema"] == IN_PATH[name]


def test_nothing_has_null_for_a_default(document: dict[str, Any]) -> None:
    # Generated clients send defaults, and null clears in a merge patch.
    assert '"default": null' not in json.dumps(document)
    patch = document["components"]["schemas"]["SessionPatch"]
    assert patch["properties"]["app"]["anyOf"][-1] == {"type": "null"} and "required" not in patch


def test_queries_have_their_defaults_their_choices_and_their_words(document: dict[str, Any]) -> None:
    parameters = {each["name"]: each for each in operations(document)["getSessionsMetadata"]["parameters"]}
    assert parameters["page_size"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    assert parameters["sort_direction"]["schema"]["enum"] == ["asc", "desc"]
    assert parameters["filter_title"]["description"]
    assert parameters["filter_updated_from"]["schema"] == {"type": "string", "format": "date-time"}
    assert parameters["status"]["explode"] is False
    # Existing clients send `cursor=`.
    assert all(each["allowEmptyValue"] and not each.get("required") for each in parameters.values())


def test_every_problem_has_its_media_type_and_its_schema(document: dict[str, Any]) -> None:
    for status, response in document["components"]["responses"].items():
        assert response["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
        assert response["description"], status
    problem = document["components"]["schemas"]["Problem"]
    assert {f"urn:savepoint:problem:{row.code}" for row in PROBLEM_TYPES.values()} == set(
        problem["properties"]["type"]["enum"]
    )
    assert {"type", "title", "status", "detail", "error"} == set(problem["required"])


def test_a_problem_is_described_only_where_it_is_possible(document: dict[str, Any]) -> None:
    found = operations(document)

    def titles(operation_id: str, status: str) -> str:
        description: str = found[operation_id]["responses"][status]["description"]
        return description

    assert titles("getSessionsMetadata", "400") == "Invalid cursor"
    assert titles("getSession", "422") == "Invalid request"
    assert titles("updateSession", "422") == "Invalid request; Idempotency key already used"
    assert titles("getSessionContent", "400") == "Invalid header"
    assert titles("putSessionContent", "400") == "Malformed body; Invalid header"
    assert titles("getMe", "403") == "Origin not allowed"
    for operation in found.values():
        for status, response in operation["responses"].items():
            shared = document["components"]["responses"].get(f"Problem{status}")
            if shared is not None:
                assert response["description"]
                assert set(response["description"].split("; ")) <= set(shared["description"].split("; "))


def test_no_schema_has_the_name_of_its_class_as_a_title(document: dict[str, Any]) -> None:
    assert not [name for name, schema in document["components"]["schemas"].items() if "title" in schema]


def test_what_is_open_to_all_asks_for_nobody(endpoints: list[Endpoint], document: dict[str, Any]) -> None:
    public = {each.name for each in endpoints if each.route.public}
    assert public == {
        *("get_health_live", "get_health_ready", "get_health_timers", "get_openapi", "get_docs"),
        *("get_client_config", "get_client_file", "get_workbench", "get_workbench_file"),
    }
    for operation in operations(document).values():
        statuses = set(operation["responses"])
        assert ("401" in statuses) == bool(operation["security"])


@pytest.mark.parametrize(
    ("mode", "scheme"),
    [
        (AuthMode.LOCAL, {"type": "apiKey", "in": "header", "name": "X-User-Id"}),
        (AuthMode.JWT, {"type": "http", "scheme": "bearer"}),
        (AuthMode.EASYAUTH, {"type": "apiKey", "in": "cookie", "name": "AppServiceAuthSession"}),
        (AuthMode.SWA, {"type": "apiKey", "in": "cookie", "name": "StaticWebAppsAuthCookie"}),
    ],
)
def test_each_mode_says_how_to_say_who_one_is(
    routes: list[Routes], mode: AuthMode, scheme: dict[str, str]
) -> None:
    document = describe(routes, "/api", mode, has_charge=False)
    [(name, described)] = document["components"]["securitySchemes"].items()
    assert described.items() >= scheme.items()
    required = operations(document)["getMe"]["security"]
    # On one machine, callers need not identify themselves.
    assert required == ([{name: []}, {}] if mode is AuthMode.LOCAL else [{name: []}])


def test_headers_that_are_read_are_described_and_the_reverse(endpoints: list[Endpoint]) -> None:
    assert {header for each in endpoints for header in each.route.reads} == set(REQUEST_HEADERS)


def test_an_etag_is_in_the_body_too_if_there_is_one(document: dict[str, Any]) -> None:
    # Pages of other origins may not see the header.
    elsewhere = {
        "createSession": "the body is the id; `Prefer: return=representation` returns the ETag, too",
        "getSessionContent": "the body is the content; the metadata has the ETag",
        "getSnapshotContent": "the body is the content, which never changes",
        "getClientFile": "browsers revalidate it themselves",
        "getWorkbench": "browsers revalidate it themselves",
        "getWorkbenchFile": "browsers revalidate it themselves",
    }
    schemas = document["components"]["schemas"]
    found = set()
    for id, operation in operations(document).items():
        for response in operation["responses"].values():
            if "ETag" not in response.get("headers", ()) or "content" not in response:
                continue
            [[media_type, content]] = response["content"].items()
            for schema in content["schema"].get("anyOf", [content["schema"]]):
                name = schema.get("$ref", "").rpartition("/")[2]
                members = schemas.get(name, {}).get("properties", {})
                if "metadata" in members:
                    members = schemas[members["metadata"]["$ref"].rpartition("/")[2]]["properties"]
                if "etag" not in members:
                    found.add(id)
                else:
                    assert media_type == "application/json"
    assert found == set(elsewhere)


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ({"extensions": {"http": {"routePrefix": "api"}}}, "/api"),
        ({"extensions": {"http": {"routePrefix": "/v1/x/"}}}, "/v1/x"),
        ({"extensions": {"http": {"routePrefix": ""}}}, ""),
        ({"version": "2.0"}, "/api"),
    ],
)
def test_paths_begin_with_what_the_host_puts_before_every_route(
    tmp_path: Path, host: dict[str, Any], prefix: str
) -> None:
    (tmp_path / "host.json").write_text(json.dumps(host))
    assert route_prefix(tmp_path / "host.json") == prefix


def _walk(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(each for inner in value.values() for each in _walk(inner))]
    if isinstance(value, list):
        return [each for inner in value for each in _walk(inner)]
    return [value]
