"""Imports of what no export has: a broken line stops no other, and nothing is half imported."""

import random
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from functions.imports.endpoints import BODY_MAX_BYTES
from functions.imports.reading import LINES_MAX
from persistence import stores_over
from persistence.limits import LimitRules
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.http import SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.imports import Line, imported, outcomes, pages, send, session_line, version_line
from tests.support.sessions import assert_sound, content_ids, sha256, stored_heads

BOB = "bob"


@pytest.mark.parametrize(
    ("broken", "pointer"),
    [
        (b'{"kind": "session", "meta', "#"),
        (b"[" * 10_000, "#"),
        (b'{"kind": ' + b"[" * 10_000, "#"),
        (b"\xff\xfe", "#"),
        (b"null", "#/kind"),
        (b"{}", "#/kind"),
        ({"kind": ["session"]}, "#/kind"),
        ({"kind": "session"}, "#/metadata"),
        (session_line("../etc/passwd"), "#/metadata/id"),
        (session_line("session-0002", title="x", status="nonsense"), "#/metadata/status"),
        (session_line("session-0002", version=0), "#/metadata/version"),
        (session_line("session-0002", version=10**18), "#/metadata/version"),
        (session_line("session-0002", createdAt="yesterday"), "#/metadata/createdAt"),
        (session_line("session-0002", description="x" * 2_001), "#/metadata/description"),
        (session_line(), "#/metadata/id"),
        (version_line(version=1, content="another"), "#/revision/version"),
        (version_line("session-0001", version=2, contentHash=sha256("other")), "#/content"),
        (version_line("session-0001", version=2, title=""), "#/revision/title"),
        (version_line("session-0001", version=2, action="exploded"), "#/revision/action"),
        (version_line("session-0001", version=2, content="x" * 1_572_865), "#/content"),
        ({**version_line("session-0001", version=2), "content": 7}, "#/content"),
    ],
)
async def test_a_broken_line_is_refused_by_field_and_the_rest_follows(
    client: Client, engine: Engine, broken: Line | bytes, pointer: str
) -> None:
    lines = [session_line(), version_line(), broken, session_line("session-0009"), version_line("session-0009")]
    report = await imported(client, lines)
    assert outcomes(report) == ["imported", "imported", "refused", "imported", "imported"]
    assert report["lines"][2]["line"] == 3 and report["lines"][2]["pointer"] == pointer, report["lines"][2]
    assert report["lines"][2]["detail"]
    assert len(await stored_heads(engine)) == 2
    await assert_sound(engine)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([session_line()], ["refused"]),
        ([version_line()], ["refused"]),
        ([session_line(version=2), version_line(version=1)], ["refused"] * 2),
        ([session_line(), {**version_line(), "content": None}], ["refused"] * 2),
        ([session_line(contentHash=sha256("other")), version_line()], ["refused"] * 2),
        (
            [session_line(), version_line(), version_line(version=9, content="later")],
            ["imported"] * 2 + ["skipped"],
        ),
        ([session_line(status="trashed"), version_line()], ["skipped"] * 2),
        ([session_line(status="deleted"), version_line()], ["skipped"] * 2),
        ([{"kind": "of tomorrow"}, {"kind": "end", "pageToken": None}], ["skipped"] * 2),
    ],
)
async def test_nothing_is_half_imported(
    client: Client, engine: Engine, lines: list[Line], expected: list[str]
) -> None:
    assert outcomes(await imported(client, lines)) == expected
    assert len(await stored_heads(engine)) == ("imported" in expected)
    await assert_sound(engine)


async def test_ids_and_contents_of_other_people_are_out_of_reach(client: Client) -> None:
    path, _ = await made(client, content="secret")
    bob, id = client.of(BOB), path.rpartition("/")[2]
    without = {**version_line(id, "secret"), "content": None}
    assert set(outcomes(await imported(bob, [session_line(id, "secret"), without]))) == {"refused"}
    for mode in ("copy", "skip", "replace"):
        assert set(outcomes(await imported(bob, [session_line(id, "x"), version_line(id, "x")], mode))) == {
            "imported"
        }
    assert assert_ok(await client.get(path)).json["content"] == "secret"
    assert assert_ok(await client.get(path)).json["metadata"]["version"] == 1


async def test_times_in_the_future_become_the_present(client: Client) -> None:
    future = "9999-01-01T00:00:00.000000Z"
    [line, _] = (await imported(client, [session_line(createdAt=future), version_line(savedAt=future)]))["lines"]
    metadata = assert_ok(await client.get(f"{SESSIONS}/{line['id']}")).json["metadata"]
    assert metadata["createdAt"] < "2100" and metadata["updatedAt"] < "2100"


async def test_a_history_takes_as_many_versions_as_any_other(client: Client, engine: Engine) -> None:
    many = [version_line(version=number, content=f"{number}") for number in range(60, 0, -1)]
    named = [version_line(version=number, content=f"{number}", name="Kept") for number in range(100, 60, -1)]
    report = await imported(client, [session_line(version=100, content="100"), *named, *many])
    rules = SETTINGS.store_rules().sessions
    assert report["imported"] == 1 + rules.named_max + rules.keep_revisions
    await assert_sound(engine, has_gaps=True)


async def test_the_limits_of_a_person_hold(engine: Engine) -> None:
    rules = replace(SETTINGS.store_rules(), limits=LimitRules({"sessions": 1}, {"kept_bytes": 20}))
    stores = stores_over(engine, rules)
    client = Client(stores, SETTINGS)
    large = [session_line("session-0002", "x" * 21), version_line("session-0002", "x" * 21)]
    history = [session_line(content="22", version=2), version_line(content="22", version=2)]
    report = await imported(client, [*large, *history, version_line(content="x" * 21, version=1)])
    assert set(outcomes(report)) == {"refused"} and "kept bytes" in report["lines"][0]["detail"]
    assert set(outcomes(await imported(client, history))) == {"imported"}
    before = await content_ids(engine)
    assert set(outcomes(await imported(client, [version_line(content="x" * 21, version=1)]))) == {"refused"}
    assert await content_ids(engine) == before, "nothing is written before the limit is checked"
    again = [session_line("session-0003"), version_line("session-0003")]
    assert "at most 1 sessions" in (await imported(client, again))["lines"][0]["detail"]
    await assert_sound(engine)


async def test_a_call_has_limits(client: Client) -> None:
    lines: list[Line | bytes] = [b"{}"] * (LINES_MAX + 1)
    assert_problem(await send(client, lines), 422, "invalid_request")
    assert_problem(await send(client, [b""] * (2 * LINES_MAX + 2)), 422, "invalid_request")
    assert_problem(await send(client, [b" " * (BODY_MAX_BYTES + 1)]), 413, "body_too_large")
    assert_problem(await send(client, [], import_id="short"), 422, "invalid_request")
    assert_problem(await send(client, [], mode="overwrite"), 422, "invalid_request")
    crowd = b'{"kind": "session", "a": [' + b"0," * 2_000_000 + b"0]}"
    assert outcomes(await imported(client, [crowd])) == ["refused"]


def _flip(line: bytes, random: random.Random) -> bytes:
    at = random.randrange(len(line))
    return line[:at] + bytes([line[at] ^ 1 << random.randrange(8)]) + line[at + 1 :]


def _cut(line: bytes, random: random.Random) -> bytes:
    return line[: random.randrange(len(line))]


def _swap(line: bytes, random: random.Random) -> bytes:
    value = orjson.loads(line)
    parent = value[random.choice([key for key, one in value.items() if isinstance(one, dict)])]
    parent[random.choice(list(parent))] = random.choice([None, 7, -1, 1.5, True, "", "x", [], {}, "\ud7ff"])
    return orjson.dumps(value)


@pytest.mark.parametrize("mutate", [_flip, _cut, _swap])
async def test_mutated_lines_cause_no_fault(
    client: Client, engine: Engine, mutate: Callable[[bytes, random.Random], bytes]
) -> None:
    chance = random.Random(1)
    for number in range(3):
        path, _ = await made(client, content=f"{number}", title=f"Plan {number}")
        assert_ok(await client.put(path, {"content": f"{number} again"}))
    lines = [orjson.dumps(line) for page in await pages(client) for line in page]
    for round in range(40):
        mutated = [mutate(line, chance) if chance.random() < 0.5 else line for line in lines]
        mode = chance.choice(["copy", "skip", "replace"])
        assert_ok(await send(client.of(BOB), mutated, f"import-{round:05}", mode))
    await assert_sound(engine, BOB)
