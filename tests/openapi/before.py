"""The description of an earlier commit, without its words.

Kept for the two modes that are most unlike: each is a file beside this one, sorted, so that a change of it can be
read. Where the API is meant to grow, they are written anew (and the diff is read):

    python -m tests.openapi.before
"""

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.devhost.server import REPOSITORY, run_devhost

HERE = Path(__file__).resolve().parent
MODES = {
    "local": {"AUTH_MODE": "local", "EXPOSE_CHARGE": "false"},
    "jwt": {
        "AUTH_MODE": "jwt",
        "JWT_ISSUERS": "https://issuer.example",
        "JWT_AUDIENCE": "savepoint",
        "EXPOSE_CHARGE": "true",
    },
}
# What may get better: texts for people, examples, and how operations are put together on a page.
_WORDS = frozenset({"title", "summary", "description", "example", "examples", "tags", "externalDocs"})
# Below these stand names that were chosen here, not those of the specification.
_MAPS = frozenset(
    {
        "paths",
        "responses",
        "headers",
        "content",
        "links",
        "properties",
        "patternProperties",
        "$defs",
        "schemas",
        "securitySchemes",
        "requestBodies",
        "callbacks",
        "mapping",
    }
)


def path_of(mode: str) -> Path:
    """Where the stored copy for that mode is."""
    return HERE / f"before.{mode}.json"


def described(mode: str) -> dict[str, Any]:
    """What a server in that mode says of itself now, without words."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"STORE_ENGINE": "sqlite", "DATA_DIR": folder, **MODES[mode]}
        with (
            run_devhost(REPOSITORY, settings) as server,
            urlopen(f"{server.base_url}/api/openapi.json") as response,
        ):
            document: dict[str, Any] = without_words(json.load(response))
    del document["info"]
    return document


def without_words(value: Any, *, is_map: bool = False) -> Any:
    """What a program goes by. Lists whose order means nothing are sorted."""
    if isinstance(value, list):
        return [without_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    bare = {}
    for name, inner in value.items():
        if not is_map and name in _WORDS:
            continue
        # `parameters` is a map in `components` and in links, where it is of names, and a list elsewhere.
        below = isinstance(inner, dict) and not is_map and (name in _MAPS or name == "parameters")
        bare[name] = without_words(inner, is_map=below)
        if not is_map and name in ("parameters", "required") and isinstance(inner, list):
            bare[name].sort(key=json.dumps)
    return bare


def to_text(document: dict[str, Any]) -> str:
    """The stored form: sorted, a line each as far as that can be read."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in MODES:
        path_of(each).write_text(to_text(described(each)))
