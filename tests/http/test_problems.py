"""Every error has its problem type, and an unexpected error shows nothing but a reference."""

import importlib
import inspect
import logging
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import functions
import persistence
from functions.http import problems
from functions.http.errors import InvalidRequest, RequestError, TooFast
from functions.http.problems import problem
from functions.identity.errors import IdentityError
from functions.sessions.views import session_metadata
from persistence import stores_over
from persistence.documents import Document
from persistence.errors import (
    Changed,
    EngineError,
    FailedItem,
    Gone,
    InvalidField,
    InvalidMember,
    ItemChanged,
    ItemExists,
    ItemNotFound,
    ItemsRefused,
    LateTimer,
    LimitReached,
    PersistenceError,
    StoreUnavailable,
    Throttled,
    TimersLate,
    TooMany,
    Trashed,
)
from persistence.storage.containers import Container
from persistence.storage.engine import Item, Stored
from persistence.storage.query import Page, Query
from persistence.storage.sqlite import operations
from persistence.storage.sqlite.engine import SqliteEngine
from persistence.timers.run import StepFailed
from tests.conftest import SETTINGS
from tests.support.engines import Around
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem
from tests.support.sessions import new

BY_AN_ANCESTOR = {
    # Stores turn these into other errors. One that gets to HTTP is unexpected.
    ItemExists: EngineError,
    ItemNotFound: EngineError,
    ItemChanged: EngineError,
    TooMany: LimitReached,
    InvalidMember: InvalidField,
    Trashed: Gone,
    # Only hosts of timers see it.
    StepFailed: Exception,
    # Is told to operators on the command line.
    operations.Refused: Exception,
    # Never raised itself.
    IdentityError: Exception,
    RequestError: Exception,
}


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def error_classes() -> list[type[Exception]]:
    """Returns every exception class that the product defines."""
    found = {
        value
        for package in (persistence, functions)
        for module in [package, *modules(package)]
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == module.__name__
    }
    return sorted(found, key=lambda cls: cls.__name__)


def sample(cls: type[Exception]) -> Exception:
    """Returns an error of the class, with a plausible value for each argument."""
    if cls is InvalidRequest:
        return InvalidRequest([{"pointer": "#/title", "detail": "is too long"}])
    if issubclass(cls, ItemsRefused):
        return cls([FailedItem(1, "session-0001", Gone("session", "session-0001"))])
    if issubclass(cls, TimersLate):
        return cls([LateTimer("sweep_sessions", "2026-05-01T12:15:00.000000Z", None, "failed")])
    if cls.__init__ is Exception.__init__:
        return cls("Some words.")
    arguments: list[Any] = []
    for name, parameter in inspect.signature(cls).parameters.items():
        if parameter.default is parameter.empty:
            kind = str(parameter.annotation)
            arguments.append(7 if "int" in kind or "float" in kind else ["one"] if "Sequence" in kind else name)
    return cls(*arguments)


def answered(exc: Exception) -> Response:
    """Returns the problem, with the headers of every response."""
    answer = problem(exc)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    always = {"cache-control": "no-store, private", "x-content-type-options": "nosniff"}
    return Response(answer.status_code, {"content-type": answer.mimetype} | always | headers, answer.get_body())


@pytest.mark.parametrize("cls", error_classes(), ids=lambda cls: cls.__name__)
def test_every_error_has_a_row_or_is_covered_on_purpose(cls: type[Exception]) -> None:
    if cls not in problems.PROBLEM_TYPES:
        nearest = next(one for one in cls.__mro__ if one in problems.PROBLEM_TYPES)
        assert BY_AN_ANCESTOR.get(cls) is nearest, f"{cls.__name__} has no problem type"
    else:
        assert cls not in BY_AN_ANCESTOR


@pytest.mark.parametrize("cls", error_classes(), ids=lambda cls: cls.__name__)
def test_every_error_is_answered_as_its_row_says(cls: type[Exception]) -> None:
    expected = next(problems.PROBLEM_TYPES[one] for one in cls.__mro__ if one in problems.PROBLEM_TYPES)
    response = answered(sample(cls))
    body = assert_problem(response, expected.status, expected.code)
    assert body["title"] == expected.title
    assert {name.lower() for name in expected.headers} <= response.headers.keys()
    # Pages of other origins may not see the header.
    assert str(body.get("retryAfter")) == response.headers.get("retry-after", "None")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(Throttled(2.1), 3), (Throttled(0), 1), (TooFast(0.2), 1), (TooFast(59.5), 60), (StoreUnavailable(), 1)],
)
def test_the_seconds_until_a_retry_are_a_number_in_the_problem(error: Exception, seconds: int) -> None:
    response = answered(error)
    assert (response.json["retryAfter"], response.headers["retry-after"]) == (seconds, str(seconds))


def test_the_walk_finds_what_it_is_for() -> None:
    names = {cls.__name__ for cls in error_classes()}
    assert {"NotFound", "Throttled", "InvalidRequest", "Unauthenticated", "PersistenceError"} <= names
    assert set(problems.PROBLEM_TYPES) - {Exception} <= set(error_classes())


def test_a_name_means_one_status() -> None:
    statuses: dict[str, int] = {}
    for kind in problems.PROBLEM_TYPES.values():
        assert statuses.setdefault(kind.code, kind.status) == kind.status
        assert kind.code.replace("_", "").isalpha() and kind.code.islower()


class Failing(Around):
    """Raises `fault`, if it is set, in every verb that sessions use."""

    fault: Exception | None = None

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault

    async def read(self, container: Container, id: str, partition: str) -> Stored:
        self._check()
        return await super().read(container, id, partition)

    async def query(self, container: Container, query: Query) -> Page[Item]:
        self._check()
        return await super().query(container, query)

    async def commit(self, container: Container, partition: str, operations: Any) -> list[str]:
        self._check()
        return await super().commit(container, partition, operations)

    async def replace(self, container: Container, item: Item, if_match: str) -> str:
        self._check()
        return await super().replace(container, item, if_match)

    async def ping(self) -> None:
        self._check()


@pytest.fixture
async def failing(tmp_path: Path) -> Any:
    engine = Failing(SqliteEngine(tmp_path))
    yield engine
    await engine.close()


@pytest.fixture
def client(failing: Failing) -> Client:
    return Client(stores_over(failing, SETTINGS.store_rules()), SETTINGS)


async def every_call(client: Client, failing: Failing, fault: Exception) -> list[Response]:
    """Returns the responses of the session endpoints for an existing session, while the engine fails."""
    id = assert_ok(await client.post(SESSIONS, NEW), 201).json
    failing.fault = fault
    answers = [
        await client.get(SESSIONS),
        await client.post(SESSIONS, NEW),
        await client.get(f"{SESSIONS}/{id}"),
        await client.get(f"{SESSIONS}/metadata/{id}"),
        await client.put(f"{SESSIONS}/{id}", {"title": "Second"}),
        await client.delete(f"{SESSIONS}/{id}"),
        await client.get("health/ready"),
    ]
    failing.fault = None
    assert_ok(await client.get(f"{SESSIONS}/{id}"))
    return answers


@pytest.mark.parametrize(
    "fault",
    [
        RuntimeError("sqlite: no such table: secrets"),
        ValueError("the database refused SELECT * FROM c WHERE c.key = 'hunter2'"),
        KeyError("/home/app/secret"),
        PersistenceError("words that were never meant for a person"),
        EngineError("words of an engine"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_the_unforeseen_is_a_reference_that_the_log_has_too(
    client: Client, failing: Failing, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    for answer in await every_call(client, failing, fault):
        body = assert_problem(answer, 500, "internal")
        assert str(fault.args[0]) not in answer.body.decode()
        assert body["reference"] in body["detail"]
        [record] = [one for one in caplog.records if body["reference"] in one.getMessage()]
        assert record.levelno == logging.ERROR
        assert record.exc_info is None and "raise self.fault" in record.getMessage()
        assert type(fault).__name__ in record.getMessage()
        # The words of others can repeat what is stored.
        assert isinstance(fault, PersistenceError) == (str(fault.args[0]) in record.getMessage())


async def test_references_never_repeat(client: Client, failing: Failing) -> None:
    answers = await every_call(client, failing, RuntimeError())
    assert len({answer.json["reference"] for answer in answers}) == len(answers)


async def test_a_store_that_is_away_is_503_and_says_when_to_come_back(
    client: Client, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    fault = StoreUnavailable()
    fault.__cause__ = OSError("10.0.0.7 refused the connection")
    for answer in await every_call(client, failing, fault):
        assert_problem(answer, 503, "store_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert "10.0.0.7" not in answer.body.decode()
    assert "10.0.0.7 refused the connection" in caplog.text


@pytest.mark.parametrize(("seconds", "header"), [(0.01, "1"), (2.6, "3"), (30, "30")])
async def test_a_throttled_store_is_429_and_says_how_long_to_wait(
    client: Client, failing: Failing, seconds: float, header: str
) -> None:
    for answer in await every_call(client, failing, Throttled(seconds)):
        assert_problem(answer, 429, "throttled")
        assert answer.headers["retry-after"] == header


@pytest.mark.parametrize("seconds", [0, 0.2])
@pytest.mark.parametrize("cls", [Throttled, TooFast])
def test_retry_after_is_at_least_one_second(cls: type[Throttled] | type[TooFast], seconds: float) -> None:
    assert answered(cls(seconds)).headers["retry-after"] == "1"


async def test_a_document_is_sent_as_its_view_and_not_at_all_without_one(failing: Failing) -> None:
    class Secret(Document):
        kind: str = "secret"

    assert "current" not in answered(Changed("secret", "1", Secret(id="1"))).json
    head = await stores_over(failing).sessions.create("ann", new())
    current = answered(Changed("session", head.id, head)).json["current"]
    assert current == session_metadata(head).model_dump(mode="json") and "revisions" not in current


def test_members_are_named_as_in_json_and_query_parameters_as_they_are() -> None:
    body = answered(InvalidMember("expires_at", "must lie in the future")).json
    assert body["errors"] == [{"pointer": "#/expiresAt", "detail": "must lie in the future"}]
    assert body["detail"] == body["error"]["message"] == "expiresAt: must lie in the future"
    body = answered(InvalidField("page_size", "must be 1 to 100")).json
    assert body["errors"] == [{"parameter": "page_size", "detail": "must be 1 to 100"}]
    assert body["detail"] == "page_size: must be 1 to 100"
