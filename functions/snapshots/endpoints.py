"""Snapshots over HTTP, and for their owners who opened them."""

from contextlib import nullcontext

from functions.http.call import Call, Response
from functions.http.content import content_json
from functions.http.endpoint import Route, Routes, Saves
from functions.http.paging import PageOf, page_of
from functions.http.rate_limit import TokenBuckets
from functions.http.views import Nothing
from functions.snapshots.views import (
    SNAPSHOT_ID,
    NewSnapshotBody,
    SnapshotContentView,
    SnapshotMetadataView,
    SnapshotsQuery,
    SnapshotStatsView,
    SnapshotVisitorView,
    VisitorsQuery,
    snapshot_metadata,
    snapshot_stats,
    snapshot_visitor,
)
from persistence.snapshots.store import SnapshotStore

routes = Routes(
    "snapshots",
    "Frozen copies that are shared by link. The owner can see how often a snapshot was opened.",
    SNAPSHOT_ID,
)

ONE = "snapshots/{snapshot_id}"


@routes.serve(Route("GET", "snapshots"))
async def get_snapshots_metadata(
    call: Call[SnapshotsQuery, Nothing], snapshots: SnapshotStore
) -> Response[PageOf[SnapshotMetadataView]]:
    """Returns a page of your snapshots, without content."""
    query = call.query
    page = await snapshots.page(
        call.owner_id, query.filters(snapshots.filters), query.sort(), query.page_size, query.cursor
    )
    return Response(page_of(page, snapshot_metadata))


@routes.serve(
    Route(
        "POST",
        "snapshots",
        status=201,
        reads=("Idempotency-Key", "Prefer"),
        saves=Saves("snapshot", "json"),
        statuses=(403, 404, 409, 410),  # of the session or snapshot that is copied, or of what a first try created
        leads_to={"snapshot_id": "$response.body"},
    )
)
async def create_snapshot(
    call: Call[Nothing, NewSnapshotBody], snapshots: SnapshotStore, rate_limit: TokenBuckets
) -> Response[str | SnapshotMetadataView]:
    """Creates a snapshot of content, or of a session or snapshot of yours. Returns its id, which opens it."""
    key = call.idempotency_key  # A faulty header is reported before a faulty content.
    with rate_limit.taken_by_misses(call.owner_id) if call.body.snapshot_id else nullcontext():
        snapshot = await snapshots.create(call.owner_id, call.body.new_snapshot(), key)
    headers = call.location(f"snapshots/{snapshot.id}")
    if call.prefers("representation"):
        headers["Preference-Applied"] = "return=representation"
        return Response(snapshot_metadata(snapshot), headers=headers)
    return Response(snapshot.id, headers=headers)


@routes.serve(Route("GET", ONE))
async def get_snapshot(
    call: Call[Nothing, Nothing], snapshots: SnapshotStore, rate_limit: TokenBuckets
) -> Response[SnapshotContentView]:
    """Returns a snapshot with its content, to everyone who is signed in and has its id. Counts as a visit."""
    rate_limit.take(call.owner_id)
    snapshot, content = await snapshots.get(call.owner_id, call.path["snapshot_id"], count=not call.is_head)
    return Response(content_json(snapshot_metadata(snapshot), content))


@routes.serve(Route("DELETE", ONE, statuses=(403, 409)))
async def delete_snapshot(
    call: Call[Nothing, Nothing], snapshots: SnapshotStore, rate_limit: TokenBuckets
) -> Response[None]:
    """Deletes a snapshot of yours for good. From then on, opening it returns 410."""
    with rate_limit.taken_by_misses(call.owner_id):
        await snapshots.delete(call.owner_id, call.path["snapshot_id"])
    return Response()


@routes.serve(Route("GET", f"{ONE}/stats", statuses=(403,)))
async def get_snapshot_stats(
    call: Call[Nothing, Nothing], snapshots: SnapshotStore, rate_limit: TokenBuckets
) -> Response[SnapshotStatsView]:
    """Returns how often a snapshot of yours was opened, and by how many people."""
    with rate_limit.taken_by_misses(call.owner_id):
        return Response(snapshot_stats(await snapshots.stats(call.owner_id, call.path["snapshot_id"])))


@routes.serve(Route("GET", f"{ONE}/visitors", statuses=(403,)))
async def get_snapshot_visitors(
    call: Call[VisitorsQuery, Nothing], snapshots: SnapshotStore, rate_limit: TokenBuckets
) -> Response[PageOf[SnapshotVisitorView]]:
    """Returns a page of the people who opened a snapshot of yours, if the operator shows them."""
    query, snapshot_id = call.query, call.path["snapshot_id"]
    with rate_limit.taken_by_misses(call.owner_id):
        page = await snapshots.visitors(call.owner_id, snapshot_id, query.sort(), query.page_size, query.cursor)
    return Response(page_of(page, snapshot_visitor))
