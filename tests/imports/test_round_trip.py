"""What one person exports, another one imports: the same contents, titles and history."""

import asyncio
import gzip
from typing import Any

import orjson
import pytest

from persistence.storage.engine import Engine
from tests.support.drafts import DRAFTS
from tests.support.http import SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.imports import EXPORT, IMPORT, IMPORT_ID, content_of, imported, outcomes, pages
from tests.support.sessions import assert_sound

BOB = "bob"


async def a_life(client: Client) -> None:
    """Makes a session with history, a renamed and restored one, a closed one, a draft and a snapshot."""
    path, _ = await made(client, title="Plan", content="one", description="of all", app="map", deviceInfo="laptop")
    assert_ok(await client.put(path, {"content": "two", "mediaType": "text/plain"}))
    assert_ok(await client.put(f"{path}/revisions/1/name", {"name": "The first"}))
    assert_ok(await client.put(path, {"title": "Plan B"}))
    assert_ok(await client.post(f"{path}/revisions/1/restore", None))
    closed, _ = await made(client, title="Closed", content="one")
    assert_ok(await client.post(f"{closed}/close", None))
    assert_ok(await client.put(f"{DRAFTS}/draft-000001", {"content": "half"}), 201)
    assert_ok(await client.post("persistence/snapshots", {"title": "Shared", "content": "one"}), 201)


async def whole(client: Client) -> list[Any]:
    return [line for page in await pages(client) for line in page]


async def test_another_person_imports_everything(client: Client, engine: Engine) -> None:
    await a_life(client)
    lines, bob = await whole(client), client.of(BOB)
    report = await imported(bob, lines)
    kinds = [line["kind"] for line in lines]
    skipped = kinds.count("access_log") + kinds.count("snapshot")
    assert (report["imported"], report["skipped"], report["refused"]) == (len(lines) - skipped, skipped, 0)
    assert content_of(await whole(bob)) == content_of(lines)
    await assert_sound(engine, BOB)
    feed = assert_ok(await bob.get("persistence/activity")).json["items"]
    assert [item["action"] for item in feed].count("imported") == 1


@pytest.mark.parametrize("page_lines", [1, 3])
async def test_pages_of_one_export_meet_in_one_import(
    client: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch, page_lines: int
) -> None:
    await a_life(client)
    monkeypatch.setattr("functions.http.ndjson.PAGE_LINES", page_lines)
    exported, bob = await pages(client), client.of(BOB)
    assert len(exported) > 4
    for _ in range(2):  # the second time nothing is new
        for page in exported:
            assert "refused" not in outcomes(await imported(bob, page))
        monkeypatch.undo()
        assert content_of(await whole(bob)) == content_of([line for page in exported for line in page])
    await assert_sound(engine, BOB)


async def test_repeats_at_the_same_time_make_one_session(client: Client, engine: Engine) -> None:
    await a_life(client)
    lines, bob = await whole(client), client.of(BOB)
    reports = await asyncio.gather(*(imported(bob, lines) for _ in range(4)))
    assert all(report == reports[0] for report in reports)
    assert content_of(await whole(bob)) == content_of(lines)
    await assert_sound(engine, BOB)


async def test_a_copy_that_was_changed_since_keeps_the_change(client: Client, engine: Engine) -> None:
    path, _ = await made(client, content="one")
    assert_ok(await client.put(path, {"content": "two"}))
    session, newest, oldest = await whole(client)
    bob = client.of(BOB)
    [line, _] = (await imported(bob, [session, newest]))["lines"]
    mine = f"{SESSIONS}/{line['id']}"
    assert_ok(await bob.put(mine, {"content": "mine"}))
    assert outcomes(await imported(bob, [oldest])) == ["imported"]
    assert assert_ok(await bob.get(mine)).json["content"] == "mine"
    history = assert_ok(await bob.get(f"{mine}/revisions")).json["items"]
    assert [one["version"] for one in history] == [3, 2, 1]
    assert assert_ok(await bob.get(f"{mine}/revisions/1")).json["content"] == "one"
    await assert_sound(engine, BOB)


async def test_an_import_may_come_gzipped(client: Client) -> None:
    await made(client)
    body = gzip.compress(b"\n".join(map(orjson.dumps, await whole(client))))
    headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
    answer = assert_ok(await client.call("POST", IMPORT, body, headers, {"import_id": IMPORT_ID})).json
    assert answer["imported"] == 2


async def test_one_session_is_exported_as_a_file(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await a_life(client)
    of_one = [line for line in await whole(client) if line["kind"] in ("session", "revision")]
    id = next(line["metadata"]["id"] for line in of_one if line["kind"] == "session")
    path = f"{SESSIONS}/{id}/export"
    response = assert_ok(await client.get(path))
    assert response.headers["content-disposition"] == f'attachment; filename="session-{id}.ndjson"'
    [lines] = await pages(client, path)
    assert lines == [line for line in of_one if id in (line.get("sessionId"), line.get("metadata", {}).get("id"))]
    assert_ok(await client.head(path))
    monkeypatch.setattr("functions.http.ndjson.PAGE_LINES", 1)
    assert [line for page in await pages(client, path) for line in page] == lines
    assert_problem(await client.get(path, cursor="x"), 400, "invalid_cursor")
    assert_problem(await client.of(BOB).get(path), 404, "not_found")


async def test_skip_leaves_what_is_there(client: Client, engine: Engine) -> None:
    path, _ = await made(client, content="one")
    gone, _ = await made(client, content="gone", title="Gone")
    lines = await whole(client)
    assert_ok(await client.put(path, {"content": "two"}))
    assert_ok(await client.delete(gone, purge="true"), 204)
    assert set(outcomes(await imported(client, lines, "skip"))) == {"skipped"}
    assert assert_ok(await client.get(path)).json["content"] == "two"
    bob = client.of(BOB)
    assert set(outcomes(await imported(bob, lines, "skip"))) == {"imported"}
    assert assert_ok(await bob.get(path)).json["content"] == "one"
    await assert_sound(engine, BOB)


async def test_replace_makes_a_new_version_and_a_repeat_none(client: Client, engine: Engine) -> None:
    path, _ = await made(client, content="one", title="Then", description="old")
    lines = await whole(client)
    assert_ok(await client.put(path, {"content": "two", "title": "Now", "description": "new"}))
    for _ in range(2):
        assert outcomes(await imported(client, lines, "replace")) == ["imported", "imported"]
        session = assert_ok(await client.get(path)).json
        assert session["content"] == "one"
        assert [session["metadata"][name] for name in ("version", "title", "description")] == [3, "Then", "old"]
    assert assert_ok(await client.get(f"{path}/revisions/2")).json["content"] == "two"
    assert_ok(await client.delete(path), 204)
    assert set(outcomes(await imported(client, lines, "replace", import_id="import-00002"))) == {"refused"}
    await assert_sound(engine)


async def test_a_copy_that_was_deleted_does_not_come_back(client: Client) -> None:
    await made(client)
    lines, bob = await whole(client), client.of(BOB)
    report = await imported(bob, lines)
    assert_ok(await bob.delete(f"{SESSIONS}/{report['lines'][0]['id']}"), 204)
    again = await imported(bob, lines)
    assert set(outcomes(again)) == {"refused"} and "trash" in again["lines"][0]["detail"]


async def test_what_was_in_the_trash_is_skipped(client: Client) -> None:
    path, _ = await made(client)
    assert_ok(await client.delete(path), 204)
    assert set(outcomes(await imported(client.of(BOB), await whole(client)))) == {"skipped"}


async def test_the_last_line_of_a_page_leaves_room_for_an_import(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await made(client, content=f"{number}" * 500)
    monkeypatch.setattr("functions.http.ndjson.PAGE_BYTES", 1_500)
    cursor = ""
    for _ in range(3):
        response = assert_ok(await client.get(EXPORT, cursor=cursor))
        *_, end = map(orjson.loads, response.body.splitlines())
        assert len(response.body) < 2_600
        cursor = end["pageToken"]
