"""Django: nothing is sent before the commit, and no instance is touched."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core import serializers
from django.core.files.base import ContentFile
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.forms import modelform_factory
from savepoint_client.models import Models
from savepoint_client.models import django as adapter
from savepoint_client.models.django import track

from tests.browser.line import answers, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.database import Car, Driver, fixture, tables


@pytest.fixture
def models(person: Person) -> Iterator[Models]:
    tables()
    yield Models(person.connect())
    for signal in (post_save, post_delete, m2m_changed):
        signal.receivers = []
        signal.sender_receivers_cache.clear()
    connections.close_all()


def content(person: Person, models: Models, instance: Any) -> Any:
    return json.loads(person.server.content(models.id_of(instance)))


def test_p33_nothing_is_sent_before_the_commit_and_then_once(person: Person, models: Models) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        models.auto_save(Driver.objects.create(name="Ann"))
        raise ZeroDivisionError
    assert not person.line.sent
    with transaction.atomic():
        ben = Driver.objects.create(name="Ben")
        assert models.auto_save(ben) is None
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            ben.name = "Nobody"
            ben.save()
            models.auto_save(ben)
            raise ZeroDivisionError
        models.auto_save(ben)
        assert not person.line.sent
    assert len(person.line.writes("/sync")) == 1
    assert content(person, models, ben)["fields"]["name"] == "Ben"


def test_p33_what_fails_after_the_commit_is_in_the_journal(person: Person, models: Models) -> None:
    person.line.breaks(never_arrives)
    with transaction.atomic():
        ann = Driver.objects.create(name="Ann")
        models.auto_save(ann)
    assert Driver.objects.count() == 1 and len(person.entries()) == 1
    person.line.works()
    (claimed,) = models.server.recover()
    assert claimed.status == "clean" and content(person, models, ann)["fields"]["name"] == "Ann"


def test_p33_an_update_that_fails_after_the_commit_is_recovered(person: Person, models: Models) -> None:
    ann = Driver.objects.create(name="Ann")
    models.auto_save(ann)
    models.server.owner()
    person.line.breaks(answers(401))
    for name in ("Ben", "Carl"):
        with transaction.atomic():
            ann.name = name
            ann.save()
            models.auto_save(ann)
    person.line.works()
    assert [each.status for each in models.server.recover()] == ["clean"]
    assert content(person, models, ann)["fields"]["name"] == "Carl" and not person.entries()


@pytest.mark.parametrize("atomic", [False, True])
def test_p33_a_request_that_is_committed_succeeds(
    person: Person, models: Models, monkeypatch: pytest.MonkeyPatch, atomic: bool
) -> None:
    track(models, Driver)
    models.server.owner()
    person.line.breaks(answers(401))
    with transaction.atomic() if atomic else nullcontext():
        ann = Driver.objects.create(name="Ann")
    assert len(person.entries()) == 1
    person.line.works()
    models.server.recover()
    assert content(person, models, ann)["fields"]["name"] == "Ann"
    monkeypatch.setattr(models, "_written", lambda _: 1 / 0)
    with transaction.atomic() if atomic else nullcontext():
        ann.save()


def test_p33_many_are_sent_together_after_the_commit(person: Person, models: Models) -> None:
    with transaction.atomic():
        drivers = [Driver.objects.create(name=f"Driver {n}") for n in range(5)]
        assert models.auto_save_bulk(drivers) is None
        gone = Driver.objects.create(name="Gone")
        models.auto_save(gone)
        gone.delete()
    assert len(person.server.sessions()) == 5 and len(person.line.writes("/sync")) == 1


def test_p34_signals_save_nothing_themselves_and_skip_fixtures(person: Person, models: Models) -> None:
    track(models, Driver)
    saves = []
    post_save.connect(lambda **given: saves.append(given["raw"]), weak=False)
    ann = Driver.objects.create(name="Ann")
    assert saves == [False] and len(person.server.sessions()) == 1
    with transaction.atomic():  # as loaddata does it
        for each in serializers.deserialize("python", fixture(1_000)):
            each.save()
    assert len(saves) == 1_001 and len(person.line.writes()) == 1
    ann.delete()
    assert not person.server.sessions()


def test_p35_bulk_calls_send_no_signals_and_are_recorded_by_hand(person: Person, models: Models) -> None:
    track(models, Driver)
    drivers = Driver.objects.bulk_create([Driver(name=f"Driver {n}") for n in range(3)])
    assert not person.line.sent
    models.auto_save_bulk(drivers)
    Driver.objects.update(name="Same")
    models.auto_save_bulk(Driver.objects.all())
    assert {content(person, models, each)["fields"]["name"] for each in drivers} == {"Same"}


@pytest.mark.parametrize("atomic", [False, True])
def test_p36_a_form_with_many_to_many_saves_the_new_set(person: Person, models: Models, atomic: bool) -> None:
    track(models, Car)
    ann, ben = (Driver.objects.create(name=name) for name in ("Ann", "Ben"))
    form = modelform_factory(Car, fields=["name", "drivers"])({"name": "Red", "drivers": [ann.pk, ben.pk]})
    if atomic:
        with transaction.atomic():
            car = form.save()
    else:
        car = form.save()
    assert content(person, models, car)["many"] == {"drivers": [ann.pk, ben.pk]}
    assert len(person.line.writes("/sync")) == (1 if atomic else 2)


def test_p38_values_are_equal_after_reading(person: Person, models: Models) -> None:
    car = Car(
        name="Red",
        built_at=datetime(2026, 11, 27, 9, 30, 1, 123456, tzinfo=UTC),
        price=Decimal("1234567890123456789.012345678"),
        lap=timedelta(days=1, seconds=3, microseconds=7),
        setup={"wing": [1, 2.5, None]},
        raw=b"\x00\xff",
    )
    car.plan.save("plan.txt", ContentFile(b"left, right"), save=False)
    car.save()
    models.auto_save(car)
    read = models.load(Car, car.pk)
    for field in Car._meta.concrete_fields:
        assert getattr(read, field.attname) == getattr(car, field.attname), field.name
    file = content(person, models, car)["fields"]["plan"]
    assert file["name"] == car.plan.name and len(file["sha256"]) == 64


def test_p39_a_version_field_of_the_model_is_left_alone(person: Person, models: Models) -> None:
    car = Car.objects.create(name="Red", version=7)
    for n in range(3):
        car.setup = {"wing": n}
        car.save()
        models.auto_save(car)
    car.refresh_from_db()
    assert car.version == 7 and content(person, models, car)["fields"]["version"] == 7


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.soak)])
async def test_p40_the_thread_that_saves_opens_no_database_and_serialises_nothing(
    person: Person, models: Models, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    opened, written = set[str](), set[str]()
    connect, dumps = BaseDatabaseWrapper.connect, adapter._dumps

    def watched(self: BaseDatabaseWrapper) -> None:
        opened.add(threading.current_thread().name)
        connect(self)

    def written_by(instance: Any) -> str:
        written.add(threading.current_thread().name)
        return dumps(instance)

    monkeypatch.setattr(BaseDatabaseWrapper, "connect", watched)
    monkeypatch.setattr(adapter, "_dumps", written_by)

    def saves(number: int) -> None:
        with transaction.atomic():
            models.auto_save(Driver.objects.create(name=f"Driver {number}"))
        connections.close_all()

    def all_saves() -> None:
        for number in range(count):
            saves(number)

    async def view() -> None:
        person.line.breaks(never_arrives)
        await sync_to_async(saves)(count)
        person.line.works()

    await asyncio.to_thread(all_saves)
    await view()
    assert len(list(models.server.sessions.list())) == count
    assert [each.status for each in models.server.recover()] == ["clean"]
    for names in (opened, written):
        assert names and not any(name.startswith("savepoint-") for name in names)
