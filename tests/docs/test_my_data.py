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


def has(real: Any, example: Any) -> bool:
    """The page may leave out members, but shows none that does not exist."""
    if isinstance(example, dict):
        return all(name in real and has(real[name], value) for name, value in example.items())
    if isinstance(example, list):
        return bool(real) and all(has(real[0], one) for one in example)
    return type(real) is type(example) or real is None


async def test_the_examples_have_the_shape_of_the_answers(stores: Stores) -> None:
    client = Client(stores, SETTINGS, user="local-user")
    id = assert_ok(await client.post(f"{BASE}/sessions", NEW), 201).json
    assert_ok(await client.put(f"{BASE}/sessions/{id}", {"content": "two"}), 200)
    assert_ok(await client.post(f"{BASE}/snapshots", {**NEW, "content": "x"}), 201)
    [usage] = shown("GET /api/persistence/usage")
    assert has(assert_ok(await client.get(f"{BASE}/usage")).json, usage)
    [activity] = shown("GET /api/persistence/activity")
    assert has(assert_ok(await client.get(f"{BASE}/activity", page_size="1")).json, activity)
    export = [json.loads(line) for line in assert_ok(await client.get(f"{BASE}/export")).body.splitlines()]
    examples = shown("GET /api/persistence/export")
    assert list(dict.fromkeys(line["kind"] for line in export)) == [example["kind"] for example in examples]
    for example in examples:
        assert any(line["kind"] == example["kind"] and has(line, example) for line in export)
    [erasure] = shown("DELETE /api/persistence/me")
    confirmed = {"savepoint-confirm": "local-user"}
    assert has(assert_ok(await client.call("DELETE", f"{BASE}/me", headers=confirmed)).json, erasure)
