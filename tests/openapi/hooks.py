"""What schemathesis cannot know of the API by its description alone. Loaded by name, from schemathesis.toml."""

from typing import Any

import schemathesis
from schemathesis.core.failures import MalformedJson
from schemathesis.openapi.checks import RejectedPositiveData

# A request that fits its schema is refused for what is stored, or for what is known of the caller, under one of
# these names alone: whatever else is said of it would be a rule that the schema does not tell.
NOT_FOR_ITS_FORM = {
    "changed",  # If-Match names what is not current
    "confirmation_required",  # the header is there, but does not hold the owner's id
    "gone",
    "invalid_cursor",  # of another list, or of none
    "key_reused",  # the Idempotency-Key came with another body before
}
# Rules that depend on the time and on what is there already; the description tells them in words.
ALSO = {
    "createSnapshot": {"expiresAt: must lie in the future"},
    "putDraft": {"content: is needed to create a draft"},
}

# In its coverage phase it sends "0" and takes that for a match of the pattern that conditions have.
NO_CONDITION = {
    f'{name} takes * or ETags in quotes, as "3-9f86d081884c7d65".' for name in ("If-Match", "If-None-Match")
}

# Content goes out as it came in, under the type that its sender named: whether it is of that type is their affair.
BY_ITSELF = {"getSessionContent", "getSnapshotContent"}


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether it stays a failure."""
    operation_id = case.operation.definition.raw["operationId"]
    if isinstance(failure, MalformedJson):
        return operation_id not in BY_ITSELF
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    excused = {*NO_CONDITION, *ALSO.get(operation_id, ())}
    return problem["error"]["type"] not in NOT_FOR_ITS_FORM and problem["detail"] not in excused


@schemathesis.hook
def map_headers(context: Any, headers: Any) -> Any:
    """Leaves out what would end most stories before they begin."""
    operation_id = context.operation.definition.raw["operationId"]
    without = set()
    if operation_id == "putDraft" and "If-None-Match" in (headers or ()):
        without.add("If-Match")  # which has to hold, and so never makes a draft
    if operation_id in ("createSession", "createSnapshot"):
        without.add("Prefer")  # a representation is no id that a link could take; the examples ask for one
    return headers and {name: value for name, value in headers.items() if name not in without}
