"""The models follow the API description."""

import base64
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel
from savepoint_client import wire

from tests.devhost.server import REPOSITORY

DOCUMENT = json.loads((REPOSITORY / "tests/openapi/before.local.json").read_text())
RECORDED = dict(json.loads((REPOSITORY / "tests/before/responses.json").read_text()))


def test_p42_the_models_are_in_step_with_the_description() -> None:
    made = subprocess.run(
        [sys.executable, "clients/python/generate.py", "--check"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert made.returncode == 0, f"python clients/python/generate.py\n{made.stdout}{made.stderr}"


def test_p42_each_example_is_read_and_written_the_same(origin: str) -> None:
    description = httpx.get(f"{origin}/api/openapi.json", trust_env=False).json()
    schemas = description["components"]["schemas"]
    found = [(name, each) for name, schema in schemas.items() for each in schema.get("examples", ())]
    assert len(found) > 10
    for name, value in found:
        assert written(name, value) == value


def recorded() -> Iterator[tuple[str, Any]]:
    """Yields the bodies that an earlier commit responded with, and the name of the model of each."""
    paths = {
        re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$"): operations
        for path, operations in DOCUMENT["paths"].items()
    }
    for exchange in (each for part in RECORDED.values() for each in part["exchanges"]):
        method, _, url = exchange["call"].partition(" ")
        response = exchange["response"]
        operations: dict[str, Any] = next(
            (it for path, it in paths.items() if path.match(url.partition("?")[0])), {}
        )
        described = operations.get(method.lower(), {"responses": {}})["responses"].get(str(response["status"]), {})
        schema = described.get("content", {}).get("application/json", {}).get("schema", {})
        body = response.get("body")
        if "$ref" in schema and body:
            text = gzip.decompress(base64.b64decode(body["gzip"])).decode() if isinstance(body, dict) else body
            if "(varies)" not in text:
                yield schema["$ref"].rpartition("/")[2], json.loads(text)


def test_p42_each_recorded_response_and_its_nulls_are_read_and_written_the_same() -> None:
    bodies = list(recorded())
    assert len(bodies) > 50 and len({name for name, _ in bodies}) > 8
    assert any("null" in json.dumps(body) for _, body in bodies)
    for name, body in bodies:
        assert written(name, body) == body


def written(name: str, value: Any) -> Any:
    model: type[BaseModel] = getattr(wire, name)
    return json.loads(model.model_validate(value).model_dump_json(by_alias=True, exclude_unset=True))
