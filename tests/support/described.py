"""Holds every answer of the tests against the API's own description."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from openapi_schema_validator import OAS31Validator

from functions.openapi.rules import REQUEST_HEADERS

ALWAYS = {"cache-control", "content-type", "x-content-type-options"}
_READABLE = {name.lower(): name for name in REQUEST_HEADERS}


class Described:
    """What an OpenAPI document says of each operation."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._validators: dict[str, OAS31Validator] = {}

    def check(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes, read: set[str]
    ) -> None:
        """AssertionError unless an answer has a status, a type, headers and a body that the operation at that
        path template is said to give, and only such conditions of the request were read that it says it reads."""
        operation = self._document["paths"][path][method.lower()]
        name = operation["operationId"]
        taken = {self._resolved(each)["name"] for each in operation["parameters"]}
        unsaid = {_READABLE[one] for one in read if one in _READABLE} - taken
        assert not unsaid, f"{name} looks at {unsaid} and does not say so"
        assert str(status) in operation["responses"], f"{name} does not say that it answers {status}"
        response = self._resolved(operation["responses"][str(status)])
        for header, about in response.get("headers", {}).items():
            assert header.lower() in headers or not about.get("required"), f"{name} {status} lacks {header}"
        told = {header.lower() for header in response.get("headers", ())} | ALWAYS
        assert not headers.keys() - told, f"{name} does not say that {status} has {headers.keys() - told}"
        content = response.get("content")
        if content is None:
            assert body == b"", f"{name} says that {status} has no body"
            return
        media_type = headers["content-type"].split(";")[0]
        assert media_type in content or "*/*" in content, f"{name} does not say that it answers {media_type}"
        if media_type in content and media_type.endswith(("/json", "+json")):
            faults = [
                error.message[:500] for error in self._faults(content[media_type]["schema"], orjson.loads(body))
            ]
            assert not faults, f"{name} {status}: {faults}"

    def _faults(self, schema: Mapping[str, Any], value: Any) -> Iterator[Any]:
        key = str(schema)
        if key not in self._validators:
            self._validators[key] = OAS31Validator({**schema, "components": self._document["components"]})
        yield from self._validators[key].iter_errors(value)

    def _resolved(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in value:
            return value
        kind, name = value["$ref"].split("/")[-2:]
        resolved: Mapping[str, Any] = self._document["components"][kind][name]
        return resolved


class Recorded(Mapping[str, str]):
    """Headers that remember which of them were asked for."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers, self.read = headers, set[str]()

    def __getitem__(self, name: str) -> str:
        self.read.add(name.lower())
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)
