"""Lines of activity in tests: making them, and reading what is stored."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from persistence.activity.documents import ActivityAction, ActivityLine, Subject, SubjectKind, line_id
from persistence.activity.store import EVERYTHING, ActivityFilter, ActivityStore
from persistence.sessions.documents import SessionHead
from persistence.sessions.lines import is_told, line_of_naming, line_of_row
from persistence.sessions.revisions import Revision
from persistence.storage.containers import SESSIONS, Container
from persistence.storage.engine import COMMIT_MAX_OPERATIONS, Create, Engine, Item, Replace
from persistence.storage.query import Query
from tests.support.clock import NOON
from tests.support.engines import Around
from tests.support.sessions import settled

ActionOf = tuple[int | None, str]

OWNER = "ann"
SESSION = "session-0001"


def line(version: int, session_id: str = SESSION, /, **fields: Any) -> ActivityLine:
    """Returns the line of a version that was saved that many minutes after noon."""
    given = {
        "id": line_id(session_id, version, f"save {version}", NOON),
        "owner_id": OWNER,
        "at": NOON + timedelta(minutes=version),
        "action": ActivityAction.SAVED,
        "subject": Subject(kind=SubjectKind.SESSION, id=session_id, title="First"),
        "version": version,
    }
    return ActivityLine.model_validate(given | fields)


async def write(engine: Engine, lines: Sequence[ActivityLine]) -> None:
    """Stores lines of one owner, many at once."""
    for start in range(0, len(lines), COMMIT_MAX_OPERATIONS):
        creates = [Create(one.to_item()) for one in lines[start : start + COMMIT_MAX_OPERATIONS]]
        await engine.commit(SESSIONS, lines[0].owner_id, creates)


async def stored_lines(engine: Engine, owner_id: str = OWNER) -> list[ActivityLine]:
    """Returns every stored line of an owner, by id."""
    await settled()
    fields = ("schema", *(name for name in ActivityLine.model_fields if name != "schema_version"))
    query = Query("activity", owner_id, fields, page_size=100_000)
    return [ActivityLine.model_validate(item) for item in (await engine.query(SESSIONS, query)).items]


async def told(engine: Engine, session_id: str, owner_id: str = OWNER) -> list[ActionOf]:
    """Returns version and action of each line of a session, oldest first."""
    lines = await stored_lines(engine, owner_id)
    return [(one.version, one.action.value) for one in lines if one.subject.id == session_id]


async def walk(
    activity: ActivityStore, wanted: ActivityFilter = EVERYTHING, page_size: int = 10, owner_id: str = OWNER
) -> list[list[ActivityLine]]:
    """Returns every page of a feed."""
    pages, cursor = [], None
    while True:
        page = await activity.page(owner_id, wanted, page_size, cursor)
        pages.append(page.items)
        if (cursor := page.cursor) is None:
            return pages


class Witness(Around):
    """Records every row of every history that was ever stored, however it was stored."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self._heads: dict[str, SessionHead] = {}
        self._rows: dict[tuple[str, int], Revision] = {}
        self._namings: list[ActivityLine | None] = []

    @property
    def expected(self) -> dict[str, ActionOf]:
        """What lines must tell, by their ids."""
        rows = [(self._heads[session_id], row) for (session_id, _), row in self._rows.items()]
        lines = [line_of_row(head, row) for head, row in rows if is_told(row)]
        lines += [naming for naming in self._namings if naming is not None]
        return {each.id: (each.version, each.action.value) for each in lines}

    async def create(self, container: Container, item: Item) -> str:
        etag = await super().create(container, item)
        self._see(item)
        return etag

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        etag = await super().replace(container, item, if_match)
        self._see(item)
        return etag

    async def commit(
        self, container: Container, partition: str, operations: Sequence[Create | Replace]
    ) -> list[str]:
        etags = await super().commit(container, partition, operations)
        for operation in operations:
            self._see(operation.item)
        return etags

    def _see(self, item: Item) -> None:
        if item["kind"] == "session":
            head = self._heads[item["id"]] = SessionHead.model_validate(item)
            for row in (*head.remembered, *head.revisions):
                self._rows.setdefault((head.id, row.version), row)
                self._namings.append(line_of_naming(head, row))


async def assert_told(engine: Engine, witness: Witness, owner_id: str = OWNER) -> None:
    """Asserts that every change has its line, or that of its row, and that no line tells of anything else."""
    lines = [each for each in await stored_lines(engine, owner_id) if each.subject.kind is SubjectKind.SESSION]
    assert {each.id: (each.version, each.action.value) for each in lines} == witness.expected
