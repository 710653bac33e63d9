"""An example call of each operation, as a shell command."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from functions.http.bodies import ANY_TYPE

Json = Mapping[str, Any]


def curl(document: Json, path: str, method: str, operation: Json) -> str:
    """Returns a command that works if `$SAVEPOINT_URL` is the server's origin and each `<...>` was replaced."""
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    if operation["security"]:
        words += ["-H", _identity(document)]
    for each in operation["parameters"]:
        parameter = resolved(document, each)
        if parameter["in"] == "header" and parameter.get("required"):
            words += ["-H", f"{parameter['name']}: {parameter.get('example', '<...>')}"]
    media_types = operation.get("requestBody", {}).get("content", {})
    for media_type, body in list(media_types.items())[:1]:
        schema = resolved(document, body["schema"])
        [example, *_] = schema.get("examples", ["the content"])
        words += ["-H", f"Content-Type: {'text/plain' if media_type == ANY_TYPE else media_type}"]
        words += ["--data-binary", example if isinstance(example, str) else json.dumps(example)]
    url = "$SAVEPOINT_URL" + path.replace("{", "<").replace("}", ">") + _query(document, operation)
    return " ".join([*map(shlex.quote, words), f'"{url}"'])


def _query(document: Json, operation: Json) -> str:
    """Returns the parameters of the query that are required, each with its first example."""
    parameters = [resolved(document, each) for each in operation["parameters"]]
    required = [each for each in parameters if each["in"] == "query" and each.get("required")]
    pairs = [f"{each['name']}={each['schema']['examples'][0]}" for each in required]
    return "?" + "&".join(pairs) if pairs else ""


def resolved(document: Json, value: Json) -> Json:
    """Returns the target of a reference into the components; any other value as it is."""
    if "$ref" not in value:
        return value
    _, _, kind, name = value["$ref"].split("/")
    found: Json = document["components"][kind][name]
    return found


def _identity(document: Json) -> str:
    """Returns the header that identifies the caller."""
    [scheme] = document["components"]["securitySchemes"].values()
    if scheme["type"] == "http":
        return "Authorization: Bearer <token>"
    if scheme["in"] == "cookie":
        return f"Cookie: {scheme['name']}=<...>"
    return f"{scheme['name']}: ann"
