"""Dataclasses and pydantic models: saved, verified and deleted, alone and together."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

import pytest
from pydantic import BaseModel
from savepoint_client import Conflict, NotFound, SavepointError
from savepoint_client.models import MOST, Models, Registry, Unverified

from tests.browser.line import Answer, Forward, Sent, answer_is_lost, never_arrives
from tests.python_client.conftest import Person


class Tyre(Enum):
    SOFT = "soft"


@dataclass
class Lap:
    id: int
    driver: str
    time: timedelta = timedelta(seconds=83, microseconds=7)
    at: datetime = datetime(2026, 11, 27, 9, 30, 1, 123456, tzinfo=UTC)
    fuel: Decimal = Decimal("1234567890123456789.012345678")
    tyres: list[Tyre] = field(default_factory=lambda: [Tyre.SOFT])


class Team(BaseModel):
    id: str
    members: dict[str, int]


class Plain:
    def __init__(self, number: int) -> None:
        self.number = number


def test_an_instance_is_saved_and_equal_after_reading(person: Person) -> None:
    models = Models(person.connect())
    for instance in (Lap(1, "Ann"), Team(id="red", members={"Ann": 1})):
        saved = models.auto_save(instance)
        assert saved and saved.version == 1 and saved.changed
        assert Models(person.connect()).load(type(instance), instance.id) == instance
    titles = {each.title for each in person.connect().sessions.list({"app": "race"})}
    assert titles == {"Lap 1", "Team red"}


def test_what_has_not_changed_is_not_sent(person: Person) -> None:
    models = Models(person.connect())
    lap = Lap(1, "Ann")
    models.auto_save(lap)
    sent = len(person.line.writes())
    saved = models.auto_save(lap)
    assert saved and not saved.changed and len(person.line.writes()) == sent
    lap.driver = "Ben"
    saved = models.auto_save(lap)
    assert saved and saved.version == 2
    actions = [each.action for each in person.connect().activity.list({"session_id": saved.id})]
    assert actions == ["saved", "created"]


def test_a_registry_says_how_a_class_is_named_and_written(person: Person) -> None:
    registry = Registry()
    registry.register(
        Plain, name="plain", key="number", dumps=lambda it: str(it.number), loads=lambda text: Plain(int(text))
    )
    models = Models(person.connect(), registry)
    models.auto_save(Plain(7))
    assert models.load(Plain, 7).number == 7
    with pytest.raises(TypeError, match="register it"):
        Models(person.connect()).auto_save(Plain(7))


def test_what_somebody_else_saved_is_not_overwritten(person: Person) -> None:
    one, other = Models(person.connect()), Models(person.connect())
    one.auto_save(Lap(1, "Ann"))
    other.load(Lap, 1)
    other.auto_save(Lap(1, "Ben"))
    with pytest.raises(Conflict):
        one.auto_save(Lap(1, "Carl"))
    assert one.load(Lap, 1).driver == "Ben"


def test_what_somebody_else_changed_is_not_called_saved(person: Person) -> None:
    one, other = Models(person.connect()), Models(person.connect())
    one.auto_save(Lap(1, "Ann"))
    other.auto_save(Lap(1, "Ben"))
    with pytest.raises(Conflict):
        one.auto_save(Lap(1, "Ann"))
    saved = one.auto_save(Lap(1, "Ann"))
    assert saved and saved.changed and other.load(Lap, 1).driver == "Ann"


def test_many_are_saved_together_or_not_at_all(person: Person) -> None:
    one, other = Models(person.connect()), Models(person.connect())
    laps = [Lap(n, "Ann") for n in range(MOST)]
    saved = one.auto_save_bulk(laps)
    assert saved and len(saved) == MOST
    other.load(Lap, 3)
    other.auto_save(Lap(3, "Ben"))
    for lap in laps:
        lap.driver = "Carl"
    with pytest.raises(SavepointError):
        one.auto_save_bulk(laps)
    assert {other.load(Lap, n).driver for n in range(3)} == {"Ann"}
    assert len([each for each in person.line.writes() if each.path.endswith("/sync")]) == 3


def test_over_forty_is_a_value_error_before_anything_is_sent(person: Person) -> None:
    models = Models(person.connect())
    with pytest.raises(ValueError, match="at most 40"):
        models.auto_save_bulk([Lap(n, "Ann") for n in range(MOST + 1)])
    with pytest.raises(ValueError, match="twice"):
        models.auto_save_bulk([Lap(1, "Ann"), Lap(1, "Ben")])
    assert not person.line.sent


@pytest.mark.parametrize("fault", [answer_is_lost, never_arrives])
def test_a_save_that_was_lost_is_repeated_and_makes_one_version(person: Person, fault) -> None:
    models = Models(person.connect())
    first = iter([fault])
    person.line.breaks(
        lambda sent, forward: it(sent, forward) if (it := next(first, None)) else forward(), "POST", "/sync"
    )
    saved = models.auto_save(Lap(1, "Ann"))
    assert saved and len(person.server.history(saved.id)) == 1


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_what_is_not_what_was_sent_is_undone(person: Person, old: bool) -> None:
    models = Models(person.connect())
    if old:
        models.auto_save(Lap(1, "Ann"))

    def lies(sent: Sent, forward: Forward) -> Answer:
        answer = forward()
        body = json.loads(answer.body)
        body["items"][0]["metadata"]["contentHash"] = "0" * 64
        return Answer(answer.status, json.dumps(body).encode(), {"Content-Type": "application/json"})

    person.line.breaks(lies, "POST", "/sync")
    with pytest.raises(Unverified):
        models.auto_save(Lap(1, "Ben"))
    if old:
        assert models.load(Lap, 1).driver == "Ann"
    else:
        assert not person.server.sessions()


def test_a_deleted_instance_is_in_the_trash_and_may_be_saved_again(person: Person) -> None:
    models = Models(person.connect())
    lap = Lap(1, "Ann")
    with pytest.raises(NotFound):
        models.auto_delete(lap)
    models.auto_save(lap)
    models.auto_delete(lap)
    assert not person.server.sessions() and len(list(person.connect().trash.list())) == 1
    lap.driver = "Ben"
    models.auto_save(lap)
    assert models.load(Lap, 1) == lap
