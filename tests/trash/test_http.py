"""The trash over HTTP: deleting into it, listing, restoring, purging and emptying it."""

import pytest

from persistence import stores_over
from persistence.storage.engine import Engine
from tests.conftest import SETTINGS
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.sessions import count

TRASH, DRAFTS, USAGE = "persistence/trash", "persistence/drafts", "persistence/usage"
DRAFT = f"{DRAFTS}/draft-000001"
UNKNOWN = "AAAAAAAAAAAA"


def limited(engine: Engine, **limits: int) -> Client:
    return Client(stores_over(engine, SETTINGS.model_copy(update=limits).store_rules()), SETTINGS)


def in_trash(path: str) -> str:
    return f"{TRASH}/{path.rpartition('/')[2]}"


async def usage(client: Client) -> dict[str, int]:
    used: dict[str, int] = assert_ok(await client.get(USAGE)).json["used"]
    return used


async def test_a_deleted_session_is_listed_restored_and_read_as_it_was(client: Client) -> None:
    path, etag = await made(client, title="Wells", description="Deep", app="map")
    before = assert_ok(await client.get(path)).json
    assert_ok(await client.delete(path, {"If-Match": etag}), 204)
    gone = assert_problem(await client.get(path), 410, "gone")
    [item] = assert_ok(await client.get(TRASH)).json["items"]
    assert gone["trashed"] is True and gone["purgesAt"] == item["purgesAt"] > item["trashedAt"]
    assert (item["status"], item["statusBefore"], item["title"], item["version"]) == (
        "trashed",
        "active",
        "Wells",
        2,
    )
    restored = assert_ok(await client.post(f"{in_trash(path)}/restore", b"", {"If-Match": item["etag"]}))
    assert restored.json["etag"] == restored.etag
    after = assert_ok(await client.get(path)).json
    assert after["content"] == before["content"] and after["metadata"] == restored.json
    changed = {"version", "updatedAt", "lastAccessedAt", "etag"}
    assert {name for name, value in after["metadata"].items() if value != before["metadata"][name]} == changed
    revisions = assert_ok(await client.get(f"{path}/revisions")).json["items"]
    assert [one["action"] for one in revisions] == ["untrashed", "trashed", "created"]
    assert assert_ok(await client.get(TRASH)).json == {"items": [], "pageToken": None}


@pytest.mark.parametrize("purge", ["false", "true"])
async def test_deleting_twice_is_204(client: Client, purge: str) -> None:
    path, etag = await made(client)
    assert_ok(await client.put(DRAFT, {"content": "one"}), 201)
    for target in (path, DRAFT):
        for _ in range(3):
            assert_ok(await client.delete(target, {"If-Match": etag} if target == path else {}, purge=purge), 204)
        assert ("trashed" in assert_problem(await client.get(target), 410, "gone")) is (purge == "false")
    for target in (f"{SESSIONS}/{UNKNOWN}", f"{DRAFTS}/{UNKNOWN}", f"{TRASH}/{UNKNOWN}"):
        assert_problem(await client.delete(target), 404, "not_found")


async def test_every_call_for_what_is_in_the_trash_is_410(client: Client) -> None:
    path, _ = await made(client)
    await client.delete(path)
    for response in (
        await client.get(path),
        await client.get(path.replace(SESSIONS, f"{SESSIONS}/metadata")),
        await client.get(f"{path}/content"),
        await client.get(f"{path}/revisions"),
        await client.get(f"{path}/revisions/1"),
        await client.get(f"{path}/validate"),
        await client.put(path, {"title": "Second"}),
        await client.put(path, {"title": "Second"}, {"If-Match": '"1-0123456789abcdef"'}),
        await client.put(f"{path}/touch", None),
        await client.put(path.replace(SESSIONS, DRAFTS), {"content": "two"}),
        await client.call("PATCH", path, {"title": "Second"}, {"content-type": "application/merge-patch+json"}),
        await client.post(f"{path}/close", b""),
        await client.post(f"{path}/revisions/1/restore", b""),
    ):
        problem = assert_problem(response, 410, "gone")
        assert problem["trashed"] is True and problem["purgesAt"] in problem["detail"]


async def test_the_trash_is_paged_and_filtered(client: Client) -> None:
    for number in range(3):
        path, _ = await made(client, title=f"{number}", app="map" if number else "chart")
        await client.delete(path)
    first = assert_ok(await client.get(TRASH, page_size="2", cursor="")).json
    rest = assert_ok(await client.get(TRASH, page_size="2", cursor=first["pageToken"])).json
    assert [one["title"] for one in first["items"] + rest["items"]] == ["2", "1", "0"]
    assert rest["pageToken"] is None
    assert [one["title"] for one in (await client.get(TRASH, app="chart")).json["items"]] == ["0"]
    assert_problem(await client.get(TRASH, cursor="nonsense"), 400, "invalid_cursor")
    listed = assert_ok(await client.get(SESSIONS, status="trashed")).json["items"]
    assert {one["title"] for one in listed} == {"0", "1", "2"}
    assert (await client.of("bob").get(TRASH)).json["items"] == []


async def test_a_stale_etag_restores_nothing(client: Client) -> None:
    path, etag = await made(client)
    await client.delete(path)
    refused = assert_problem(
        await client.post(f"{in_trash(path)}/restore", b"", {"If-Match": etag}), 412, "changed"
    )
    assert refused["current"]["status"] == "trashed"
    assert_problem(await client.get(path), 410, "gone")


async def test_only_what_is_in_the_trash_is_restored_or_purged(client: Client) -> None:
    path, _ = await made(client)
    for response in (
        await client.post(f"{in_trash(path)}/restore", b""),
        await client.delete(in_trash(path)),
    ):
        refused = assert_problem(response, 409, "illegal_move")
        assert (refused["sessionStatus"], refused["legal"]) == ("active", ["saved", "closed", "deleted"])
    assert_ok(await client.get(path))
    await client.delete(path, purge="true")
    assert "trashed" not in assert_problem(await client.post(f"{in_trash(path)}/restore", b""), 410, "gone")
    assert_ok(await client.delete(in_trash(path)), 204)


async def test_a_retry_of_a_restore_with_its_key_gets_the_same_response(client: Client) -> None:
    path, _ = await made(client)
    await client.delete(path)
    key = {"Idempotency-Key": "k"}
    first = assert_ok(await client.post(f"{in_trash(path)}/restore", b"", key))
    again = assert_ok(await client.post(f"{in_trash(path)}/restore", b"", key))
    assert (again.json, again.etag) == (first.json, first.etag)


async def test_emptying_purges_everything_in_the_trash_and_nothing_else(client: Client, monkeypatch) -> None:
    monkeypatch.setattr("persistence.trash.store.EMPTY_ITEMS", 2)
    kept, _ = await made(client)
    bobs, _ = await made(client.of("bob"))
    await client.of("bob").delete(bobs)
    for _ in range(2):
        path, _ = await made(client)
        await client.delete(path)
    answers = [assert_ok(await client.call("DELETE", TRASH)).json for _ in range(3)]
    assert [(one["purged"], one["done"]) for one in answers] == [(1, False), (1, False), (0, True)]
    assert_ok(await client.get(kept))
    assert len((await client.of("bob").get(TRASH)).json["items"]) == 1


@pytest.mark.parametrize("what", ["sessions", "drafts"])
async def test_a_restore_is_limited_as_a_create(engine: Engine, what: str) -> None:
    client = limited(engine, **{f"{what}_max": 1})

    async def make(id: str) -> str:
        if what == "sessions":
            return (await made(client))[0]
        assert_ok(await client.put(f"{DRAFTS}/{id}", {"content": "one"}), 201)
        return f"{DRAFTS}/{id}"

    first = await make("draft-000001")
    assert_ok(await client.delete(first), 204)
    second = await make("draft-000002")
    refused = assert_problem(await client.post(f"{in_trash(first)}/restore", b""), 429, "too_many")
    assert (refused["what"], refused["used"]) == (what, 1)
    assert_ok(await client.delete(second), 204)
    assert_ok(await client.post(f"{in_trash(first)}/restore", b""))


async def test_restored_bytes_count_as_stored_again(engine: Engine) -> None:
    client = limited(engine, stored_bytes_max=10)
    path, _ = await made(client, content="123456")
    await client.delete(path)
    other, _ = await made(client, content="12345")
    refused = assert_problem(await client.post(f"{in_trash(path)}/restore", b""), 507, "storage_full")
    assert (refused["what"], refused["used"]) == ("stored bytes", 5) and "trashBytes" not in refused
    await client.delete(other)
    assert_ok(await client.post(f"{in_trash(path)}/restore", b""))
    assert (await usage(client))["storedBytes"] == 6


async def test_kept_bytes_bound_history_and_trash_and_purging_frees_them(engine: Engine) -> None:
    client = limited(engine, kept_bytes_max=10)
    path, _ = await made(client, content="1234")
    assert_ok(await client.put(path, {"content": "56789"}))
    amounts = await usage(client)
    assert (amounts["storedBytes"], amounts["keptBytes"], amounts["trashBytes"]) == (5, 9, 0)
    refused = assert_problem(await client.put(path, {"content": "ab"}), 507, "storage_full")
    assert (refused["what"], refused["used"], refused["limit"], refused["trashBytes"]) == ("kept bytes", 9, 10, 0)
    assert_ok(await client.delete(path), 204)
    amounts = await usage(client)
    assert (amounts["storedBytes"], amounts["keptBytes"], amounts["trashBytes"]) == (0, 9, 9)
    for what in (SESSIONS, "persistence/snapshots"):
        refused = assert_problem(await client.post(what, {**NEW, "content": "ab"}), 507, "storage_full")
        assert refused["trashBytes"] == 9 and "purging it frees them" in refused["detail"]
    assert_problem(await client.put(DRAFT, {"content": "ab"}), 507, "storage_full")
    assert_ok(await client.call("DELETE", TRASH))
    await made(client, content="0123456789")
    assert (await usage(client))["keptBytes"] == 10


async def test_what_is_over_the_limit_of_kept_bytes_can_be_deleted_and_restored(engine: Engine) -> None:
    path, _ = await made(limited(engine), content="x" * 100)
    client = limited(engine, kept_bytes_max=10)
    assert_ok(await client.put(path, {"title": "Renamed"}))
    assert_problem(await client.put(path, {"content": "y"}), 507, "storage_full")
    assert_ok(await client.delete(path), 204)
    assert_ok(await client.post(f"{in_trash(path)}/restore", b""))


@pytest.mark.parametrize("purge", ["false", "true"])
async def test_creating_and_deleting_in_a_loop_is_bounded(engine: Engine, purge: str) -> None:
    """Whatever a person does, what the database holds of them stays within the limit."""
    client = limited(engine, kept_bytes_max=5_000)
    refused = 0
    for _ in range(20):
        response = await client.post(SESSIONS, {**NEW, "content": "x" * 1_000})
        refused += response.status == 507
        if response.status == 201:
            assert_ok(await client.delete(f"{SESSIONS}/{response.json}", purge=purge), 204)
    assert refused == (15 if purge == "false" else 0)
    assert await count(engine, "content") == (5 if purge == "false" else 0)
