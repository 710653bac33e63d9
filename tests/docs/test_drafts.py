"""The requests in docs/drafts.md, sent in order, get the responses that the page shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from functions.app import build_app
from persistence import Stores
from tests.conftest import SETTINGS
from tests.support.http import Client

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "drafts.md").read_text()
ANY = "…"
"""Stands in the page for a value that differs each time."""


def examples() -> Iterator[tuple[str, str, dict[str, str], Any, int, Any]]:
    """Yields method, address, headers, body, status, and the part of the response that the page shows."""
    for block in re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL):
        asked, *body, answered = block.strip().split("\n\n")
        first, *headers = asked.splitlines()
        status, *shown = answered.splitlines()
        method, address = first.split(" ")
        yield (
            method,
            address,
            dict(header.split(": ", 1) for header in headers),
            json.loads(body[0]) if body else None,
            int(status),
            json.loads(shown[0]) if shown else None,
        )


def assert_shows(shown: Any, real: Any, where: str) -> None:
    """Compares a response with the page. The page may leave out members, but no item of a list."""
    if isinstance(shown, dict):
        assert shown.keys() <= real.keys(), where
        for name, value in shown.items():
            assert_shows(value, real[name], f"{where}, {name}")
    elif isinstance(shown, list):
        assert len(shown) == len(real), where
        for one, other in zip(shown, real, strict=True):
            assert_shows(one, other, where)
    elif shown == ANY:
        assert real is not None, where
    else:
        assert shown == real, where


async def test_every_example_is_answered_as_the_page_says(stores: Stores) -> None:
    client = Client(stores, SETTINGS)
    sent = 0
    for method, address, headers, body, status, shown in examples():
        parts = urlsplit(address)
        path = parts.path.removeprefix("/api/")
        answer = await client.call(method, path, body, headers, dict(parse_qsl(parts.query)))
        assert answer.status == status, (method, address, answer.body)
        if shown is None:
            assert answer.body == b"", (method, address)
        else:
            assert_shows(shown, answer.json, f"{method} {address}")
        sent += 1
    assert sent > 10


def test_the_page_has_an_example_of_every_call(stores: Stores) -> None:
    ids = re.compile("V1StGXR8_Z5j|4f90d13a42xy")
    asked = {(method, ids.sub("id", urlsplit(address).path)) for method, address, *_ in examples()}
    for function in build_app(stores, SETTINGS.app_rules()).get_functions():
        trigger = function.get_trigger()
        route = getattr(trigger, "route", None)
        shown = "/drafts|/trash|/restore|/revisions|/(close|reopen|validate|touch)$"
        if route is None or not re.search(shown, route):
            continue
        [method] = {str(getattr(each, "value", each)) for each in getattr(trigger, "methods", [])} - {"HEAD"}
        address = re.sub(r"\{version\}", "1", re.sub(r"\{\w+_id\}", "id", route))
        assert (method, f"/api/{address}") in asked, route
