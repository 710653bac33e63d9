"""Every link of the API description works: the next call accepts the values of the response."""

import re
from collections.abc import Mapping
from typing import Any

from tests.openapi.conftest import OTHERWISE, operations
from tests.support.http import Client, Response

CONTENT = {"title": "First", "description": None, "content": "one"}
BODIES: Mapping[str, Any] = {
    "createSession": CONTENT,
    "createSnapshot": CONTENT,
    "putDraft": {"content": "two"},
    "updateSession": {"content": "two"},
    "patchSession": {"title": "Second"},
    "putSessionContent": b"two",
    "patchSessionContent": b"5\n1@0,1:e3@2,3NPMmh;",
    "copySession": {},
    "nameSessionRevision": {"name": "Before"},
}
HEADERS = {
    "patchSessionContent": {
        "content-type": "application/x-fossil-delta",
        "if-match": '"3-9f86d081884c7d65"',
        "patched-digest": "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
    }
}


def linked(document: dict[str, Any]) -> list[tuple[str, str, Mapping[str, str]]]:
    """Returns the source, the target and the parameters of each link."""
    return [
        (source, link["operationId"], link["parameters"])
        for source, operation in operations(document).items()
        for status, response in operation["responses"].items()
        for link in response.get("links", {}).values()
        if status != "201" or source != "putDraft"  # the same as for its 200
    ]


async def begin(client: Client, document: dict[str, Any], source: str) -> tuple[Response, dict[str, str]]:
    """Returns the response of an operation on something new, and its path parameters."""
    path: dict[str, str] = {}
    if source in ("putDraft", "promoteDraft"):
        path = {"draft_id": "madeByClient"}
        assert (await call(client, document, "putDraft", path)).status == 201
    if source in ("getSessionRevisions", "copySession"):
        path = {"session_id": (await call(client, document, "createSession", {})).json}
    return await call(client, document, source, path), path


async def call(client: Client, document: dict[str, Any], id: str, path: Mapping[str, Any]) -> Response:
    operation = operations(document)[id]
    filled = re.sub(r"\{(\w+)\}", lambda found: str(path[found[1]]), operation["path"])
    method, path_below = operation["method"].upper(), filled.removeprefix("/api/")
    return await client.call(method, path_below, BODIES.get(id), HEADERS.get(id))


def evaluated(expression: str, response: Response, path: Mapping[str, str]) -> Any:
    """Evaluates an OpenAPI runtime expression of the kinds that are used."""
    if expression.startswith("$request.path."):
        return path[expression.removeprefix("$request.path.")]
    assert expression.startswith("$response.body"), expression
    value = response.json
    for step in expression.partition("#")[2].split("/")[1:]:
        value = value[int(step) if isinstance(value, list) else step]
    return value


async def test_every_link_leads_where_it_says(client: Client, document: dict[str, Any]) -> None:
    followed = linked(document)
    for number, (source, target, parameters) in enumerate(followed):
        person = client.of(f"person-{number}")
        response, path = await begin(person, document, source)
        assert response.status in (200, 201), (source, response.body)
        given = {name: evaluated(each, response, path) for name, each in parameters.items()}
        answer = await call(person, document, target, given)
        done = answer.status == OTHERWISE[target] if target in OTHERWISE else answer.status < 300
        assert done, (source, target, answer.status, answer.body)
    assert {source for source, _, _ in followed} == {
        "createSession",
        "createSnapshot",
        "putDraft",
        "promoteDraft",
        "getSessionRevisions",
        "copySession",
    }


def test_whatever_has_an_id_in_its_path_can_be_reached_by_a_link(document: dict[str, Any]) -> None:
    reached = {target for _, target, _ in linked(document)}
    with_parameters = {id for id, operation in operations(document).items() if "{" in operation["path"]}
    assert reached == with_parameters - {"putDraft", "getClientFile", "getWorkbenchFile"}
