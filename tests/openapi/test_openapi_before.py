"""The API description has not changed: paths, operations, parameters, bodies, responses, headers, links, schemas.

Texts may change: summaries, descriptions, titles, examples, tags. After an intended change of the API:

    python -m tests.openapi.before
"""

import difflib

import pytest

from tests.openapi.before import MODES, described, path_of, to_text, without_words


@pytest.mark.parametrize("mode", MODES)
def test_the_description_is_what_it_was(mode: str) -> None:
    before, after = path_of(mode).read_text().splitlines(), to_text(described(mode)).splitlines()
    told = "\n".join([*difflib.unified_diff(before, after, "before", "now", lineterm="")][:80])
    assert not told, told


def test_words_and_the_order_of_names_are_not_compared() -> None:
    schema = {"title": "A", "description": "b", "examples": [1], "type": "object", "required": ["title", "tags"]}
    named = {"properties": {"title": {"type": "string", "title": "Title"}, "tags": {"description": "c"}}}
    assert without_words({**schema, **named}) == {
        "type": "object",
        "required": ["tags", "title"],
        "properties": {"title": {"type": "string"}, "tags": {}},
    }


def test_everything_else_is_compared() -> None:
    operation = {
        "operationId": "getThing",
        "summary": "Words",
        "tags": ["Things"],
        "parameters": [{"name": "b", "in": "query", "schema": {"maxLength": 3}}, {"name": "a", "in": "path"}],
        "responses": {"200": {"description": "Words", "headers": {"ETag": {"description": "Words"}}}},
    }
    assert without_words(operation) == {
        "operationId": "getThing",
        "parameters": [{"name": "a", "in": "path"}, {"name": "b", "in": "query", "schema": {"maxLength": 3}}],
        "responses": {"200": {"headers": {"ETag": {}}}},
    }
