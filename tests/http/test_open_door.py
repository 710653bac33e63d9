"""What calls of people without an identity cost: hardly a question to the database, and no line in the log."""

import asyncio
import logging

import pytest

from functions.health import ASK_SECONDS, Readiness
from functions.http.errors import StillAway
from persistence import Stores, stores_over
from persistence.errors import StoreUnavailable, Throttled
from persistence.storage.engine import Engine
from settings import Settings
from tests.conftest import SETTINGS
from tests.support.engines import Around
from tests.support.http import SESSIONS, Client, assert_ok, assert_problem
from tests.support.issuer import AUDIENCE, Issuer

LOGGER = "savepoint.requests"


class Counted(Around):
    """Counts how often it is asked, and raises `fault` if it is set."""

    asked = 0
    fault: Exception | None = None

    async def ping(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        await super().ping()


class Time:
    """A clock that stands still unless it is put forward."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_flood_of_questions_asks_the_database_once_in_five_seconds(engine: Engine) -> None:
    counted, time = Counted(engine), Time()
    readiness = Readiness(counted, time)
    for asked in (1, 2, 3):
        await asyncio.gather(*(readiness.check() for _ in range(100)))
        assert counted.asked == asked
        time.now += ASK_SECONDS


async def test_a_failure_is_remembered_for_as_long(engine: Engine) -> None:
    counted, time = Counted(engine), Time()
    readiness = Readiness(counted, time)
    counted.fault = StoreUnavailable()
    results = await asyncio.gather(*(readiness.check() for _ in range(100)), return_exceptions=True)
    assert [type(one) for one in results] == [StoreUnavailable, *99 * [StillAway]]
    counted.fault = None
    with pytest.raises(StillAway):
        await readiness.check()
    time.now += ASK_SECONDS
    await readiness.check()
    assert counted.asked == 2


async def test_a_database_that_is_away_is_logged_once_and_told_to_everybody(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Counted(engine)
    failing.fault = StoreUnavailable()
    client = Client(stores_over(failing, SETTINGS.store_rules()), SETTINGS)
    for _ in range(5):
        assert_problem(await client.get("health/ready"), 503, "store_unavailable")
    assert len([one for one in caplog.records if one.levelno >= logging.INFO]) == 1


async def test_a_database_that_is_too_busy_is_told_as_such_until_it_is_asked_again(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Counted(engine)
    failing.fault = Throttled(1)
    client = Client(stores_over(failing, SETTINGS.store_rules()), SETTINGS)
    for asked in range(3):
        problem = assert_problem(await client.get("health/ready"), 429, "throttled")
        assert problem["retryAfter"] == (5 if asked else 1)
    assert failing.asked == 1
    assert len([one for one in caplog.records if one.levelno >= logging.INFO]) == 1


async def test_a_question_that_is_given_up_makes_nobody_ill(engine: Engine) -> None:
    counted, time = Counted(engine), Time()
    readiness = Readiness(counted, time)
    await readiness.check()
    time.now += ASK_SECONDS
    given_up = asyncio.create_task(readiness.check())
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait({given_up})
    assert given_up.cancelled()
    await readiness.check()
    assert counted.asked == 2, "it is remembered for as long as any other"


async def test_no_stranger_writes_a_line(stores: Stores, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    sqlite = {"STORE_ENGINE": "sqlite"}
    swa = {**sqlite, "AUTH_MODE": "swa", "AUTH_PROVIDERS": "aad", "WEBSITE_AUTH_ENABLED": "True"}
    front = Client(stores, Settings.from_environ(swa))
    cross_site = {"Sec-Fetch-Site": "cross-site"}
    assert_problem(await front.get(SESSIONS, cross_site), 403, "forbidden_origin")
    assert_problem(await front.get(SESSIONS), 401, "unauthenticated")
    async with Issuer() as issuer:
        jwt = {"AUTH_MODE": "jwt", "JWT_ISSUERS": issuer.url, "JWT_AUDIENCE": AUDIENCE, "JWT_SCOPES": "save"}
        api = Client(stores, Settings.from_environ({**sqlite, **jwt}))
        bearer = {"Authorization": f"Bearer {issuer.token()}"}
        issuer.away = True
        assert_problem(await api.get(SESSIONS, bearer), 503, "identity_unavailable")
        issuer.away = False
        other = Client(stores, Settings.from_environ({**sqlite, **jwt}))
        assert_problem(await other.get(SESSIONS, bearer), 403, "forbidden_token")
    assert not [one.getMessage() for one in caplog.records if one.name == LOGGER]


async def test_calls_of_the_signed_in_have_a_line_and_those_of_others_none(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    client = Client(stores, SETTINGS)
    for path in ("health/live", "health/ready"):
        assert_ok(await client.get(path))
    assert_problem(await client.get("persistence/nothing"), 404, "unknown_path")
    jwt = Settings.from_environ(
        {
            "STORE_ENGINE": "sqlite",
            "AUTH_MODE": "jwt",
            "JWT_ISSUERS": "http://127.0.0.1:9",
            "JWT_AUDIENCE": "x",
        }
    )
    assert_problem(await Client(stores, jwt).get(SESSIONS), 401, "unauthenticated")
    assert_ok(await client.get(SESSIONS))
    [line] = [one.getMessage() for one in caplog.records if one.name == LOGGER]
    assert line.startswith("get_sessions_metadata 200")
