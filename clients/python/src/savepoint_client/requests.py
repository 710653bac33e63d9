"""Makes the request of an attempt, and reads the answer. The same attempt makes the same request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from savepoint_client.delta import delta_of, digest
from savepoint_client.errors import type_of
from savepoint_client.events import (
    Answer,
)
from savepoint_client.http import Call, Reply, json_call
from savepoint_client.model import Attempt, State

AGAIN = {"base_gone", "delta_too_large", "invalid_delta", "key_reused", "condition_required"}
META = {"id", "ownerId", "etag", "version", "title", "status", "updatedAt", "deviceInfo"}
"""What is used of the metadata of a document. A response without it is none of ours."""
TITLE_MOST = 240


@dataclass(frozen=True)
class About:
    """What every save says of itself."""

    app: str
    device: str | None
    media_type: str | None


def call_of(s: State, a: Attempt, about: About) -> Call:
    """Returns the request of an attempt. Raises UnicodeEncodeError if the text cannot be sent."""
    path_id = quote(a.id or s.id, safe="")
    query = f"?autosave={str(a.auto).lower()}{'&on_conflict=copy' if a.copy else ''}"
    headers = {"Idempotency-Key": a.key, **({"If-Match": a.etag} if a.etag else {})}
    device = {"deviceInfo": about.device} if about.device else {}
    if a.form == "title":
        return json_call("PUT", f"/sessions/{path_id}", headers, {**(a.rename or {}), **device})
    if a.form == "promote":
        return json_call("POST", f"/drafts/{path_id}/promote", headers)
    if a.form == "restore":
        return json_call("POST", f"/sessions/{path_id}/revisions/{a.version}/restore", headers)
    if a.form in ("create", "copy"):
        title = f"{s.title[:TITLE_MOST]} (copy)" if a.form == "copy" else s.title
        body = {"content": a.text, "app": about.app or None, "mediaType": about.media_type, **device}
        body |= {"title": title or None, **(a.rename or {})} if a.form == "create" else {"title": title}
        return json_call("PUT", f"/drafts/{path_id}{query}", {**headers, "If-None-Match": "*"}, body)
    return _content(s, a, about, f"/sessions/{path_id}/content{query}", headers)


def _content(s: State, a: Attempt, about: About, path: str, headers: dict[str, str]) -> Call:
    if about.device:
        headers["Savepoint-Device"] = quote(about.device)
    new = a.text.encode()
    old = s.base.text if s.base and s.base.etag == a.etag and not a.whole else None
    if old is not None:
        body = delta_of(old.encode(), new)
        if len(body) < len(new):
            headers |= {"Content-Type": "application/x-fossil-delta", "Patched-Digest": digest(new)}
            return Call("PATCH", path, headers, body)
    return Call("PUT", path, {**headers, "Content-Type": about.media_type or "text/plain"}, new)


def answer_of(reply: Reply) -> Answer:
    """Returns what a reply says about a document."""
    status, body = reply.status, reply.body
    problem = body if isinstance(body, Mapping) else {}
    name = type_of(problem)
    if status == 304:
        return Answer("same")
    if reply.is_ok:
        return _success(body)
    if status == 401:
        return Answer("out", problem=problem or None)
    if not name:
        return Answer("lost")
    if name in ("too_many", "storage_full"):
        size, limit = problem.get("used") or problem.get("size") or 0, problem.get("limit") or 0
        return Answer("full", size=size, limit=limit, problem=problem)
    if name in AGAIN:
        return Answer("again", error=_detail(problem), problem=problem)
    if status > 499 or status in (408, 429) or name == "contended":
        return Answer("lost", after=problem.get("retryAfter"), problem=problem)
    if status == 412:
        return Answer("stale", version=(problem.get("current") or {}).get("version", 0), problem=problem)
    if name == "not_found":
        return Answer("missing", problem=problem)
    if status == 410:
        return Answer("gone", problem=problem)
    if name == "illegal_move":
        return Answer("moved", status=str(problem.get("sessionStatus")), problem=problem)
    if status == 413:
        size, limit = problem.get("size") or 0, problem.get("limit") or 0
        return Answer("big", size=size, limit=limit, problem=problem)
    return Answer("refused", error=_detail(problem), problem=problem)


def _success(body: Any) -> Answer:
    meta = body.get("metadata", body) if isinstance(body, Mapping) else None
    if not isinstance(meta, Mapping) or not META <= meta.keys():
        return Answer("lost")
    if conflict := body.get("conflict"):
        return Answer("copied", meta, of=conflict.get("current"))
    return Answer("ok", meta)


def of_copy(answer: Answer, current: Mapping[str, Any]) -> Answer:
    """A copy that a person asked for is an ordinary new draft for the server."""
    return Answer("copied", answer.meta, of=current) if answer.kind == "ok" else answer


def _detail(problem: Mapping[str, Any]) -> str:
    return str(problem.get("detail") or json.dumps(problem))
