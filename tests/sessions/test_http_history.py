"""The history of a session, its closing and its last access, over HTTP."""

import pytest

from persistence import Stores, stores_over
from persistence.sessions.rules import DEFAULT_RULES
from tests.conftest import SETTINGS
from tests.support.clock import Clock
from tests.support.engines import CountingReads
from tests.support.http import Client, assert_ok, assert_problem, made, metadata_path
from tests.support.sessions import sha256

pytestmark = pytest.mark.one_engine


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


async def test_the_history_lists_every_version_and_reads_no_content(
    client: Client, counting: CountingReads
) -> None:
    path, _ = await made(client, deviceInfo="phone")
    await client.put(path, {"content": "two", "deviceInfo": "laptop"})
    await client.put(path, {"title": "Second"})
    counting.forget()
    listed = assert_ok(await client.get(f"{path}/revisions")).json
    assert counting.verbs == ["read"] and counting.kinds_read == {"session"}
    assert listed["pageToken"] is None
    history = [(one["version"], one["action"], one["title"], one["deviceInfo"]) for one in listed["items"]]
    assert history == [
        (3, "renamed", "Second", None),
        (2, "saved", "First", "laptop"),
        (1, "created", "First", "phone"),
    ]
    fields = {"version", "action", "savedAt", "deviceInfo", "title", "contentHash", "contentBytes"}
    fields |= {"mediaType", "name", "description", "previousVersion"}
    assert all(one.keys() == fields for one in listed["items"])


async def test_a_version_is_read_as_it_was_and_restored_as_a_new_one(client: Client) -> None:
    path, _ = await made(client, content="żółć")
    second = await client.put(path, {"content": "two"})
    first = assert_ok(await client.get(f"{path}/revisions/1")).json
    assert (first["metadata"]["version"], first["content"]) == (1, "żółć")
    assert first["metadata"]["contentHash"] == sha256("żółć")

    condition = {"If-Match": second.etag, "Idempotency-Key": "restore"}
    restored = assert_ok(await client.post(f"{path}/revisions/1/restore", None, condition))
    assert (restored.json["version"], restored.json["contentHash"]) == (3, sha256("żółć"))
    assert restored.etag == restored.json["etag"]
    assert (await client.get(path)).json["content"] == "żółć"
    again = assert_ok(await client.post(f"{path}/revisions/1/restore", None, condition))
    assert again.json == restored.json
    stale = await client.post(f"{path}/revisions/2/restore", None, {"If-Match": second.etag})
    assert assert_problem(stale, 412, "changed")["current"] == restored.json


@pytest.mark.parametrize("version", ["2", "0", "-1", "1.0", "one", "9" * 16, "9" * 400, "١", "latest"])
async def test_a_version_that_is_not_kept_is_404(client: Client, version: str) -> None:
    path, _ = await made(client)
    assert_problem(await client.get(f"{path}/revisions/{version}"), 404, "not_found")
    assert_problem(await client.post(f"{path}/revisions/{version}/restore", None), 404, "not_found")


async def test_a_closed_session_is_read_only_until_it_is_reopened(client: Client) -> None:
    path, etag = await made(client)
    closed = assert_ok(await client.post(f"{path}/close", None, {"If-Match": etag}))
    assert (closed.json["status"], closed.json["version"]) == ("closed", 2) and closed.etag == closed.json["etag"]
    for response in (
        await client.put(path, {"content": "two"}),
        await client.put(path, {"content": "two"}, {"If-Match": etag}),
        await client.call("PUT", path, {"title": "Second"}, query={"autosave": "true"}),
        await client.call("PATCH", path, {"title": "Second"}),
        await client.post(f"{path}/close", None),
        await client.post(f"{path}/revisions/1/restore", None),
    ):
        problem = assert_problem(response, 409, "illegal_move")
        assert (problem["sessionStatus"], problem["legal"]) == ("closed", ["reopened", "deleted"])
    assert assert_ok(await client.get(path)).json == {"metadata": closed.json, "content": "one"}
    assert_problem(await client.post(f"{path}/reopen", None, {"If-Match": etag}), 412, "changed")
    reopened = assert_ok(await client.post(f"{path}/reopen", None))
    assert reopened.json["status"] == "active"
    assert_problem(await client.post(f"{path}/reopen", None), 409, "illegal_move")
    assert_ok(await client.put(path, {"content": "two"}, {"If-Match": reopened.etag}))


async def test_validate_tells_what_is_current(client: Client) -> None:
    path, _ = await made(client)
    saved = await client.put(path, {"content": "two"})
    valid = assert_ok(await client.get(f"{path}/validate"))
    metadata = saved.json["metadata"]
    assert valid.json == {name: metadata[name] for name in ("id", "status", "version", "contentHash", "etag")}
    assert valid.etag == saved.etag
    assert_problem(await client.of("bob").get(f"{path}/validate"), 404, "not_found")
    await client.delete(path)
    assert_problem(await client.get(f"{path}/validate"), 410, "gone")
    assert_problem(await client.put(f"{path}/touch", None), 410, "gone")


async def test_validate_and_touch_count_as_access_and_make_no_version(
    client: Client, counting: CountingReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock.installed(monkeypatch)
    path, etag = await made(client)
    before = (await client.get(metadata_path(path))).json
    for method, call in [("GET", "validate"), ("PUT", "touch")]:
        counting.forget()
        clock.advance(minutes=14)
        assert (await client.call(method, f"{path}/{call}")).etag == etag
        assert counting.verbs == ["read"]
        clock.advance(minutes=2)
        for _ in range(3):
            response = await client.call(method, f"{path}/{call}")
            assert response.etag == etag and response.status == (200 if method == "GET" else 204)
        assert [one.verb for one in counting.writes] == ["replace"]
        after = (await client.get(metadata_path(path))).json
        assert after["lastAccessedAt"] > before["lastAccessedAt"]
        assert {**after, "lastAccessedAt": None} == {**before, "lastAccessedAt": None}
        before = after
    assert len((await client.get(f"{path}/revisions")).json["items"]) == 1


async def test_a_history_says_what_to_compare_with(client: Client) -> None:
    path, _ = await made(client, content="one", description="About", mediaType="text/plain")
    await client.put(path, {"title": "Second"})
    await client.put(path, {"content": "two", "mediaType": "text/markdown"})
    items = assert_ok(await client.get(f"{path}/revisions")).json["items"]
    assert [(one["version"], one["previousVersion"], one["description"], one["mediaType"]) for one in items] == [
        (3, 2, "About", "text/markdown"),
        (2, None, None, "text/plain"),
        (1, None, None, "text/plain"),
    ]
    for one in items:
        shown = assert_ok(await client.get(f"{path}/revisions/{one['version']}")).json
        assert shown["metadata"] == one


async def test_a_history_says_how_many_versions_stay(client: Client) -> None:
    path, _ = await made(client)
    kept = assert_ok(await client.get(f"{path}/revisions")).json["kept"]
    assert kept == {"unnamed": DEFAULT_RULES.keep_revisions, "named": DEFAULT_RULES.named_max}


async def test_a_history_is_read_page_by_page(client: Client) -> None:
    path, _ = await made(client)
    other, _ = await made(client)
    for number in range(6):
        await client.put(path, {"content": f"{number}"})
    seen: list[int] = []
    cursor = ""
    for size in (3, 2, 2):
        page = assert_ok(await client.get(f"{path}/revisions", page_size=str(size), cursor=cursor)).json
        seen += [one["version"] for one in page["items"]]
        cursor, before = page["pageToken"], cursor
    assert seen == [7, 6, 5, 4, 3, 2, 1] and cursor is None
    assert_problem(await client.get(f"{other}/revisions", cursor=before), 400, "invalid_cursor")
    for size in ("0", "101", "many"):
        assert_problem(await client.get(f"{path}/revisions", page_size=size), 422, "invalid_request")


async def test_a_named_version_stays_and_naming_makes_no_version(client: Client, counting: CountingReads) -> None:
    path, etag = await made(client)
    name = f"{path}/revisions/1/name"
    counting.forget()
    named = assert_ok(await client.put(name, {"name": "Before the move"}))
    assert [one.kinds for one in counting.asked] == [("session",), ("session", "activity")]
    assert (named.json["version"], named.json["name"]) == (1, "Before the move")
    assert "etag" not in named.headers
    counting.forget()
    assert assert_ok(await client.put(name, {"name": "Before the move"})).json == named.json
    assert [one.kinds for one in counting.writes] == [("activity",)], "nothing changes, and it is told once"
    unchanged = await client.get(metadata_path(path))
    assert (unchanged.etag, unchanged.json["version"]) == (etag, 1)
    assert (
        assert_ok(await client.put(path, {"content": "two"}, {"If-Match": etag})).json["metadata"]["version"] == 2
    )
    for number in range(SETTINGS.keep_revisions + 1):
        await client.put(path, {"content": f"{number}"})
    items = (await client.get(f"{path}/revisions")).json["items"]
    assert len(items) == SETTINGS.keep_revisions + 1
    assert (items[-1]["version"], items[-1]["name"]) == (1, "Before the move")
    assert assert_ok(await client.get(f"{path}/revisions/1")).json["content"] == "one"

    for _ in range(2):
        assert (await client.delete(name)).status == 204
    assert (await client.get(f"{path}/revisions")).json["items"][-1]["name"] is None
    await client.put(path, {"content": "last"})
    assert (await client.get(f"{path}/revisions")).json["items"][-1]["version"] > 1
    assert_problem(await client.delete(name), 404, "not_found")
    assert_problem(await client.put(name, {"name": "Too late"}), 404, "not_found")


async def test_only_so_many_versions_have_names(client: Client) -> None:
    path, _ = await made(client)
    for number in range(SETTINGS.named_revisions_max + 1):
        await client.put(path, {"content": f"{number}"})
        answer = await client.put(f"{path}/revisions/{number + 2}/name", {"name": f"{number}"})
    limit = SETTINGS.named_revisions_max
    problem = assert_problem(answer, 409, "too_many_named")
    assert (problem["limit"], problem["used"]) == (limit, limit)
    assert_ok(await client.put(f"{path}/revisions/2/name", {"name": "Another name is none more"}))
    await client.delete(f"{path}/revisions/3/name")
    assert_ok(await client.put(f"{path}/revisions/{limit + 2}/name", {"name": "Now"}))


@pytest.mark.parametrize("name", ["x", "x" * 60, "🙂" * 60, " x"], ids=ascii)
async def test_a_name_has_up_to_60_characters(client: Client, name: str) -> None:
    path, _ = await made(client)
    assert assert_ok(await client.put(f"{path}/revisions/1/name", {"name": name})).json["name"] == name


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": " "}, {"name": None}]
    + [{"name": "x" * 61}, {"name": "a\0b"}, {"name": 5}, {"nam": "x"}],
    ids=ascii,
)
async def test_another_name_is_refused(client: Client, body: dict[str, object]) -> None:
    path, _ = await made(client)
    assert_problem(await client.put(f"{path}/revisions/1/name", body), 422, "invalid_request")
    assert (await client.get(f"{path}/revisions")).json["items"][0]["name"] is None


async def test_versions_of_drafts_and_of_closed_sessions_have_names_too(client: Client) -> None:
    draft = "persistence/drafts/draft-000001"
    assert (await client.put(draft, {"content": "one"})).status == 201
    path = draft.replace("drafts", "sessions")
    assert_ok(await client.put(f"{path}/revisions/1/name", {"name": "Mine"}))
    await client.put(draft, {"content": "two"})
    await client.post(f"{draft}/promote", None)
    await client.post(f"{path}/close", None)
    assert_ok(await client.put(f"{path}/revisions/3/name", {"name": "Final"}))
    items = (await client.get(f"{path}/revisions")).json["items"]
    assert {one["version"]: one["name"] for one in items} == {4: None, 3: "Final", 2: None, 1: "Mine"}
