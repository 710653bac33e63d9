"""The OpenAPI 3.1 document, made from the endpoints as they are registered and from the models that they check
with: there is no second description to be kept in step."""

import importlib
import re
from collections.abc import Sequence
from typing import Any, TypeGuard

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema

from functions import VERSION
from functions.http.bodies import RawContent
from functions.http.endpoint import Endpoint
from functions.http.problems import PROBLEM_JSON
from functions.identity.settings import AuthMode
from functions.openapi.problem import Problem
from functions.openapi.rules import (
    ANSWER_HEADERS,
    PATH_PARAMETERS,
    REQUEST_HEADERS,
    Json,
    problem_headers,
    problem_titles,
    security,
    statuses,
    success_headers,
)
from functions.sessions.views import Nothing

ABOUT = """The save button of single-page apps: sessions, drafts, snapshots shared by link, and who opened them.

Every answer is `Cache-Control: no-store, private`. Whatever is no success is a problem (RFC 9457), whose `detail`
and `error.message` can be shown to a person; what is not described here at all, a path or a method, the host
answers with 404 and no body. Times are UTC. In a query an empty value counts as not given.
A save is protected from overwriting another by `If-Match` with the `etag` of what was read."""

_CHARGE = "Savepoint-Request-Charge"
_SCHEMAS = "#/components/schemas/"


class _Schemas(GenerateJsonSchema):
    """Without the titles that pydantic makes of the names of fields, and with readable names for generic models:
    `SessionMetadataPage` for `PageOf[SessionMetadata]`."""

    def normalize_name(self, name: str) -> str:
        generic = re.fullmatch(r"(\w+)Of\[(\w+)\]", name)
        return super().normalize_name(generic[2] + generic[1] if generic else name)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """A default of null is none: generated clients would have to send it, and in a merge patch it clears."""
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if (key, value) != ("default", None)}


def describe(endpoints: Sequence[Endpoint], prefix: str, auth_mode: AuthMode, *, has_charge: bool) -> Json:
    """The document of these endpoints under a path prefix such as `/api`. `has_charge` where answers carry what
    they cost."""
    scheme_name, scheme, required = security(auth_mode)
    schemas = _schemas(endpoints)
    queries = {endpoint.query: schemas.pop(endpoint.query.__name__) for endpoint in _with_query(endpoints)}
    always = (_CHARGE,) if has_charge else ()
    paths: dict[str, Json] = {}
    used: set[int] = set()
    for endpoint in endpoints:
        given = statuses(endpoint, auth_mode)
        used |= {status for status in given if status >= 400}
        operation: Json = {
            "operationId": operation_id(endpoint),
            "summary": endpoint.summary.removesuffix("."),
            "tags": [_tag(endpoint.module)],
            "security": [] if endpoint.public else required,
            "parameters": _parameters(endpoint, queries.get(endpoint.query)),
            "responses": {str(status): _response(endpoint, status, endpoints, always) for status in given},
        }
        if endpoint.body is not None:
            operation["requestBody"] = _request_body(endpoint.body, endpoint.media_types)
        paths.setdefault(f"{prefix}/{endpoint.route}", {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Savepoint",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [_tag_object(module) for module in dict.fromkeys(endpoint.module for endpoint in endpoints)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {_key(name): _header_parameter(name) for name in _read_headers(endpoints)},
            "responses": {f"Problem{status}": _problem(status, always) for status in sorted(used)},
            "securitySchemes": {scheme_name: scheme},
        },
    }


def operation_id(endpoint: Endpoint) -> str:
    """What generated clients call it: `getSession` for `get_session`."""
    return to_camel(endpoint.name)


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Json]:
    """The schema of every model by its name, those of queries among them."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    models += [(endpoint.query, "validation") for endpoint in _with_query(endpoints)]
    for endpoint in endpoints:
        if endpoint.body not in (None, RawContent):
            models.append((endpoint.body, "validation"))
        for model in (endpoint.answer, endpoint.representation):
            if _is_model(model):
                models.append((model, "serialization"))
    unique = list(dict.fromkeys(models))
    _, document = models_json_schema(unique, ref_template=_SCHEMAS + "{model}", schema_generator=_Schemas)
    schemas: dict[str, Json] = document["$defs"]
    return schemas


def _with_query(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """One endpoint for each query model."""
    return list({endpoint.query: endpoint for endpoint in endpoints if endpoint.query is not Nothing}.values())


def _is_model(model: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _SCHEMAS + model.__name__}


def _key(header: str) -> str:
    return header.replace("-", "")


def _tag(module: str) -> str:
    return module.removesuffix(".endpoints").rpartition(".")[2].replace("_", " ")


def _tag_object(module: str) -> Json:
    text = importlib.import_module(module).__doc__ or ""
    return {"name": _tag(module), "description": " ".join(text.split())}


def _read_headers(endpoints: Sequence[Endpoint]) -> list[str]:
    return [name for name in REQUEST_HEADERS if any(name in endpoint.reads for endpoint in endpoints)]


def _header_parameter(name: str) -> Json:
    return {"name": name, "in": "header", **REQUEST_HEADERS[name]}


def _parameters(endpoint: Endpoint, query: Json | None) -> list[Json]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]}
        for name in _path_parameters(endpoint)
    ]
    for name, schema in (query or {}).get("properties", {}).items():
        parameters.append(_query_parameter(name, schema))
    parameters += [{"$ref": f"#/components/parameters/{_key(name)}"} for name in endpoint.reads]
    return parameters


def _query_parameter(name: str, schema: Json) -> Json:
    """A query parameter cannot be null: it is left out."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": "null"}]
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "description")}
    if len(arms) == 1:
        kept = arms[0] | {key: value for key, value in kept.items() if value is not None}
    # Empty values count as not given, and existing clients send them.
    parameter: Json = {"name": name, "in": "query", "schema": kept, "allowEmptyValue": True}
    if "description" in schema:
        parameter["description"] = schema["description"]
    if kept.get("type") == "array":
        parameter |= {"style": "form", "explode": False}
    return parameter


def _request_body(model: type[BaseModel], media_types: Sequence[str]) -> Json:
    if model is RawContent:
        return {
            "required": True,
            "description": "The content itself, as UTF-8, with its own Content-Type, which is kept. "
            "`Content-Encoding: gzip` is welcome.",
            "content": {media_type: {"schema": {"type": "string"}} for media_type in media_types},
        }
    return {"required": True, "content": {media_type: {"schema": _ref(model)} for media_type in media_types}}


def _response(endpoint: Endpoint, status: int, endpoints: Sequence[Endpoint], always: Sequence[str]) -> Json:
    if status >= 400:
        return {"$ref": f"#/components/responses/Problem{status}"}
    response: Json = {
        "description": _SUCCESSES[status],
        "headers": _headers(success_headers(endpoint, status), always),
    }
    if status not in (204, 304):
        response["content"] = _success_content(endpoint)
        response["links"] = _links(endpoint, endpoints)
    return {key: value for key, value in response.items() if value}


def _links(source: Endpoint, endpoints: Sequence[Endpoint]) -> Json:
    """Where one can go on: all that takes in its path what the source gives, and nothing else."""
    return {
        operation_id(target): {"operationId": operation_id(target), "parameters": dict(source.gives)}
        for target in endpoints
        if source.gives and set(_path_parameters(target)) == source.gives.keys() and target is not source
    }


def _path_parameters(endpoint: Endpoint) -> list[str]:
    return [part[1:-1] for part in endpoint.route.split("/") if part.startswith("{")]


_SUCCESSES = {200: "Done", 201: "Made", 204: "Done; there is no more to say", 304: "What you have is still right"}


def _success_content(endpoint: Endpoint) -> Json:
    schema: Json
    if endpoint.answer is bytes:
        schema = {} if endpoint.produces == "application/json" else {"type": "string"}
    elif endpoint.answer is str:
        schema = {"type": "string"}
    else:
        assert _is_model(endpoint.answer), f"{endpoint.name} answers {endpoint.status} and does not say what"
        schema = _ref(endpoint.answer)
    if endpoint.representation is not None:
        schema = {"anyOf": [schema, _ref(endpoint.representation)]}
    return {endpoint.produces: {"schema": schema}}


def _problem(status: int, always: Sequence[str]) -> Json:
    return {
        "description": problem_titles(status),
        "headers": _headers(problem_headers(status), always),
        "content": {PROBLEM_JSON: {"schema": _ref(Problem)}},
    }


def _headers(names: Sequence[str], always: Sequence[str]) -> Json:
    return {name: {"schema": {"type": "string"}, **ANSWER_HEADERS[name]} for name in (*names, *always)}
