"""Snapshots over HTTP, and for their owners who opened them."""

import azure.functions as func

from functions.http.call import Answer, Call, to_json
from functions.http.endpoint import Api
from functions.http.rate_limit import TokenBuckets
from functions.sessions.views import Nothing, PageOf, page_of
from functions.snapshots.views import (
    NewSnapshot,
    SnapshotContent,
    SnapshotMetadata,
    SnapshotsQuery,
    SnapshotStats,
    SnapshotVisitor,
    VisitorsQuery,
    snapshot_metadata,
    snapshot_visitor,
)
from persistence.snapshots.documents import Snapshot
from persistence.snapshots.store import SnapshotStore


def blueprint(api: Api, snapshots: SnapshotStore, opens: TokenBuckets) -> func.Blueprint:
    """The endpoints below `persistence/snapshots`."""
    routes = api.blueprint()

    @api.endpoint(routes, "GET", "persistence/snapshots", query=SnapshotsQuery, answer=PageOf[SnapshotMetadata])
    async def get_snapshots_metadata(call: Call[SnapshotsQuery, Nothing]) -> Answer:
        """A page of my own snapshots."""
        query = call.query
        page = await snapshots.page(
            call.owner_id, query.filters(snapshots.filters), query.sort(), query.page_size, query.cursor
        )
        return Answer(page_of(page, snapshot_metadata))

    @api.endpoint(
        routes,
        "POST",
        "persistence/snapshots",
        body=NewSnapshot,
        answer=str,
        status=201,
        reads=("Idempotency-Key", "Prefer"),
        representation=SnapshotMetadata,
        statuses=(404, 409, 410),  # of the session that is copied, or of what a repeat finds gone
        gives={"snapshot_id": "$response.body"},
    )
    async def create_snapshot(call: Call[Nothing, NewSnapshot]) -> Answer:
        """Freezes content, or one of my sessions; answers the snapshot's id, which is its link."""
        snapshot = await snapshots.create(call.owner_id, call.body, call.attempt)
        location = {"Location": f"{call.path_of_collection}/{snapshot.id}"}
        if call.prefers("representation"):
            return Answer(
                snapshot_metadata(snapshot), 201, None, location | {"Preference-Applied": "return=representation"}
            )
        return Answer(to_json(snapshot.id), 201, None, location)

    @api.endpoint(routes, "GET", "persistence/snapshots/{snapshot_id}", answer=SnapshotContent)
    async def get_snapshot(call: Call[Nothing, Nothing]) -> Answer:
        """A snapshot with its content, to anybody signed in who has the id; the visit is counted."""
        opens.take(call.owner_id)
        snapshot, content = await snapshots.get(call.owner_id, call.path["snapshot_id"])
        return Answer(_snapshot_json(snapshot, content.decode()))

    @api.endpoint(routes, "DELETE", "persistence/snapshots/{snapshot_id}", status=204, statuses=(403, 409))
    async def delete_snapshot(call: Call[Nothing, Nothing]) -> Answer:
        """Deletes one of my snapshots: its link answers 410 from then on."""
        with opens.taken_by_misses(call.owner_id):
            await snapshots.delete(call.owner_id, call.path["snapshot_id"])
        return Answer(status=204)

    @api.endpoint(
        routes, "GET", "persistence/snapshots/{snapshot_id}/stats", answer=SnapshotStats, statuses=(403,)
    )
    async def get_snapshot_stats(call: Call[Nothing, Nothing]) -> Answer:
        """How often one of my snapshots was opened, and by how many people."""
        with opens.taken_by_misses(call.owner_id):
            stats = await snapshots.stats(call.owner_id, call.path["snapshot_id"])
        return Answer(SnapshotStats.model_validate(stats))

    @api.endpoint(
        routes,
        "GET",
        "persistence/snapshots/{snapshot_id}/visitors",
        query=VisitorsQuery,
        answer=PageOf[SnapshotVisitor],
        statuses=(403,),
    )
    async def get_snapshot_visitors(call: Call[VisitorsQuery, Nothing]) -> Answer:
        """A page of who opened one of my snapshots, where the operator shows that."""
        query, snapshot_id = call.query, call.path["snapshot_id"]
        with opens.taken_by_misses(call.owner_id):
            page = await snapshots.visitors(
                call.owner_id, snapshot_id, query.sort(), query.page_size, query.cursor
            )
        return Answer(page_of(page, snapshot_visitor))

    return routes


def _snapshot_json(snapshot: Snapshot, content: str) -> bytes:
    # Not through the model of the answer: it would copy the content and escape it more slowly.
    return to_json({"metadata": snapshot_metadata(snapshot).model_dump(mode="json"), "content": content})
