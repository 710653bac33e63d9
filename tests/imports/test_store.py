"""The import over stores that fail."""

import pytest

from persistence.content import pack
from persistence.documents import now
from persistence.errors import StoreUnavailable
from persistence.imports.lines import CurrentState, ImportedSession, ImportedVersion, ImportMode
from persistence.imports.store import ImportStore
from persistence.sessions.documents import SessionStatus
from persistence.sessions.revisions import SessionAction
from persistence.sessions.rules import DEFAULT_RULES
from persistence.sessions.store import SessionStore
from persistence.shared import Shared
from persistence.storage.engine import Engine
from tests.support.breaking import Dies
from tests.support.engines import AnswersLost, CountingReads
from tests.support.sessions import OWNER, assert_sound, stored_heads

IMPORT_ID = "import-00001"
pytestmark = pytest.mark.each_way


def import_store(engine: Engine) -> ImportStore:
    shared = Shared.over(engine)
    return ImportStore(shared, SessionStore(shared), DEFAULT_RULES)


def some(many: int) -> list[ImportedSession]:
    """Returns sessions with two versions each."""
    found = []
    for number in range(many):
        versions = [
            ImportedVersion(1, version, SessionAction.SAVED, now(), "Plan", packed.hash, None, None, None, packed)
            for version in (2, 1)
            for packed in [pack(f"{number} {version}")]
        ]
        current = CurrentState(1, 2, versions[0].content_hash, None, None, SessionStatus.ACTIVE, now())
        found.append(ImportedSession(f"session-{number:04}", current, versions))
    return found


async def test_a_store_that_is_away_stops_the_import_and_a_repeat_completes_it(engine: Engine) -> None:
    sessions = some(40)
    counting = CountingReads(Dies(engine, at=9))
    with pytest.raises(StoreUnavailable):
        await import_store(counting).run(OWNER, IMPORT_ID, ImportMode.COPY, sessions)
    asked = len(counting.asked)
    assert asked < 60, "the other sessions are not tried"
    for _ in range(2):
        await import_store(engine).run(OWNER, IMPORT_ID, ImportMode.COPY, sessions)
        assert [len(head.revisions) for head in await stored_heads(engine)] == [2] * 40
    await assert_sound(engine)


async def test_an_import_whose_answer_was_lost_is_completed_by_a_repeat(engine: Engine) -> None:
    sessions = some(3)
    lossy = AnswersLost(engine, ["commit", "create"])
    try:
        await import_store(lossy).run(OWNER, IMPORT_ID, ImportMode.COPY, sessions)
    except StoreUnavailable:
        await import_store(engine).run(OWNER, IMPORT_ID, ImportMode.COPY, sessions)
    assert lossy.times == 0
    assert [head.metadata.version for head in await stored_heads(engine)] == [2] * 3
    await assert_sound(engine)
