"""The query and the response of an import, and the models of the lines that it reads."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from functions.http.content import ContentHash
from functions.http.views import QueryModel, WireModel
from functions.sessions.views import VERSION_MAX
from functions.sync.views import SessionId
from persistence.documents import Description, Device, LabelText, MediaType, RevisionName, Timestamp, TitleText
from persistence.imports.lines import ImportMode, LineOutcome, LineReport
from persistence.sessions.documents import SessionStatus
from persistence.sessions.revisions import SessionAction


class ImportQuery(QueryModel):
    """Where sessions go, and which calls belong together."""

    import_id: SessionId = Field(
        description="12 characters of A-Z, a-z, 0-9, _ and - that you choose: the same for all pages of one "
        "export, and for repeats.",
        examples=["import-00001"],
    )
    mode: ImportMode = Field(
        ImportMode.COPY,
        description="`copy`: to new ids. `skip`: to their own ids, unless these are taken. `replace`: to their "
        "own ids; a session of yours gets a new version.",
    )


class LineView(WireModel):
    """What became of a line."""

    line: int = Field(description="The number of the line, from 1 on.")
    outcome: LineOutcome = Field(description="`imported`, `skipped` or `refused`.")
    id: str | None = Field(description="The id of the session that has it now.")
    pointer: str | None = Field(description="A JSON pointer to the field at fault, if the line was refused.")
    detail: str | None = Field(description="Why it was skipped or refused.")


class ImportedView(WireModel):
    """What became of each line."""

    imported: int = Field(description="The number of lines that were imported.")
    skipped: int = Field(description="The number of lines that were skipped.")
    refused: int = Field(description="The number of lines that were refused.")
    lines: list[LineView] = Field(description="Each line that is not empty, in order.")


class _LineModel(BaseModel):
    """A part of a line. Members that are not known here are ignored: a later release may add some."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, defer_build=True)


class SessionFields(_LineModel):
    """The metadata of a session in an export, as far as an import uses it."""

    id: SessionId
    description: Description | None = None
    app: LabelText | None = None
    status: SessionStatus
    created_at: Timestamp
    version: int = Field(ge=1, le=VERSION_MAX)
    content_hash: ContentHash


class SessionLine(_LineModel):
    """The line of a session."""

    kind: Literal["session"]
    metadata: SessionFields


class VersionFields(_LineModel):
    """A version in an export, as far as an import uses it."""

    version: int = Field(ge=1, le=VERSION_MAX)
    action: SessionAction
    saved_at: Timestamp
    title: TitleText
    content_hash: ContentHash
    device_info: Device = None
    media_type: MediaType | None = None
    name: RevisionName | None = None


class VersionLine(_LineModel):
    """The line of a version."""

    kind: Literal["revision"]
    session_id: SessionId
    revision: VersionFields
    content: str | None = None


def imported(reports: list[LineReport]) -> ImportedView:
    """Returns the view of what became of all lines."""
    outcomes = [report.outcome for report in reports]
    views = [
        LineView(
            line=report.number,
            outcome=report.outcome,
            id=report.id,
            pointer=report.pointer,
            detail=report.detail,
        )
        for report in sorted(reports, key=lambda report: report.number)
    ]
    return ImportedView(
        imported=outcomes.count(LineOutcome.IMPORTED),
        skipped=outcomes.count(LineOutcome.SKIPPED),
        refused=outcomes.count(LineOutcome.REFUSED),
        lines=views,
    )
