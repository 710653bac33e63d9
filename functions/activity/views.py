"""The models of requests and responses about activity."""

from typing import Annotated

from pydantic import Field, StringConstraints

from functions.http.paging import UNTIL, PageQuery, QueryTime, UntilTime
from functions.http.views import WireModel, view_of
from persistence.activity.documents import ActivityAction, ActivityLine, Actor, SubjectKind
from persistence.activity.store import ActivityFilter
from persistence.documents import ID_LENGTH, LabelText, Timestamp


class ActivitySubjectView(WireModel):
    """What a line tells of."""

    kind: SubjectKind = Field(description="Its kind. A draft is a session. An export is of the account.")
    id: str = Field(description="Its id.")
    title: str | None = Field(description="Its title at that time, if it is known.")


class ActivityView(WireModel):
    """One line of your activity."""

    at: Timestamp = Field(description="When it happened.")
    action: ActivityAction = Field(description="What happened.")
    actor: Actor = Field(description="Who did it: you, or a timer.")
    subject: ActivitySubjectView = Field(description="What it was done to.")
    version: int | None = Field(description="The version of the session that was made or named.")
    name: str | None = Field(description="The name that the version got. Null if it got none, or lost it.")
    device_info: str | None = Field(description="The device that did it, if it is known.")
    content_hash: str | None = Field(description="The SHA-256 of the content at that time, in hexadecimal.")
    content_bytes: int | None = Field(description="The size of the content at that time, in bytes of UTF-8.")
    app: str | None = Field(description="The label of the app that the subject had.")


SessionId = Annotated[str, StringConstraints(pattern=rf"^[A-Za-z0-9_-]{{{ID_LENGTH}}}$")]


class ActivityQuery(PageQuery):
    """Which lines. With an action or an app, or with times and a session, a page looks at up to 1,000 lines."""

    session_id: SessionId | None = Field(
        None, description="The id of a session of yours, also of a deleted one. Its lines come by version."
    )
    action: ActivityAction | None = Field(None, description="One action.")
    app: LabelText | None = Field(None, description="The label of one app.")
    since: QueryTime | None = Field(None, alias="from", description="At or after this time.")
    until: UntilTime | None = Field(None, alias="to", description=f"At or before this time. {UNTIL}")

    def wanted(self) -> ActivityFilter:
        """Returns the filter."""
        return ActivityFilter(self.session_id, self.action, self.app, self.since, self.until)


@view_of.register
def activity(line: ActivityLine) -> ActivityView:
    """Returns the view of a line."""
    return ActivityView.model_validate(line)
