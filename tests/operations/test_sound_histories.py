"""`verify` says nothing of what people make of histories: pruned, coalesced, named, restored and in the trash."""

import random
from contextlib import suppress
from datetime import timedelta

import pytest

from persistence import Rules, stores_over
from persistence.errors import PersistenceError
from persistence.sessions.documents import SessionChange, StoredFormat
from persistence.sessions.rules import SessionRules
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine, Item
from tests.operations.store import everything
from tests.operations.test_verify import more_bytes, plant, verified
from tests.support.clock import Clock
from tests.support.drafts import DRAFT, MOVES, OTHER, draft
from tests.support.sessions import OWNER
from tests.support.timers import run_daily

STEPS = 150


def another_title_twin(item: Item) -> None:
    item["metadata"]["title__lower"] += "x"


@pytest.mark.one_engine
@pytest.mark.parametrize("stored_format", [1, 2])
@pytest.mark.parametrize("seed", [1, pytest.param(None, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)])])
async def test_nothing_is_said_of_what_people_do(
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    stored_format: StoredFormat,
    seed: int | None,
) -> None:
    clock = Clock.installed(monkeypatch)
    monkeypatch.setattr("operations.checks.now", clock)
    chance = random.Random(seed)
    for _ in range(1 if seed else 40):
        keep = chance.choice([1, 2, 3, 20])
        rules = SessionRules(keep_revisions=keep, named_max=3, stored_format=stored_format)
        stores = stores_over(engine, Rules(sessions=rules))
        for step in range(STEPS):
            clock.at += timedelta(seconds=chance.choice([1, 20, 90]))
            id, version = chance.choice([DRAFT, OTHER]), chance.randrange(1, 12)
            text = draft(f"{seed} {step} " * chance.randrange(1, 9))
            with suppress(PersistenceError):
                match chance.randrange(12):
                    case 0 | 1 | 2:
                        await stores.drafts.put(OWNER, id, text)
                    case 3 | 4:
                        await stores.sessions.save(OWNER, id, text)
                    case 5:
                        await stores.sessions.save(OWNER, id, SessionChange(title=f"Title {step}"))
                    case 6:
                        name = chance.choice([None, "Name"])
                        await stores.sessions.name_revision(OWNER, id, version, name)
                    case 7:
                        await stores.sessions.restore(OWNER, id, version)
                    case 8:
                        await stores.trash.restore(OWNER, id)
                    case 9:
                        await stores.sessions.get(OWNER, id)
                    case _:
                        await MOVES[chance.choice(list(MOVES))](stores, id)
        await stores.sessions.drain()
        assert await verified(engine, capsys) == (0, [])
        clock.at += timedelta(days=2)
        await run_daily(stores)
        assert await verified(engine, capsys) == (0, [])


@pytest.mark.one_engine
async def test_a_head_of_the_first_format_is_mended_in_it(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = stores_over(engine, Rules(sessions=SessionRules(stored_format=1)))
    await stores.drafts.put(OWNER, DRAFT, draft())
    before = await everything(engine)
    for harm in (more_bytes, another_title_twin):
        await plant(engine, (SESSIONS.name, OWNER, DRAFT), harm)
        status, [found] = await verified(engine, capsys, repair=True)
        assert (status, found["fault"], found["repaired"]) == (0, "derived", True)
        assert await everything(engine) == before
