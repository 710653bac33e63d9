"""The responses in docs/my-data.md have the real shape."""

import json
import re
from pathlib import Path
from typing import Any

from persistence import Stores
from tests.conftest import SETTINGS
from tests.support.http import NEW, Client, assert_ok

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "my-data.md").read_text()
BASE = "persistence"


def shown(call: str) -> list[dict[str, Any]]:
    """Returns the values in the response to a call, one per line."""
    [block] = [block for block in re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL) if block.startswith(call)]
    status, *lines = block.strip().split("\n\n")[1].splitlines()
    assert status == "200"
    return [json.loads(line) for line in lines]


def assert_has(real: Any, example: Any) -> None:
    """The page may leave out members, but shows none that does not exist."""
    if isinstance(example, dict):
        assert example.keys() <= real.keys()
        for name, value in example.items():
            assert_has(real[name], value)
    else:
        assert type(real) is type(example)


async def test_the_examples_have_the_shape_of_the_answers(stores: Stores) -> None:
    client = Client(stores, SETTINGS, user="local-user")
    assert_ok(await client.post(f"{BASE}/sessions", NEW), 201)
    assert_ok(await client.post(f"{BASE}/snapshots", {**NEW, "content": "x"}), 201)
    [usage] = shown("GET /api/persistence/usage")
    assert_has(assert_ok(await client.get(f"{BASE}/usage")).json, usage)
    export = [json.loads(line) for line in assert_ok(await client.get(f"{BASE}/export")).body.splitlines()]
    examples = shown("GET /api/persistence/export")
    assert [line["kind"] for line in export] == [example["kind"] for example in examples]
    for line, example in zip(export, examples, strict=True):
        assert_has(line, example)
    [erasure] = shown("DELETE /api/persistence/me")
    confirmed = {"savepoint-confirm": "local-user"}
    assert_has(assert_ok(await client.call("DELETE", f"{BASE}/me", headers=confirmed)).json, erasure)
