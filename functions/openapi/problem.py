"""Problems as they cross the wire, for the description: `problems.py` writes them without a model's help."""

from typing import Annotated

from pydantic import Field

from functions.http.problems import TABLE, TYPE_PREFIX
from functions.sessions.views import SessionMetadata, WireModel
from persistence.sessions.documents import SessionStatus

CODES = sorted({row.code for row in TABLE.values()})

Code = Annotated[str, Field(json_schema_extra={"enum": list(CODES)})]
TypeUri = Annotated[str, Field(json_schema_extra={"enum": [TYPE_PREFIX + code for code in CODES]})]


class Fault(WireModel):
    """One fault of a request: `pointer` is a JSON pointer into the body, `parameter` one of the query's."""

    detail: str
    pointer: str = Field(default_factory=str)
    parameter: str = Field(default_factory=str)


class ErrorWords(WireModel):
    """The problem once more: its stable name, and words that can be shown to a person."""

    type: Code
    message: str


class Problem(WireModel):
    """What every answer holds that is no success (RFC 9457). Members that do not fit the problem are absent."""

    # Nobody makes one of these: a default factory, unlike a default, only says that a member can be absent.

    type: TypeUri
    title: str
    status: int
    detail: str = Field(description="Words that can be shown to a person.")
    error: ErrorWords
    errors: list[Fault] = Field(default_factory=list, description="422: what is wrong with the request.")
    current: SessionMetadata = Field(
        default_factory=SessionMetadata.model_construct, description="412: the session or draft as it is now."
    )
    reference: str = Field(default_factory=str, description="500: by this the log tells what happened.")
    size: int = Field(default_factory=int, description="413: how many bytes it has.")
    limit: int = Field(default_factory=int, description="413, 429, 507: how many are allowed.")
    what: str = Field(default_factory=str, description="429, 507: of what there is too much.")
    used: int = Field(default_factory=int, description="429, 507: how much of it is kept.")
    session_status: SessionStatus = Field(
        default_factory=lambda: SessionStatus.CLOSED, description="409: what the session is."
    )
    legal: list[str] = Field(default_factory=list, description="409: what can be done to it instead.")
