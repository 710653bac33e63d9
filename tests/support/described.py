"""Checks every response of the tests against the API description."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from openapi_schema_validator import OAS31Validator

from functions.openapi.rules import REQUEST_HEADERS

ALWAYS = {"cache-control", "content-type", "x-content-type-options", "access-control-expose-headers"}
_READABLE = {name.lower(): name for name in REQUEST_HEADERS}


class Described:
    """An OpenAPI document to check responses against."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._validators: dict[str, OAS31Validator] = {}

    def check(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes, read: set[str]
    ) -> None:
        """Raises AssertionError if the operation at a path template does not describe this response.

        Its status, type, headers and body are checked, and that the operation declares every header in `read`.
        The response to HEAD is that to GET without its body.
        """
        is_head = method == "HEAD"
        operation = self._document["paths"][path]["get" if is_head else method.lower()]
        name = operation["operationId"]
        taken = {self._resolved(each)["name"] for each in operation["parameters"]}
        undeclared = {_READABLE[one] for one in read if one in _READABLE} - taken
        assert not undeclared, f"{name} reads {undeclared}, which is not described"
        assert str(status) in operation["responses"], f"the status {status} of {name} is not described"
        response = self._resolved(operation["responses"][str(status)])
        for header, about in response.get("headers", {}).items():
            assert header.lower() in headers or not about.get("required"), f"{name} {status} lacks {header}"
        described = {header.lower() for header in response.get("headers", ())} | ALWAYS
        if is_head:
            described.add("content-length")
        assert not headers.keys() - described, (
            f"the headers {headers.keys() - described} of {name} {status} are not described"
        )
        content = response.get("content")
        if content is None or is_head:
            assert body == b"", f"{name} {status} is described as having no body"
            return
        media_type = headers["content-type"].split(";")[0]
        assert media_type in content or "*/*" in content, f"the type {media_type} of {name} is not described"
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
    """Headers that remember which of them were read."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers, self.read = headers, set[str]()

    def __getitem__(self, name: str) -> str:
        self.read.add(name.lower())
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)
