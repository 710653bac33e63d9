"""The content of snapshots over HTTP, by itself: with its own media type, not wrapped in JSON."""

from functions.http.bodies import ANY_TYPE
from functions.http.call import Call, Response
from functions.http.content import content_response
from functions.http.endpoint import Route, Routes
from functions.http.rate_limit import TokenBuckets
from functions.http.views import Nothing
from functions.snapshots.views import SNAPSHOT_ID
from persistence.snapshots.store import SnapshotStore

routes = Routes("snapshot content", "The content of a snapshot by itself, with its own media type.", SNAPSHOT_ID)


@routes.serve(Route("GET", "snapshots/{snapshot_id}/content", produces=ANY_TYPE, reads=("If-None-Match",)))
async def get_snapshot_content(
    call: Call[Nothing, Nothing], snapshots: SnapshotStore, rate_limit: TokenBuckets
) -> Response[bytes]:
    """Returns the content of a snapshot, exactly as it was sent. Counts as a visit."""
    known = call.if_none_match
    rate_limit.take(call.owner_id)
    snapshot, verified = await snapshots.get_content(
        call.owner_id, call.path["snapshot_id"], count=not call.is_head
    )
    etag = f'"{verified.packed.hash[:16]}"'
    sent = None if etag in known else verified
    return content_response(call, sent, etag, snapshot.metadata.media_type)
