"""A kind of thing that the product does not know: usage, limits, export, erasure and timers reach it.

Two lines outside its package are enough: one where stores are opened, one where endpoints are registered.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from functions import app
from functions.http.api import Api
from functions.http.rate_limit import TokenBuckets
from persistence import Rules, Stores, stores_over
from persistence.errors import NotFound, StorageFull, TooMany
from persistence.limits import LimitRules
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.kinds.notes import endpoints as note_endpoints
from tests.kinds.notes.kind import RETENTION, note_kind
from tests.kinds.notes.store import NoteStore
from tests.support import http
from tests.support.clock import Clock
from tests.support.http import NEW, Client, assert_ok, assert_problem, made
from tests.support.sessions import damage, items_of

USAGE, EXPORT, ME = "persistence/usage", "persistence/export", "persistence/me"
OWNER = "ann"


def open_stores(engine: Engine, limits: LimitRules | None = None) -> tuple[Stores, NoteStore]:
    """The stores of the product, and notes."""
    stores = stores_over(engine, Rules(limits=limits or LimitRules()))
    notes = NoteStore(stores.shared)
    # The line in `stores_over`:
    return replace(stores, kinds=(*stores.kinds, note_kind(notes))), notes


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoints of the product, and those of notes."""

    def add_endpoints(api: Api, stores: Stores, rate_limit: TokenBuckets) -> None:
        of_the_product(api, stores, rate_limit)
        # The line in `add_endpoints`:
        api.add(note_endpoints.routes, NoteStore(stores.shared))

    of_the_product = app.add_endpoints
    monkeypatch.setattr(app, "add_endpoints", add_endpoints)
    # The API description is that of this test.
    monkeypatch.setattr(http, "_described", {})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.installed(monkeypatch)


async def export_lines(client: Client) -> list[dict[str, Any]]:
    """Every line of every call, without the last line of each, and without activity."""
    lines: list[dict[str, Any]] = []
    cursor = ""
    while True:
        response = assert_ok(await client.get(EXPORT, cursor=cursor))
        *found, end = [orjson.loads(line) for line in response.body.splitlines()]
        lines += [line for line in found if line["kind"] != "activity"]
        if end["pageToken"] is None:
            return lines
        cursor = end["pageToken"]


def bytes_of(number: int) -> dict[str, int]:
    return {"storedBytes": number, "keptBytes": number, "trashBytes": 0}


async def test_its_number_and_bytes_are_in_the_usage(engine: Engine) -> None:
    stores, notes = open_stores(engine, LimitRules(counts={"notes": 7}))
    client = Client(stores, SETTINGS, OWNER)
    await made(client, content="12345")
    note = await notes.create(OWNER, "äb")
    await notes.create(OWNER, "c")
    await notes.create("bob", "of another")
    usage = assert_ok(await client.get(USAGE)).json
    assert usage["used"] == {"sessions": 1, "drafts": 0, "snapshots": 0, "notes": 2, **bytes_of(9)}
    assert usage["limits"] == {"sessions": 0, "drafts": 0, "snapshots": 0, "notes": 7, **bytes_of(0)}
    await notes.delete(OWNER, note.id)
    assert (await stores.limits.usage(OWNER))["notes"] == 1


async def test_it_is_served_and_described(engine: Engine) -> None:
    stores, notes = open_stores(engine)
    client = Client(stores, SETTINGS, OWNER)
    note = assert_ok(await client.post("persistence/notes", {"text": "äb"})).json
    path = f"persistence/notes/{note['id']}"
    assert assert_ok(await client.get(path)).json == note == {"id": note["id"], "text": "äb"}
    assert_problem(await client.of("bob").get(path), 404, "not_found")
    session, _ = await made(client)
    assert_problem(await client.get(session.replace("sessions", "notes")), 404, "not_found")
    assert_ok(await client.delete(path), 204)
    assert_problem(await client.get(path), 410, "gone")
    described = assert_ok(await client.get("openapi.json")).json["paths"]["/api/persistence/notes/{note_id}"]
    assert described["get"]["parameters"][0]["name"] == "note_id"


async def test_its_number_is_limited(engine: Engine) -> None:
    stores, notes = open_stores(engine, LimitRules(counts={"notes": 1}))
    note = await notes.create(OWNER, "one")
    with pytest.raises(TooMany) as refused:
        await notes.create(OWNER, "two")
    assert (refused.value.what, refused.value.used, refused.value.limit) == ("notes", 1, 1)
    await notes.create("bob", "one")
    await notes.delete(OWNER, note.id)
    await notes.create(OWNER, "two")
    await made(Client(stores, SETTINGS, OWNER))


async def test_its_bytes_are_limited_together_with_those_of_other_kinds(engine: Engine) -> None:
    stores, notes = open_stores(engine, LimitRules(sums={"stored_bytes": 10}))
    await notes.create(OWNER, "1234")
    client = Client(stores, SETTINGS, OWNER)
    assert (await client.post(http.SESSIONS, {**NEW, "content": "1234567"})).status == 507
    await made(client, content="123456")
    with pytest.raises(StorageFull):
        await notes.create(OWNER, "5")


async def test_it_is_exported_after_the_kinds_before_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    stores, notes = open_stores(engine)
    client = Client(stores, SETTINGS, OWNER)
    await made(client)
    texts = {(await notes.create(OWNER, f"{number}")).id: f"{number}" for number in range(3)}
    await notes.create("bob", "of another")
    unreadable = (await notes.create(OWNER, "damaged")).id
    await damage(engine, unreadable, OWNER, text=5)
    lines = await export_lines(client)
    assert [line["kind"] for line in lines[:2]] == ["session", "revision"]
    of_notes = {line.get("id") or line["metadata"]["id"]: line for line in lines[2:]}
    assert of_notes.pop(unreadable) == {"kind": "damaged", "id": unreadable, "unreadable": True}
    assert {id: (line["kind"], line["content"]) for id, line in of_notes.items()} == {
        id: ("note", text) for id, text in texts.items()
    }
    monkeypatch.setattr("functions.http.ndjson.PAGE_LINES", 1)
    assert await export_lines(client) == lines


async def test_it_is_erased_with_everything_else(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.account.erasure.ERASE_ITEMS", 2)
    stores, notes = open_stores(engine)
    client = Client(stores, SETTINGS, OWNER)
    await made(client)
    for number in range(3):
        await notes.create(OWNER, f"{number}")
    kept = await notes.create("bob", "of another")
    answers: list[dict[str, Any]] = []
    while not answers or not answers[-1]["done"]:
        headers = {"savepoint-confirm": OWNER}
        answers.append(assert_ok(await client.call("DELETE", ME, headers=headers)).json)
        assert list(answers[-1]) == ["sessions", "snapshots", "rows", "activity", "notes", "done"]
    numbers = [answer["notes"] for answer in answers]
    assert sum(numbers) == 3 and max(numbers) <= 2
    assert await items_of(engine, OWNER, "note") == []
    assert await notes.get("bob", kept.id) == kept


async def test_a_timer_takes_its_steps_too(engine: Engine, clock: Clock) -> None:
    stores, notes = open_stores(engine)
    gone, kept = await notes.create(OWNER, "gone"), await notes.create(OWNER, "kept")
    await notes.delete(OWNER, gone.id)
    assert str(await stores.timers.run("sweep_sessions")).endswith(", notes_forgotten 0, skipped 0")
    clock.at += RETENTION + timedelta(seconds=1)
    assert (await stores.timers.run("sweep_sessions"))["notes_forgotten"] == 1
    with pytest.raises(NotFound):
        await notes.get(OWNER, gone.id)
    assert await notes.get(OWNER, kept.id) == kept
    assert await notes.get(OWNER, kept.id) == kept
    assert [item["id"] for item in await items_of(engine, OWNER, "note")] == [kept.id]


async def test_it_is_served_by_its_own_endpoints(engine: Engine) -> None:
    stores, notes = open_stores(engine, LimitRules(counts={"notes": 1}))
    client = Client(stores, SETTINGS, OWNER)
    created = assert_ok(await client.post("persistence/notes", {"text": "one"})).json
    assert (await notes.get(OWNER, created["id"])).text == "one"
    problem = assert_problem(await client.post("persistence/notes", {"text": "two"}), 429, "too_many")
    assert problem["what"] == "notes"


async def test_the_api_description_names_it(engine: Engine) -> None:
    stores, _ = open_stores(engine)
    description = assert_ok(await Client(stores, SETTINGS, OWNER).get("openapi.json")).json
    schemas = description["components"]["schemas"]
    assert description["paths"]["/api/persistence/notes"]["post"]["operationId"] == "createNote"
    assert schemas["Amounts"]["properties"]["notes"] == {"type": "integer", "description": "Notes."}
    assert list(schemas["Erasure"]["properties"]) == ["sessions", "snapshots", "rows", "activity", "notes", "done"]
