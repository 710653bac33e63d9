"""Exports and imports in tests."""

from collections.abc import Sequence
from typing import Any

import orjson

from functions.http.bodies import NDJSON
from tests.support.http import Client, Response, assert_ok
from tests.support.sessions import sha256

EXPORT, IMPORT = "persistence/export", "persistence/import"
IMPORT_ID = "import-00001"

Line = dict[str, Any]


def session_line(id: str = "session-0001", content: str = "one", version: int = 1, **metadata: Any) -> Line:
    fields = {
        "id": id,
        "title": "Plan",
        "description": None,
        "app": None,
        "status": "active",
        "createdAt": "2026-01-01T00:00:00.000000Z",
        "version": version,
        "contentHash": sha256(content),
    }
    return {"kind": "session", "metadata": {**fields, **metadata}}


def version_line(id: str = "session-0001", content: str = "one", version: int = 1, **fields: Any) -> Line:
    described = {
        "version": version,
        "action": "saved",
        "savedAt": "2026-01-01T00:00:00.000000Z",
        "title": "Plan",
        "contentHash": sha256(content),
        "contentBytes": len(content),
    }
    return {"kind": "revision", "sessionId": id, "revision": {**described, **fields}, "content": content}


def ndjson(lines: Sequence[Line | bytes]) -> bytes:
    return b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)


async def pages(client: Client, path: str = EXPORT) -> list[list[Line]]:
    """Returns the lines of every page of an export, without those about activity."""
    found, cursor = list[list[Line]](), ""
    while True:
        response = assert_ok(await client.get(path, cursor=cursor))
        *lines, end = [orjson.loads(line) for line in response.body.splitlines()]
        found.append([line for line in lines if line["kind"] != "activity"])
        if end["pageToken"] is None:
            return found
        cursor = end["pageToken"]


async def send(
    client: Client, lines: Sequence[Line | bytes], import_id: str = IMPORT_ID, mode: str = ""
) -> Response:
    query = {"import_id": import_id} | ({"mode": mode} if mode else {})
    return await client.call("POST", IMPORT, ndjson(lines), {"content-type": NDJSON[0]}, query)


async def imported(client: Client, lines: Sequence[Line | bytes], mode: str = "", **rest: Any) -> dict[str, Any]:
    """Returns the report."""
    report: dict[str, Any] = assert_ok(await send(client, lines, mode=mode, **rest)).json
    return report


def outcomes(report: dict[str, Any]) -> list[str]:
    return [line["outcome"] for line in report["lines"]]


def content_of(lines: Sequence[Line]) -> dict[tuple[str, int], Any]:
    """Returns what an import keeps of each version, by the title of the session and the version."""
    sessions = {line["metadata"]["id"]: line["metadata"] for line in lines if line["kind"] == "session"}
    versions = [line for line in lines if line["kind"] == "revision"]
    contents = {line["revision"]["contentHash"]: line["content"] for line in versions if "content" in line}
    kept = ("action", "savedAt", "deviceInfo", "title", "contentHash", "contentBytes", "mediaType", "name")
    found = {}
    for line in versions:
        session, version = sessions[line["sessionId"]], line["revision"]
        of_session = {name: session[name] for name in ("description", "app", "status", "createdAt", "updatedAt")}
        key = session["title"], version["version"]
        found[key] = [of_session, [version[name] for name in kept], contents[version["contentHash"]]]
    return found
