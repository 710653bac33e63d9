"""Content by itself, over HTTP: with its own media type, gzipped where that is welcome, not wrapped in JSON."""

import azure.functions as func

from functions.http.bodies import ANY_TYPE, RawContent
from functions.http.call import Answer, Call
from functions.http.endpoint import Api
from functions.http.headers import GZIP, entity_tags, etag_of_coding
from functions.http.rate_limit import TokenBuckets
from functions.sessions.endpoints import NOT_MODIFIED, saved_metadata
from functions.sessions.views import Nothing, SaveQuery, SessionMetadata
from persistence.content import Packed, unpack
from persistence.sessions.documents import SessionChange
from persistence.sessions.store import SessionStore
from persistence.snapshots.store import SnapshotStore

# Whatever it is, a browser that is sent to it must not run it with our origin's rights.
SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'", "Vary": "Accept-Encoding"}
_UNKNOWN_TYPE = "text/plain"


def blueprint(api: Api, sessions: SessionStore, snapshots: SnapshotStore, opens: TokenBuckets) -> func.Blueprint:
    """The endpoints that end in `/content`."""
    routes = api.blueprint()

    @api.endpoint(
        routes,
        "GET",
        "persistence/sessions/{session_id}/content",
        answer=bytes,
        produces=ANY_TYPE,
        reads=("If-None-Match",),
    )
    async def get_session_content(call: Call[Nothing, Nothing]) -> Answer:
        """A session's content as it was sent, and nothing else."""
        opened = await sessions.get(call.owner_id, call.path["session_id"], call.held)
        metadata = opened.head.metadata
        return _answer(call, opened.packed, opened.head.id, metadata.etag, metadata.media_type)

    @api.endpoint(
        routes,
        "PUT",
        "persistence/sessions/{session_id}/content",
        query=SaveQuery,
        body=RawContent,
        media_types=(ANY_TYPE,),
        answer=SessionMetadata,
        reads=("If-Match", "Idempotency-Key", "Prefer"),
    )
    async def put_session_content(call: Call[SaveQuery, RawContent]) -> Answer:
        """Saves a session's content, sent by itself; gzipped it is smaller and faster than in JSON."""
        head = await sessions.save(
            call.owner_id,
            call.path["session_id"],
            SessionChange(content=call.body.content, media_type=call.body.media_type),
            call.conditions,
            autosave=call.query.autosave,
        )
        return saved_metadata(call, head)

    @api.endpoint(
        routes,
        "GET",
        "persistence/snapshots/{snapshot_id}/content",
        answer=bytes,
        produces=ANY_TYPE,
        reads=("If-None-Match",),
    )
    async def get_snapshot_content(call: Call[Nothing, Nothing]) -> Answer:
        """A snapshot's content as it was sent, and nothing else; the visit is counted."""
        known = call.held
        opens.take(call.owner_id)
        snapshot, packed = await snapshots.get_packed(call.owner_id, call.path["snapshot_id"])
        etag = f'"{packed.hash[:16]}"'
        return _answer(call, None if etag in known else packed, snapshot.id, etag, snapshot.metadata.media_type)

    return routes


def _answer(
    call: Call[Nothing, Nothing], packed: Packed | None, id: str, etag: str, media_type: str | None
) -> Answer:
    """The content as it is stored where gzip is welcome, so that nothing is packed anew."""
    coding = GZIP if call.accepts_gzip else None
    type_ = f"{media_type or _UNKNOWN_TYPE}; charset=utf-8"
    if packed is None:
        held = entity_tags(call.headers["if-none-match"])  # of this coding or of that
        if etag_of_coding(etag, coding) not in held:
            coding = GZIP if coding is None else None
        return Answer(None, NOT_MODIFIED, etag_of_coding(etag, coding), SANDBOX, type_)
    etag = etag_of_coding(etag, coding)
    headers = SANDBOX if coding is None else {**SANDBOX, "Content-Encoding": coding}
    body = packed.payload if coding else unpack(packed.payload, packed.size, id)
    return Answer(body, 200, etag, headers, type_)
