"""The models follow the API description."""

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel
from savepoint_client import wire

from tests.devhost.server import REPOSITORY

DOCUMENT = json.loads((REPOSITORY / "tests/openapi/before.local.json").read_text())


def test_p42_the_models_are_in_step_with_the_description() -> None:
    made = subprocess.run(
        [sys.executable, "clients/python/generate.py", "--check"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert made.returncode == 0, f"python clients/python/generate.py\n{made.stdout}{made.stderr}"


def examples() -> list[Any]:
    """Each example of a body that has a model, under the name of that."""
    found = []
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                body = _resolved(body)
                for media_type, content in body.get("content", {}).items():
                    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                    given = {"example": {"value": content.get("example")}, **content.get("examples", {})}
                    for key, example in given.items():
                        value = _resolved(example).get("value")
                        if value is not None and name and "json" in media_type and hasattr(wire, name):
                            found.append(pytest.param(name, value, id=f"{method} {path} {name} {key}"))
    return found


def _resolved(it: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in it:
        kind, name = it["$ref"].split("/")[-2:]
        it = DOCUMENT["components"][kind][name]
    return it


@pytest.mark.parametrize(("name", "value"), examples())
def test_p42_each_example_is_read_and_written_the_same(name: str, value: Any) -> None:
    model: type[BaseModel] = getattr(wire, name)
    read = model.model_validate(value)
    assert json.loads(read.model_dump_json(by_alias=True, exclude_unset=True)) == value


def test_p42_there_are_examples_with_nulls() -> None:
    values = [each.values[1] for each in examples()]
    assert len(values) > 20 and any("null" in json.dumps(value) for value in values)
