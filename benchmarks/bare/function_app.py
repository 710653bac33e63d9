"""The bare app: routes and bytes over the wire as in the real app, but only the calls to the engine between.

It returns recorded responses of the real app. The request header `X-Recorded` names the response. Nothing is
parsed, checked, hashed, compressed or converted.
"""

import os
import secrets
from typing import Any

import azure.functions as func

from persistence import open_engine
from persistence.background import Background
from persistence.sessions.documents import SessionSummary
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import PAYLOAD, Create, Item
from persistence.storage.query import Filter, Operator, Query, Sort
from settings import Settings

HEADERS = {
    "Cache-Control": "no-store, private",
    "X-Content-Type-Options": "nosniff",
    "ETag": '"1-0123456789abcdef"',
}
NEWEST = Sort("metadata.updated_at", descending=True)
LISTED = Filter("status", Operator.IN, ("active", "closed"))
FIELDS = tuple(field.alias or name for name, field in SessionSummary.model_fields.items())

settings = Settings.from_environ(os.environ)
engine = open_engine(settings.place())
beside = Background()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
recorded: dict[str, bytes] = {}
contents: dict[str, Item] = {}


async def close() -> None:
    await beside.drain()
    await engine.close()


@app.route("recorded/{name}", methods=["PUT"])
async def record(req: func.HttpRequest) -> func.HttpResponse:
    recorded[req.route_params["name"]] = req.get_body()
    return func.HttpResponse(status_code=204)


@app.route("persistence/sessions", methods=["POST"])
async def create_session(req: func.HttpRequest) -> func.HttpResponse:
    req.get_body()
    owner = req.headers["x-user-id"]
    head = await some_head(owner)
    content = await new_content(head)
    head = {**head, "id": content["session_id"], "content_id": content["id"]}
    await engine.commit(SESSIONS, owner, [Create(content), Create(head)])
    return respond(req, 201, {"Location": f"/api/persistence/sessions/{head['id']}"})


@app.route("persistence/sessions", methods=["GET"])
async def get_sessions_metadata(req: func.HttpRequest) -> func.HttpResponse:
    owner, page_size = req.headers["x-user-id"], int(req.params["page_size"])
    await engine.query(SESSIONS, Query("session", owner, FIELDS, (LISTED,), NEWEST, page_size))
    return respond(req)


@app.route("persistence/sessions/{session_id}", methods=["GET"])
async def get_session(req: func.HttpRequest) -> func.HttpResponse:
    return await get(req)


@app.route("persistence/sessions/{session_id}/content", methods=["GET"])
async def get_session_content(req: func.HttpRequest) -> func.HttpResponse:
    return await get(req)


@app.route("persistence/sessions/metadata/{session_id}", methods=["GET"])
async def get_session_metadata(req: func.HttpRequest) -> func.HttpResponse:
    await engine.read(SESSIONS, req.route_params["session_id"], req.headers["x-user-id"])
    return respond(req, 304 if "if-none-match" in req.headers else 200)


@app.route("persistence/sessions/{session_id}", methods=["PUT"])
async def update_session(req: func.HttpRequest) -> func.HttpResponse:
    return await save(req)


@app.route("persistence/sessions/{session_id}/content", methods=["PUT"])
async def put_session_content(req: func.HttpRequest) -> func.HttpResponse:
    return await save(req)


async def get(req: func.HttpRequest) -> func.HttpResponse:
    owner = req.headers["x-user-id"]
    head = await engine.read(SESSIONS, req.route_params["session_id"], owner)
    await engine.read(SESSIONS, head.item["content_id"], owner)
    return respond(req)


async def save(req: func.HttpRequest) -> func.HttpResponse:
    req.get_body()
    owner = req.headers["x-user-id"]
    stored = await engine.read(SESSIONS, req.route_params["session_id"], owner)
    head = stored.item
    content = await new_content(head, head["id"])
    prefix = f"{head['id']}~"
    version, action, saved, _, *rest = head["revisions"][0]
    newest = [version, action, saved, content["id"].removeprefix(prefix), *rest]
    revisions = [newest, *head["revisions"]]
    kept, pruned = revisions[: settings.keep_revisions], revisions[settings.keep_revisions :]
    head = {**head, "content_id": content["id"], "revisions": kept}
    await engine.create_then_replace(SESSIONS, [content], head, stored.etag)
    for _, _, _, content_id, *_ in pruned:
        # In the background, as in the real app.
        beside.start(engine.delete(SESSIONS, prefix + content_id, owner))
    return respond(req)


async def some_head(owner: str) -> Item:
    """Returns a head of that owner, as a model for new heads."""
    if owner not in contents:
        page = await engine.query(SESSIONS, Query("session", owner, ("id",), page_size=1))
        contents[owner] = (await engine.read(SESSIONS, page.items[0]["id"], owner)).item
    return contents[owner]


async def new_content(head: Item, session_id: str | None = None) -> Item:
    """Returns an item with the size of the content that the head names. That content is read once per owner."""
    key = f"content of {head['owner_id']}"
    if key not in contents:
        contents[key] = (await engine.read(SESSIONS, head["content_id"], head["owner_id"])).item
    session_id = session_id or secrets.token_urlsafe(9)
    like: dict[str, Any] = contents[key]
    assert PAYLOAD in like
    return {**like, "id": f"{session_id}~{secrets.token_urlsafe(9)}", "session_id": session_id}


def respond(req: func.HttpRequest, status: int = 200, headers: dict[str, str] | None = None) -> func.HttpResponse:
    body = None if status == 304 else recorded[req.headers["x-recorded"]]
    return func.HttpResponse(
        body,
        status_code=status,
        headers=HEADERS | (headers or {}),
        mimetype="application/json",
        charset="utf-8",
    )
