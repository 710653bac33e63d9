"""The bodies of requests and responses, as the server describes them. Made by generate.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, RootModel
from savepoint_client.body import Body


class Amounts(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    drafts: int
    kept_bytes: Annotated[int, Field(alias="keptBytes")]
    sessions: int
    snapshots: int
    stored_bytes: Annotated[int, Field(alias="storedBytes")]
    trash_bytes: Annotated[int, Field(alias="trashBytes")]


class ClientConfig(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    auth_mode: Annotated[
        Literal["local", "easyauth", "swa", "jwt"], Field(alias="authMode")
    ]
    client_id: Annotated[str | None, Field(alias="clientId")]
    issuer: str | None
    scope: str | None
    sign_in: Annotated[str | None, Field(alias="signIn")]


class App(RootModel[str]):
    root: Annotated[str, Field(max_length=100, min_length=1, pattern="^[^\\u0000]*$")]


class ContentHash(RootModel[str]):
    root: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Description(RootModel[str]):
    root: Annotated[str, Field(max_length=2000, pattern="^[^\\u0000]*$")]


class MediaType(RootModel[str]):
    root: Annotated[
        str, Field(pattern="^[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}$")
    ]


class CreateItem(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App | None = None
    content: str
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    description: Description | None = None
    device_info: Annotated[str | None, Field(alias="deviceInfo")] = None
    id: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{12}$")]
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    op: Literal["create"]
    status: Literal["active", "draft"] | None = "active"
    title: Annotated[str, Field(max_length=255, min_length=1, pattern="^[^\\u0000]*$")]


class App1(RootModel[str]):
    root: Annotated[str, Field(max_length=100, pattern="^[^\\u0000]*$")]


class Title(RootModel[str]):
    root: Annotated[str, Field(max_length=255, min_length=1, pattern="^[^\\u0000]*$")]


class DraftSave(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App1 | None = None
    content: str | None = None
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    description: Description | None = None
    device_info: Annotated[str | None, Field(alias="deviceInfo")] = None
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    title: Title | None = None


class Emptied(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    done: bool
    purged: int


class Erasure(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    activity: int
    done: bool
    rows: int
    sessions: int
    snapshots: int


class ErrorWords(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    message: str
    type: Literal["base_gone", "body_too_large", "changed", "condition_required", "confirmation_required", "contended", "content_corrupt", "content_too_large", "delta_too_large", "forbidden", "forbidden_origin", "forbidden_token", "gone", "identity_unavailable", "illegal_move", "index_building", "internal", "invalid_body", "invalid_cursor", "invalid_delta", "invalid_header", "invalid_request", "items_refused", "items_stale", "key_reused", "length_required", "maintenance", "method_not_allowed", "not_a_subresource", "not_atomic_here", "not_found", "storage_exhausted", "storage_full", "store_unavailable", "throttled", "timers_late", "too_fast", "too_large_together", "too_many", "too_many_named", "unauthenticated", "unfinished", "unknown_path", "unsupported_media_type"]


class Fault(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    detail: str
    header: str | None = None
    parameter: str | None = None
    pointer: str | None = None


class Health(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    build: str | None
    status: Literal["ok"] = "ok"


class ImportMode(RootModel[Literal["copy", "skip", "replace"]]):
    root: Literal["copy", "skip", "replace"]


class Me(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    owner_id: Annotated[str, Field(alias="ownerId")]


class App2(RootModel[str]):
    root: Annotated[str, Field(max_length=100, min_length=1, pattern="^[^\\u0000]*$")]


class NewSession(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App2 | None = None
    content: str
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    description: Description | None
    device_info: Annotated[str | None, Field(alias="deviceInfo")] = None
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    title: Annotated[str, Field(max_length=255, min_length=1, pattern="^[^\\u0000]*$")]


class NewSnapshot1(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App2 | None = None
    content: str | None
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    description: Description | None = None
    expires_at: Annotated[AwareDatetime | None, Field(alias="expiresAt")] = None
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    session_id: Annotated[str | None, Field(alias="sessionId")] = None
    snapshot_id: Annotated[str | None, Field(alias="snapshotId")] = None
    title: Title | None


class NewSnapshot2(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App2 | None = None
    content: str | None = None
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    description: Description | None = None
    expires_at: Annotated[AwareDatetime | None, Field(alias="expiresAt")] = None
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    session_id: Annotated[str | None, Field(alias="sessionId")]
    snapshot_id: Annotated[str | None, Field(alias="snapshotId")] = None
    title: Title | None = None


class NewSnapshot3(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App2 | None = None
    content: str | None = None
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    description: Description | None = None
    expires_at: Annotated[AwareDatetime | None, Field(alias="expiresAt")] = None
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    session_id: Annotated[str | None, Field(alias="sessionId")] = None
    snapshot_id: Annotated[str | None, Field(alias="snapshotId")]
    title: Title | None = None


class NewSnapshot(RootModel[NewSnapshot1 | NewSnapshot2 | NewSnapshot3]):
    root: NewSnapshot1 | NewSnapshot2 | NewSnapshot3


class IfMatch(RootModel[str]):
    root: Annotated[str, Field(max_length=255, pattern='^(W/)?"[!#-~]*"$')]


class RenameItem(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App2 | None = None
    description: Description | None = None
    id: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{12}$")]
    if_match: Annotated[IfMatch | None, Field(alias="ifMatch")] = None
    op: Literal["rename"]
    title: Annotated[
        str | None, Field(max_length=255, min_length=1, pattern="^[^\\u0000]*$")
    ] = None


class RevisionName(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    name: Annotated[str, Field(max_length=60, min_length=1, pattern="^[^\\u0000]*$")]


class RevisionsKept(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    named: int
    unnamed: int


class App7(RootModel[str]):
    root: Annotated[str, Field(max_length=100, pattern="^[^\\u0000]*$")]


class SaveItem(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App7 | None = None
    autosave: bool | None = False
    content: str | None = None
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    delta: str | None = None
    description: Description | None = None
    device_info: Annotated[str | None, Field(alias="deviceInfo")] = None
    id: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{12}$")]
    if_match: Annotated[IfMatch | None, Field(alias="ifMatch")] = None
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    op: Literal["save"]
    title: Title | None = None


class Version(RootModel[int]):
    root: Annotated[int, Field(ge=1, le=999999999999999)]


class SessionCopy(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    status: Literal["draft", "active"] | None = "active"
    title: Title | None = None
    version: Version | None = None


class App8(RootModel[str]):
    root: Annotated[str, Field(max_length=100, min_length=1, pattern="^[^\\u0000]*$")]


class SessionPatch(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App8 | None = None
    description: Description | None = None
    title: Annotated[
        str | None, Field(max_length=255, min_length=1, pattern="^[^\\u0000]*$")
    ] = None


class App9(RootModel[str]):
    root: Annotated[str, Field(max_length=100, pattern="^[^\\u0000]*$")]


class SessionUpdate(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    app: App9 | None = None
    content: str | None = None
    content_hash: Annotated[ContentHash | None, Field(alias="contentHash")] = None
    description: Description | None = None
    device_info: Annotated[str | None, Field(alias="deviceInfo")] = None
    media_type: Annotated[MediaType | None, Field(alias="mediaType")] = None
    title: Title | None = None


class SessionValidity(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    content_hash: Annotated[str, Field(alias="contentHash")]
    etag: str
    id: str
    status: Literal["draft", "active", "closed", "trashed", "deleted"]
    version: int


class SnapshotMetadata(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    app: str | None
    content_bytes: Annotated[int, Field(alias="contentBytes")]
    content_hash: Annotated[str, Field(alias="contentHash")]
    created_at: Annotated[AwareDatetime, Field(alias="createdAt")]
    description: str | None
    expires_at: Annotated[AwareDatetime | None, Field(alias="expiresAt")]
    id: str
    media_type: Annotated[str | None, Field(alias="mediaType")]
    owner_id: Annotated[str, Field(alias="ownerId")]
    title: str
    updated_at: Annotated[AwareDatetime, Field(alias="updatedAt")]


class SnapshotMetadataPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[SnapshotMetadata]
    page_token: Annotated[str | None, Field(alias="pageToken")]


class SnapshotStats(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    first_visited_at: Annotated[AwareDatetime | None, Field(alias="firstVisitedAt")]
    last_visited_at: Annotated[AwareDatetime | None, Field(alias="lastVisitedAt")]
    visitors: int
    visits: int


class SnapshotVisitor(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    first_visited_at: Annotated[AwareDatetime, Field(alias="firstVisitedAt")]
    last_visited_at: Annotated[AwareDatetime, Field(alias="lastVisitedAt")]
    visitor_id: Annotated[str, Field(alias="visitorId")]
    visits: int


class SnapshotVisitorPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[SnapshotVisitor]
    page_token: Annotated[str | None, Field(alias="pageToken")]


class TrashItem(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    id: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{12}$")]
    if_match: Annotated[IfMatch | None, Field(alias="ifMatch")] = None
    op: Literal["trash"]


class Trashed(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    app: str | None
    content_bytes: Annotated[int, Field(alias="contentBytes")]
    content_hash: Annotated[str, Field(alias="contentHash")]
    created_at: Annotated[AwareDatetime, Field(alias="createdAt")]
    deleted_at: Annotated[AwareDatetime | None, Field(alias="deletedAt")]
    description: str | None
    device_info: Annotated[str | None, Field(alias="deviceInfo")]
    etag: str
    id: str
    last_accessed_at: Annotated[AwareDatetime, Field(alias="lastAccessedAt")]
    media_type: Annotated[str | None, Field(alias="mediaType")]
    owner_id: Annotated[str, Field(alias="ownerId")]
    purges_at: Annotated[AwareDatetime, Field(alias="purgesAt")]
    status: Literal["draft", "active", "closed", "trashed", "deleted"]
    status_before: Annotated[
        Literal["draft", "active", "closed", "trashed", "deleted"],
        Field(alias="statusBefore"),
    ]
    title: str
    trashed_at: Annotated[AwareDatetime, Field(alias="trashedAt")]
    updated_at: Annotated[AwareDatetime, Field(alias="updatedAt")]
    version: int


class TrashedPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[Trashed]
    page_token: Annotated[str | None, Field(alias="pageToken")]


class UsageAndLimits(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    limits: Amounts
    used: Amounts


class ActivitySubject(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    id: str
    kind: Literal["session", "snapshot", "account"]
    title: str | None


class DraftMetadata(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    app: str | None
    content_bytes: Annotated[int, Field(alias="contentBytes")]
    content_hash: Annotated[str, Field(alias="contentHash")]
    created_at: Annotated[AwareDatetime, Field(alias="createdAt")]
    deleted_at: Annotated[AwareDatetime | None, Field(alias="deletedAt")]
    description: str | None
    device_info: Annotated[str | None, Field(alias="deviceInfo")]
    etag: str
    id: str
    last_accessed_at: Annotated[AwareDatetime, Field(alias="lastAccessedAt")]
    media_type: Annotated[str | None, Field(alias="mediaType")]
    owner_id: Annotated[str, Field(alias="ownerId")]
    purges_at: Annotated[AwareDatetime | None, Field(alias="purgesAt")]
    status: Literal["draft", "active", "closed", "trashed", "deleted"]
    title: str
    updated_at: Annotated[AwareDatetime, Field(alias="updatedAt")]
    version: int


class DraftMetadataPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[DraftMetadata]
    page_token: Annotated[str | None, Field(alias="pageToken")]


class Line(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    detail: str | None
    id: str | None
    line: int
    outcome: Literal["imported", "skipped", "refused"]
    pointer: str | None


class RevisionMetadata(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    action: Literal["created", "saved", "autosaved", "renamed", "restored", "promoted", "closed", "reopened", "trashed", "untrashed", "deleted"]
    content_bytes: Annotated[int, Field(alias="contentBytes")]
    content_hash: Annotated[str, Field(alias="contentHash")]
    description: str | None
    device_info: Annotated[str | None, Field(alias="deviceInfo")]
    media_type: Annotated[str | None, Field(alias="mediaType")]
    name: str | None
    previous_version: Annotated[int | None, Field(alias="previousVersion")]
    saved_at: Annotated[AwareDatetime, Field(alias="savedAt")]
    title: str
    version: int


class RevisionMetadataPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[RevisionMetadata]
    kept: RevisionsKept
    page_token: Annotated[str | None, Field(alias="pageToken")]


class SessionMetadata(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    app: str | None
    content_bytes: Annotated[int, Field(alias="contentBytes")]
    content_hash: Annotated[str, Field(alias="contentHash")]
    created_at: Annotated[AwareDatetime, Field(alias="createdAt")]
    deleted_at: Annotated[AwareDatetime | None, Field(alias="deletedAt")]
    description: str | None
    device_info: Annotated[str | None, Field(alias="deviceInfo")]
    etag: str
    id: str
    last_accessed_at: Annotated[AwareDatetime, Field(alias="lastAccessedAt")]
    media_type: Annotated[str | None, Field(alias="mediaType")]
    owner_id: Annotated[str, Field(alias="ownerId")]
    status: Literal["draft", "active", "closed", "trashed", "deleted"]
    title: str
    updated_at: Annotated[AwareDatetime, Field(alias="updatedAt")]
    version: int


class SessionMetadataPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[SessionMetadata]
    page_token: Annotated[str | None, Field(alias="pageToken")]


class SnapshotAccessLog(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    first_visited_at: Annotated[AwareDatetime, Field(alias="firstVisitedAt")]
    last_visited_at: Annotated[AwareDatetime | None, Field(alias="lastVisitedAt")]
    snapshot_deleted: Annotated[bool, Field(alias="snapshotDeleted")]
    snapshot_id: Annotated[str, Field(alias="snapshotId")]
    snapshot_metadata: Annotated[SnapshotMetadata, Field(alias="snapshotMetadata")]
    visitor_id: Annotated[str, Field(alias="visitorId")]
    visits: int


class SnapshotAccessLogPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[SnapshotAccessLog]
    page_token: Annotated[str | None, Field(alias="pageToken")]


class SnapshotContent(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    content: str
    metadata: SnapshotMetadata


class Sync(Body):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
    )
    items: Annotated[
        list[Annotated[CreateItem | SaveItem | RenameItem | TrashItem, Field(discriminator="op")]],
        Field(max_length=40, min_length=1),
    ]
    mode: Literal["atomic", "independent"]


class Activity(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    action: Literal["created", "saved", "autosaved", "renamed", "promoted", "closed", "reopened", "restored", "named", "trashed", "untrashed", "deleted", "exported", "imported"]
    actor: Literal["me", "timer"]
    app: str | None
    at: AwareDatetime
    content_bytes: Annotated[int | None, Field(alias="contentBytes")]
    content_hash: Annotated[str | None, Field(alias="contentHash")]
    device_info: Annotated[str | None, Field(alias="deviceInfo")]
    name: str | None
    subject: ActivitySubject
    version: int | None


class ActivityPage(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[Activity]
    page_token: Annotated[str | None, Field(alias="pageToken")]


class Conflict(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    current: SessionMetadata | None
    of: str


class DraftConflictCopy(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    app: str | None
    conflict: Conflict
    content_bytes: Annotated[int, Field(alias="contentBytes")]
    content_hash: Annotated[str, Field(alias="contentHash")]
    created_at: Annotated[AwareDatetime, Field(alias="createdAt")]
    deleted_at: Annotated[AwareDatetime | None, Field(alias="deletedAt")]
    description: str | None
    device_info: Annotated[str | None, Field(alias="deviceInfo")]
    etag: str
    id: str
    last_accessed_at: Annotated[AwareDatetime, Field(alias="lastAccessedAt")]
    media_type: Annotated[str | None, Field(alias="mediaType")]
    owner_id: Annotated[str, Field(alias="ownerId")]
    purges_at: Annotated[AwareDatetime | None, Field(alias="purgesAt")]
    status: Literal["draft", "active", "closed", "trashed", "deleted"]
    title: str
    updated_at: Annotated[AwareDatetime, Field(alias="updatedAt")]
    version: int


class DraftContent(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    content: str
    metadata: DraftMetadata


class Imported(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    imported: int
    lines: list[Line]
    refused: int
    skipped: int


class Restorable(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    active: SessionMetadata | None
    drafts: list[DraftMetadata]


class RevisionContent(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    content: str
    metadata: RevisionMetadata


class Session(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    content: str
    metadata: SessionMetadata


class SessionConflictCopy(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    conflict: Conflict
    metadata: DraftMetadata


class FailedItem(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    id: str
    index: int
    problem: Problem


class Problem(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    current: SessionMetadata | None = None
    detail: str
    error: ErrorWords
    errors: list[Fault] | None = None
    fits: int | None = None
    items: list[FailedItem] | None = None
    legal: list[str] | None = None
    limit: int | None = None
    purges_at: Annotated[AwareDatetime | None, Field(alias="purgesAt")] = None
    reference: str | None = None
    retry_after: Annotated[int | None, Field(alias="retryAfter")] = None
    rule: Literal["well_formed", "within_base", "size", "checksum", "digest", "utf8"] | None = (
        None
    )
    session_status: Annotated[
        Literal["draft", "active", "closed", "trashed", "deleted"] | None,
        Field(alias="sessionStatus"),
    ] = None
    size: int | None = None
    status: int
    title: str
    trash_bytes: Annotated[int | None, Field(alias="trashBytes")] = None
    trashed: bool | None = None
    type: Literal["urn:savepoint:problem:base_gone", "urn:savepoint:problem:body_too_large", "urn:savepoint:problem:changed", "urn:savepoint:problem:condition_required", "urn:savepoint:problem:confirmation_required", "urn:savepoint:problem:contended", "urn:savepoint:problem:content_corrupt", "urn:savepoint:problem:content_too_large", "urn:savepoint:problem:delta_too_large", "urn:savepoint:problem:forbidden", "urn:savepoint:problem:forbidden_origin", "urn:savepoint:problem:forbidden_token", "urn:savepoint:problem:gone", "urn:savepoint:problem:identity_unavailable", "urn:savepoint:problem:illegal_move", "urn:savepoint:problem:index_building", "urn:savepoint:problem:internal", "urn:savepoint:problem:invalid_body", "urn:savepoint:problem:invalid_cursor", "urn:savepoint:problem:invalid_delta", "urn:savepoint:problem:invalid_header", "urn:savepoint:problem:invalid_request", "urn:savepoint:problem:items_refused", "urn:savepoint:problem:items_stale", "urn:savepoint:problem:key_reused", "urn:savepoint:problem:length_required", "urn:savepoint:problem:maintenance", "urn:savepoint:problem:method_not_allowed", "urn:savepoint:problem:not_a_subresource", "urn:savepoint:problem:not_atomic_here", "urn:savepoint:problem:not_found", "urn:savepoint:problem:storage_exhausted", "urn:savepoint:problem:storage_full", "urn:savepoint:problem:store_unavailable", "urn:savepoint:problem:throttled", "urn:savepoint:problem:timers_late", "urn:savepoint:problem:too_fast", "urn:savepoint:problem:too_large_together", "urn:savepoint:problem:too_many", "urn:savepoint:problem:too_many_named", "urn:savepoint:problem:unauthenticated", "urn:savepoint:problem:unfinished", "urn:savepoint:problem:unknown_path", "urn:savepoint:problem:unsupported_media_type"]
    used: int | None = None
    what: str | None = None


class Synced(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    items: list[SyncedItem]


class SyncedItem(Body):
    model_config = ConfigDict(
        populate_by_name=True,
    )
    id: str
    metadata: SessionMetadata | None
    problem: Problem | None
    status: int


FailedItem.model_rebuild()
Synced.model_rebuild()
