"""Makes the OpenAPI 3.1 document from the declared endpoints and the models that check requests.

There is no second description to keep up to date.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema

from functions import VERSION
from functions.http.bodies import RAW_BODIES, RawContent, RawDelta, RawLines
from functions.http.call import NOT_MODIFIED
from functions.http.endpoint import Endpoint, Routes
from functions.http.problems import PROBLEM_JSON
from functions.http.views import Nothing
from functions.identity.settings import AuthMode
from functions.openapi.problem import Problem
from functions.openapi.rules import (
    BASE_ETAG,
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    Json,
    problem_headers,
    problem_titles,
    security,
    statuses,
    success_headers,
    titles_at,
)

ABOUT = """The save button of single-page apps: sessions, drafts, snapshots shared by link, and who opened them.

Every response is `Cache-Control: no-store, private`, except the files of the browser module. Every error is a
problem (RFC 9457). Its `detail` and `error.message` can be shown to users. Every path with GET takes HEAD, too:
the response is the same without its body, and nothing counts as opened. Below `persistence/`, an unknown path is
404, and an unknown method is 405 with `Allow`. Times are UTC. An empty query parameter counts as not sent.
A title, an app or a name must have a character that can be seen.
Every body can be sent with `Content-Encoding: gzip`. Limits count its bytes after unpacking.
To avoid overwriting changes of others, send `If-Match` with the `etag` that you read."""

_CHARGE = "Savepoint-Request-Charge"
_SCHEMAS = "#/components/schemas/"
_LINES: Json = {"type": "string", "examples": ['{"kind": "end", "pageToken": null}']}
_DELTA: Json = {"type": "string", "examples": ["5\n1@0,1:e3@2,3NPMmh;"]}
_SUCCESSES = {200: "OK", 201: "Created", 204: "No content", NOT_MODIFIED: "Not modified"}


class _Schemas(GenerateJsonSchema):
    """Names schemas without the suffixes of class names, and leaves out the titles that pydantic makes."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(_schema_name(name))

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """Leaves out a default of null: generated clients would send it, and in a merge patch it clears."""
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if (key, value) != ("default", None)}


def describe(routes: Sequence[Routes], prefix: str, auth_mode: AuthMode, *, has_charge: bool) -> Json:
    """Returns the document of these routes below a path prefix such as `/api`.

    `has_charge` says whether responses have the header Savepoint-Request-Charge.
    """
    scheme_name, scheme, required = security(auth_mode)
    endpoints = [endpoint for each in routes for endpoint in each.endpoints]
    schemas = _schemas(endpoints)
    queries = {model: schemas.pop(model.__name__) for model in _queries(endpoints)}
    always = (_CHARGE,) if has_charge else ()
    paths: dict[str, Json] = {}
    used: set[int] = set()
    for endpoint in endpoints:
        possible = statuses(endpoint)
        used |= {status for status in possible if status >= 400}
        paths.setdefault(f"{prefix}/{endpoint.path}", {})[endpoint.route.method.lower()] = {
            **_operation(endpoint, queries.get(endpoint.query)),
            "security": [] if endpoint.route.public else required,
            "responses": {
                str(status): _response(endpoint, status, endpoints, always, auth_mode) for status in possible
            },
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Savepoint",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": each.tag, "description": each.description} for each in routes],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {_key(name): _header_parameter(name) for name in _read_headers(endpoints)},
            "responses": {f"Problem{status}": _problem(status, always) for status in sorted(used)},
            "securitySchemes": {scheme_name: scheme},
        },
    }


def _operation(endpoint: Endpoint, query: Json | None) -> Json:
    operation: Json = {
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary.removesuffix("."),
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint, query),
    }
    if endpoint.body is not None:
        operation["requestBody"] = _request_body(endpoint.body, endpoint.route.media_types)
    return operation


def operation_id(endpoint: Endpoint) -> str:
    """Returns the name in generated clients: `getSession` for `get_session`."""
    return to_camel(endpoint.name)


def _schema_name(model: str) -> str:
    """Returns `Session` for `SessionView`, and `SessionPage` for `PageOf[SessionView]`."""
    if generic := re.fullmatch(r"(\w+)Of\[(\w+)\]", model):
        return _schema_name(generic[2]) + generic[1]
    return model.removesuffix("View").removesuffix("Body")


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Json]:
    """Returns the schema of every model by its name, those of queries included."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    models += [(model, "validation") for model in _queries(endpoints)]
    for endpoint in endpoints:
        if endpoint.body is not None and endpoint.body not in RAW_BODIES:
            models.append((endpoint.body, "validation"))
        others = [model for some in endpoint.route.other_successes.values() for model in some]
        models += [(model, "serialization") for model in (*endpoint.models, *others) if _is_model(model)]
    unique = list(dict.fromkeys(models))
    _, document = models_json_schema(unique, ref_template=_SCHEMAS + "{model}", schema_generator=_Schemas)
    schemas: dict[str, Json] = document["$defs"]
    # The title of a schema is the name of its class.
    return {
        name: {key: value for key, value in schema.items() if key != "title"} for name, schema in schemas.items()
    }


def _queries(endpoints: Sequence[Endpoint]) -> list[type[BaseModel]]:
    return [model for model in dict.fromkeys(endpoint.query for endpoint in endpoints) if model is not Nothing]


def _is_model(model: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _SCHEMAS + _schema_name(model.__name__)}


def _key(header: str) -> str:
    return header.replace("-", "")


def _read_headers(endpoints: Sequence[Endpoint]) -> list[str]:
    return [name for name in REQUEST_HEADERS if any(name in endpoint.route.reads for endpoint in endpoints)]


def _header_parameter(name: str) -> Json:
    return {"name": name, "in": "header", **REQUEST_HEADERS[name]}


def _parameters(endpoint: Endpoint, query: Json | None) -> list[Json]:
    parameters = [
        {
            "name": one.name,
            "in": "path",
            "required": True,
            "description": one.description,
            "schema": dict(one.schema),
        }
        for one in endpoint.parameters
    ]
    for name, schema in (query or {}).get("properties", {}).items():
        parameters.append(_query_parameter(name, schema, is_required=name in (query or {}).get("required", ())))
    return parameters + [_header(endpoint, name) for name in endpoint.route.reads]


def _header(endpoint: Endpoint, name: str) -> Json:
    if name == "If-Match" and endpoint.route.needs_base:
        return {"name": name, "in": "header", **BASE_ETAG}
    return {"$ref": f"#/components/parameters/{_key(name)}"}


def _query_parameter(name: str, schema: Json, *, is_required: bool) -> Json:
    """Leaves out null: a query parameter cannot be null, only absent."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": "null"}]
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "description")}
    if len(arms) == 1:
        kept = arms[0] | {key: value for key, value in kept.items() if value is not None}
    parameter: Json = {"name": name, "in": "query", "schema": kept}
    # Empty values count as not sent, and existing clients send them.
    parameter |= {"required": True} if is_required else {"allowEmptyValue": True}
    if "description" in schema:
        parameter["description"] = schema["description"]
    if kept.get("type") == "array":
        parameter |= {"style": "form", "explode": False}
    return parameter


def _request_body(model: type[BaseModel], media_types: Sequence[str]) -> Json:
    if model is RawContent:
        return {
            "required": True,
            "description": "The content itself, in UTF-8. Its Content-Type is stored with it.",
            "content": {media_type: {"schema": {"type": "string"}} for media_type in media_types},
        }
    if model is RawDelta:
        return {
            "required": True,
            "description": "A delta in the format of Fossil SCM, over the bytes in UTF-8. The npm package "
            "`fossil-delta` makes it. At most 512 KiB and 100,000 commands. The example makes `hello` of `hallo`.",
            "content": {media_type: {"schema": _DELTA} for media_type in media_types},
        }
    if model is RawLines:
        return {
            "required": True,
            "description": "A page of an export: JSON values, one a line. At most 8,000,000 bytes.",
            "content": {media_type: {"schema": _LINES} for media_type in media_types},
        }
    return {"required": True, "content": {media_type: {"schema": _ref(model)} for media_type in media_types}}


def _response(
    endpoint: Endpoint, status: int, endpoints: Sequence[Endpoint], always: Sequence[str], auth_mode: AuthMode
) -> Json:
    if status >= 400:
        titles = titles_at(endpoint, status, auth_mode)
        return {"$ref": f"#/components/responses/Problem{status}", "description": titles}
    response: Json = {
        "description": _SUCCESSES[status],
        "headers": _headers(success_headers(endpoint, status), always),
    }
    if status not in (204, NOT_MODIFIED):
        response["content"] = {endpoint.route.produces: {"schema": _success_schema(endpoint, status)}}
        response["links"] = _links(endpoint, endpoints)
    return {key: value for key, value in response.items() if value}


def _success_schema(endpoint: Endpoint, status: int) -> Json:
    models = endpoint.route.other_successes.get(status, endpoint.models)
    schemas = [_response_schema(endpoint, model) for model in models]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _response_schema(endpoint: Endpoint, model: type) -> Json:
    if _is_model(model):
        return _ref(model)
    # Bytes of JSON can hold any value.
    return {} if model is bytes and endpoint.route.produces == "application/json" else {"type": "string"}


def _links(source: Endpoint, endpoints: Sequence[Endpoint]) -> Json:
    """Links to every operation that has exactly these path parameters."""
    parameters: Mapping[str, str] = source.route.leads_to
    return {
        operation_id(target): {"operationId": operation_id(target), "parameters": dict(parameters)}
        for target in endpoints
        if parameters and {one.name for one in target.parameters} == parameters.keys() and target is not source
    }


def _problem(status: int, always: Sequence[str]) -> Json:
    return {
        "description": problem_titles(status),
        "headers": _headers(problem_headers(status), always),
        "content": {PROBLEM_JSON: {"schema": _ref(Problem)}},
    }


def _headers(names: Sequence[str], always: Sequence[str]) -> Json:
    return {name: {"schema": {"type": "string"}, **RESPONSE_HEADERS[name]} for name in (*names, *always)}
