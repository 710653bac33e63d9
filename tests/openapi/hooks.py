"""What schemathesis cannot know from the API description. Loaded by schemathesis.toml."""

import hashlib
import re
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, MalformedJson
from schemathesis.openapi.checks import RejectedPositiveData

# A request that fits its schema may be refused with one of these codes, because of what is stored or who calls.
# Any other refusal would be a rule that the schema does not have.
NOT_FOR_ITS_FORM = {
    "changed",  # If-Match has no current ETag
    "confirmation_required",  # the header does not have the owner's id
    "base_gone",  # no version of the session has the ETag in If-Match
    "condition_required",  # If-Match is *, or has several ETags
    "gone",
    "invalid_delta",  # made from another content
    "invalid_cursor",  # of another list, or malformed
    "items_refused",  # sessions that do not exist
    "items_stale",
    "key_reused",  # the Idempotency-Key was used with another body
}
# Rules that depend on the time and on what is stored. The description has them in words.
ALSO = {
    "createSnapshot": {"expiresAt: must lie in the future"},
    "putDraft": {"content: is needed to create a draft"},
}
# Digests that are guessed never match. The coverage phase sends "0" here, too.
NO_DIGEST = {
    "Patched-Digest takes sha-256=:…:, with 32 bytes in base64.",
    "Repr-Digest takes sha-256=:…:, with 32 bytes in base64.",
    "contentHash: is not the SHA-256 of the content",
    "contentHash: needs content",
    "Repr-Digest: is not the SHA-256 of the body as it arrived",
}

# Its coverage phase sends "0", which does not match the pattern of conditions.
NO_CONDITION = {
    f'{name} takes * or ETags in quotes, as "3-9f86d081884c7d65".' for name in ("If-Match", "If-None-Match")
}

# The schema of a query cannot require a header.
NO_KEY = {"Send an Idempotency-Key with on_conflict=copy, so that a retry makes no second copy."}

# A pattern of every character that cannot be seen would fill the description, which says it in words.
UNSEEN = ": must have a character that can be seen"

# A schema cannot say that the ids of the items differ.
TWICE = "/id: is the id of more than one item"

# Content is returned as it was sent, with the type that the sender declared, right or wrong.
BY_ITSELF = {"getSessionContent", "getSnapshotContent"}


@schemathesis.serializer("application/x-fossil-delta", "application/x-ndjson")
def as_it_is(context: Any, value: Any) -> bytes:
    """Sends a delta as the bytes of its text."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Returns whether it is still a failure."""
    operation_id = case.operation.definition.raw["operationId"]
    if isinstance(failure, MalformedJson):
        return operation_id not in BY_ITSELF
    if isinstance(failure, AcceptedNegativeData):
        # Any text is a content, also that of a number or a list: `as_it_is` sends it.
        return operation_id != "putSessionContent" or isinstance(case.body, str | bytes)
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    excused = {*NO_CONDITION, *NO_DIGEST, *NO_KEY, *ALSO.get(operation_id, ())}
    if TWICE in problem["detail"] or UNSEEN in problem["detail"]:
        return False
    return problem["error"]["type"] not in NOT_FOR_ITS_FORM and problem["detail"] not in excused


@schemathesis.hook
def map_headers(context: Any, headers: Any) -> Any:
    """Leaves out headers that would make most sequences fail at their start."""
    operation_id = context.operation.definition.raw["operationId"]
    without = set()
    if operation_id == "putDraft" and "If-None-Match" in (headers or ()):
        without.add("If-Match")  # it requires an existing draft
    if operation_id in ("createSession", "createSnapshot"):
        without.add("Prefer")  # links need the id, not a representation
    without.add("Repr-Digest")  # of a body that is not known here
    return headers and {name: value for name, value in headers.items() if name not in without}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Makes well-formed hashes those of the contents, so that most requests are not refused because of them. Lets
    the items of a sync mean sessions that nothing else is about."""
    if not isinstance(body, dict):
        return body
    items = body.get("items")
    if isinstance(items, list) and all(isinstance(item, dict) and "id" in item for item in items):
        others = [{**item, "id": f"synced-{number:05d}"} for number, item in enumerate(items)]
        return {**body, "items": [_with_true_hash(item) for item in others]}
    return _with_true_hash(body)


def _with_true_hash(body: dict[str, Any]) -> dict[str, Any]:
    if not re.fullmatch("[0-9a-f]{64}", str(body.get("contentHash"))):
        return body
    content = body.get("content")
    if not isinstance(content, str):
        return {name: value for name, value in body.items() if name != "contentHash"}
    return {**body, "contentHash": hashlib.sha256(content.encode(errors="replace")).hexdigest()}
