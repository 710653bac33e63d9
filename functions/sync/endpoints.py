"""Sync over HTTP: several sessions and drafts in one call."""

from collections.abc import Sequence

from functions.http.call import Call, Response, to_json
from functions.http.endpoint import Route, Routes
from functions.http.errors import InvalidRequest, pointer
from functions.http.problems import problem_members
from functions.http.views import Nothing
from functions.sessions.views import session_metadata
from functions.sync.views import BODY_MAX_BYTES, SyncBody, SyncedView
from persistence.errors import PersistenceError
from persistence.sessions.documents import SessionHead
from persistence.sync.items import CreateItem, SyncItem, TrashItem
from persistence.sync.store import SyncStore

routes = Routes("sync", "Several sessions and drafts in one call: all or none, or each by itself.")


@routes.serve(
    Route("POST", "sync", reads=("Idempotency-Key",), body_max=BODY_MAX_BYTES, statuses=(409, 412, 501, 507))
)
async def sync_sessions(call: Call[Nothing, SyncBody], sync: SyncStore) -> Response[SyncedView]:
    """Changes several sessions and drafts in one call: all or none, or each by itself."""
    key = call.idempotency_key
    _refuse_repeated_ids([item.id for item in call.body.items])
    items = [item.item() for item in call.body.items]
    apply = sync.apply_together if call.body.mode == "atomic" else sync.apply_each
    results = await apply(call.owner_id, items, key)
    # As bytes, because problems are made without their model.
    return Response(to_json({"items": [_result(*pair) for pair in zip(items, results, strict=True)]}))


def _result(item: SyncItem, result: SessionHead | PersistenceError | None) -> dict[str, object]:
    if isinstance(result, PersistenceError):
        problem = problem_members(result)
        return {"id": item.id, "status": problem["status"], "metadata": None, "problem": problem}
    if result is None or isinstance(item, TrashItem):
        return {"id": item.id, "status": 204, "metadata": None, "problem": None}
    metadata = session_metadata(result).model_dump(mode="json")
    status = 201 if isinstance(item, CreateItem) else 200
    return {"id": item.id, "status": status, "metadata": metadata, "problem": None}


def _refuse_repeated_ids(ids: Sequence[str]) -> None:
    """Raises InvalidRequest, which names every item of a session that has more than one."""
    repeated = [index for index, id in enumerate(ids) if ids.count(id) > 1]
    if repeated:
        detail = "is the id of more than one item; send one item for each session"
        raise InvalidRequest(
            [{"pointer": pointer(["items", index, "id"]), "detail": detail} for index in repeated]
        )
