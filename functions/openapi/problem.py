"""The schema of problems. `problems.py` makes them without this model."""

from typing import Annotated

from pydantic import Field

from functions.http.problems import PROBLEM_TYPES, TYPE_PREFIX
from functions.http.views import WireModel
from functions.sessions.views import SessionMetadataView
from persistence.errors import DeltaRule
from persistence.sessions.documents import SessionStatus

CODES = sorted({kind.code for kind in PROBLEM_TYPES.values()})

Code = Annotated[str, Field(json_schema_extra={"enum": list(CODES)})]
TypeUri = Annotated[str, Field(json_schema_extra={"enum": [TYPE_PREFIX + code for code in CODES]})]


class Fault(WireModel):
    """One fault of a request. One of `pointer`, `parameter` and `header` is present."""

    detail: str = Field(description="What is wrong, in words for users.")
    pointer: str = Field(default_factory=str, description="A JSON pointer into the body.")
    parameter: str = Field(default_factory=str, description="The name of a parameter in the query or the path.")
    header: str = Field(default_factory=str, description="The name of a request header.")


class ErrorWords(WireModel):
    """The name of a problem, and words for users."""

    type: Code = Field(description="The stable name of the problem.")
    message: str = Field(description="The same as `detail`.")


class Problem(WireModel):
    """Every error (RFC 9457). Members that do not belong to the problem are absent."""

    # No object of this class is made. A default factory, unlike a default, says only that a member can be absent.

    type: TypeUri = Field(description="The stable name of the problem, as a URI.")
    title: str = Field(description="The kind of problem, in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong, in words for users.")
    error: ErrorWords = Field(description="The problem once more, for existing clients.")
    errors: list[Fault] = Field(default_factory=list, description="422: the faults of the request.")
    current: SessionMetadataView = Field(
        default_factory=SessionMetadataView.model_construct, description="412: the session or draft as it is now."
    )
    reference: str = Field(default_factory=str, description="500: finds the reason in the operator's log.")
    retry_after: int = Field(
        default_factory=int, description="429, 503, 507: seconds to wait before a retry, as in `Retry-After`."
    )
    size: int = Field(default_factory=int, description="413: the size in bytes.")
    fits: int = Field(default_factory=int, description="413: the most first items that fit into one call.")
    limit: int = Field(default_factory=int, description="413, 429, 507: the limit.")
    trash_bytes: int = Field(
        default_factory=int, description="507, if the limit counts the trash: bytes in it. Purging it frees them."
    )
    trashed: bool = Field(default_factory=bool, description="410: true if it is in the trash.")
    purges_at: str = Field(
        default_factory=str,
        description="410: until when it can be restored from the trash.",
        json_schema_extra={"format": "date-time"},
    )
    what: str = Field(default_factory=str, description="429, 507: what the limit counts.")
    used: int = Field(default_factory=int, description="429, 507: how much of it you keep.")
    rule: DeltaRule = Field(
        default_factory=lambda: DeltaRule.WELL_FORMED, description="422: the rule that the delta breaks."
    )
    session_status: SessionStatus = Field(
        default_factory=lambda: SessionStatus.CLOSED, description="409: the status of the session."
    )
    legal: list[str] = Field(default_factory=list, description="409: what the status allows instead.")
    items: list["FailedItem"] = Field(
        default_factory=list, description="412, 422: the items of an atomic sync that cannot be applied."
    )


class FailedItem(WireModel):
    """An item of an atomic sync that cannot be applied."""

    index: int = Field(description="Its place in `items`, from 0.")
    id: str = Field(description="The id of its session or draft.")
    problem: Problem = Field(description="Why. Pointers are relative to the item.")
