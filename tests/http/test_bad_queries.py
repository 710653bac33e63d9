"""Invalid queries, headers and identities, and damaged items in the store."""

import base64
import json
import logging
from datetime import datetime, timedelta

import pytest

from persistence import Stores, stores_over
from persistence.storage.engine import PAYLOAD
from tests.conftest import UNCACHED
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made, metadata_path
from tests.support.sessions import damage

MEGABYTE = 1_000_000
TIMES = ["filter_created_from", "filter_created_to", "filter_updated_from", "filter_updated_to"]
# These requests are refused before an engine is asked, so one engine is enough.
pytestmark = pytest.mark.one_engine


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, UNCACHED.store_rules())


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("page_size", "0", "1"),
        ("page_size", "-1", "1"),
        ("page_size", "101", "100"),
        ("page_size", "9" * 5_000, ""),
        ("page_size", "99999999999999999999", "100"),
        ("page_size", "ten", "integer"),
        ("page_size", "1.5", "integer"),
        ("page_size", "1e1", "integer"),
        ("page_size", "0x10", "integer"),
        ("page_size", "10,20", "integer"),
        ("sort_by", "metadata.content", "metadata.title"),
        ("sort_by", "title", "metadata.title"),
        ("sort_by", "metadata.title; DROP TABLE sessions", "metadata.title"),
        ("sort_by", "metadata.title__lower", "metadata.title"),
        ("sort_direction", "sideways", "asc"),
        ("sort_direction", "DESC", "asc"),
        ("sort_lowercase", "maybe", ""),
        ("status", "lost", "active"),
        ("status", "active,active,active,active,active,active", "5"),
        ("filter_title", "t" * 256, "255"),
        ("filter_title", "t" * MEGABYTE, "255"),
        ("filter_title", "a\0b", "NUL"),
        ("filter_title", "\ud800", ""),
        ("filter_description", "d" * 2_001, "2000"),
        ("app", "a" * 101, "100"),
        ("fliter_title", "a", ""),
        ("Page_Size", "5", ""),
        ("x" * MEGABYTE, "a", ""),
    ],
    ids=lambda value: value[:30].encode("ascii", "replace").decode(),
)
async def test_a_parameter_that_breaks_its_rule_is_named(
    client: Client, counting: CountingReads, name: str, value: str, limit: str
) -> None:
    problem = assert_problem(await client.get(SESSIONS, **{name: value}), 422, "invalid_request")
    [fault] = [one for one in problem["errors"] if one["parameter"].rstrip("…") == name[:200]]
    assert limit in fault["detail"]
    assert problem["error"]["message"].startswith(name[:200])
    assert counting.asked == []


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    "value",
    [
        "2026-05-01T12:00:00",
        "2026-05-01",
        "2026-05-01 12:00:00Z",
        "1777636800",
        "1777636800000",
        "yesterday",
        "T",
        "12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-05-01T12:00:00+99:00",
        "2026-05-01T12:00:00Z\0",
        "2" * MEGABYTE + "T",
    ],
    ids=lambda value: value[:30],
)
async def test_a_time_without_zone_or_out_of_range_is_named(
    client: Client, counting: CountingReads, name: str, value: str
) -> None:
    problem = assert_problem(await client.get(SESSIONS, **{name: value}), 422, "invalid_request")
    assert [fault["parameter"] for fault in problem["errors"]] == [name]
    assert counting.asked == []


@pytest.mark.each_engine
@pytest.mark.parametrize(
    "value",
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-05-01T12:00:00.123456789Z", "2026-05-01t12:00z"],
)
async def test_a_time_at_the_edge_is_a_time(client: Client, value: str) -> None:
    for name in TIMES:
        assert_ok(await client.get(SESSIONS, **{name: value}))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (SESSIONS, "filter_title"),
        (SESSIONS, "app"),
        (SESSIONS, "cursor"),
        (SESSIONS, "page_size"),
        ("persistence/drafts", "device"),
        ("persistence/snapshots", "filter_title"),
        ("persistence/snapshot_access_logs", "filter_owner_id"),
        ("persistence/activity", "app"),
        ("persistence/export", "cursor"),
        ("persistence/trash", "app"),
    ],
)
async def test_a_parameter_that_is_given_twice_is_named(
    client: Client, counting: CountingReads, path: str, name: str
) -> None:
    for repeated in (f"{name}=a&{name}=b", f"{name}=a&x=&{name}=a", f"{name}=a&{name.upper()}=b"):
        problem = assert_problem(await client.get_raw(path, repeated), 422, "invalid_request")
        assert problem["errors"] == [{"parameter": name, "detail": "is given more than once"}]
    assert counting.asked == []


@pytest.mark.each_engine
async def test_an_empty_parameter_given_twice_and_a_list_given_in_parts_are_read(client: Client) -> None:
    path, _ = await made(client)
    for query in ("cursor=&cursor=", "filter_title=&filter_title=first", "status=active&status=closed"):
        [found] = assert_ok(await client.get_raw(SESSIONS, query)).json["items"]
        assert path.endswith(found["id"])


@pytest.mark.each_engine
@pytest.mark.parametrize(
    ("cut", "zone"), [(26, "Z"), (23, "Z"), (22, "Z"), (21, "Z"), (19, "Z"), (19, "+00:00"), (16, "Z")]
)
async def test_the_end_of_a_period_includes_what_was_saved_in_its_last_unit(
    client: Client, cut: int, zone: str
) -> None:
    path, _ = await made(client)
    await client.post("persistence/snapshots", {"title": "a", "content": "one"})
    for listed, at, names in (
        (SESSIONS, "updatedAt", ("filter_updated_to", "filter_created_to")),
        ("persistence/snapshots", "createdAt", ("filter_created_to",)),
        ("persistence/snapshot_access_logs", "lastVisitedAt", ("filter_last_visited_to",)),
        ("persistence/activity", "at", ("to",)),
    ):
        item = assert_ok(await client.get(listed)).json["items"][0]
        for name in names:
            until = item[at][:cut] + zone
            assert item in assert_ok(await client.get(listed, **{name: until})).json["items"], (name, until)


@pytest.mark.each_engine
async def test_the_end_of_a_period_excludes_what_came_after_its_last_unit(client: Client) -> None:
    path, _ = await made(client)
    at = datetime.fromisoformat(assert_ok(await client.get(path)).json["metadata"]["updatedAt"])
    for unit, text in ((1, "milliseconds"), (1_000, "seconds"), (60_000, "minutes")):
        before = (at - timedelta(milliseconds=unit)).isoformat("T", text)
        assert assert_ok(await client.get(SESSIONS, filter_updated_to=before)).json["items"] == []


async def test_a_single_resource_takes_no_query(client: Client, counting: CountingReads) -> None:
    path, _ = await made(client)
    counting.forget()
    for target in (path, metadata_path(path)):
        problem = assert_problem(await client.get(target, version="7"), 422, "invalid_request")
        assert problem["errors"][0]["parameter"] == "version"
    assert counting.asked == []


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "null",
        "%00",
        "ąę",
        "\ud800",
        "x" * MEGABYTE,
        encoded([]),
        encoded(None),
        encoded({"a": 1}),
        encoded(["digest", "value", "id"]),
        encoded(["0" * 16, 1, "AAAAAAAAAAAA"]),
        encoded([["a"]] * 3),
        "[" * 3_000,
        encoded("[" * 2_000),
    ],
    ids=lambda cursor: cursor[:20].encode("ascii", "replace").decode(),
)
async def test_a_malformed_cursor_is_400(client: Client, counting: CountingReads, cursor: str) -> None:
    await made(client)
    counting.forget()
    assert_problem(await client.get(SESSIONS, cursor=cursor), 400, "invalid_cursor")
    assert "read" not in counting.verbs and counting.bytes_read == 0


@pytest.mark.each_engine
async def test_a_foreign_cursor_is_400(client: Client) -> None:
    for _ in range(2):
        await made(client)
        await made(client.of("bob"))
    mine = (await client.get(SESSIONS, page_size="1")).json["pageToken"]
    assert_ok(await client.get(SESSIONS, cursor=mine))
    assert_problem(await client.of("bob").get(SESSIONS, cursor=mine), 400, "invalid_cursor")
    others = [{"filter_title": "f"}, {"sort_by": "metadata.title"}, {"sort_direction": "asc"}, {"status": "draft"}]
    for query in others:
        assert_problem(await client.get(SESSIONS, cursor=mine, **query), 400, "invalid_cursor")
    middle = len(mine) // 2
    for forged in (mine[:-1], mine[1:], mine + "A", mine[:middle] + ("A" if mine[middle] != "A" else "B")):
        assert_problem(await client.get(SESSIONS, cursor=forged), 400, "invalid_cursor")


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
async def test_a_condition_without_end_is_400(client: Client, counting: CountingReads, header: str) -> None:
    path, etag = await made(client)
    long = ", ".join([etag] * 1_000)
    counting.forget()
    if header == "If-Match":
        answers = [
            await client.put(path, {"title": "b"}, {header: long}),
            await client.delete(path, {header: long}),
        ]
    else:
        answers = [await client.get(target, {header: long}) for target in (path, metadata_path(path))]
    for answer in answers:
        assert "8,192" in assert_problem(answer, 400, "invalid_header")["detail"]
    assert counting.writes == []


async def test_other_headers_without_end_do_no_harm(client: Client) -> None:
    endless = {"Prefer": "x," * MEGABYTE, "Accept": "a" * MEGABYTE, "X-Unknown": "ż" * MEGABYTE}
    assert_ok(await client.post(SESSIONS, NEW, endless), 201)
    assert_problem(
        await client.post(SESSIONS, NEW, {"Content-Type": "x" * MEGABYTE}), 415, "unsupported_media_type"
    )


@pytest.mark.parametrize(
    "user",
    [" ", "ann ", " ann", "ąnn", "a\nb", "a\0b", "a\tb", "a" * 256, "a" * MEGABYTE, "\x7f", "🙂", "\ud800"],
    ids=lambda user: user[:10].encode("ascii", "replace").decode(),
)
async def test_an_odd_user_id_is_401_whatever_is_asked(client: Client, counting: CountingReads, user: str) -> None:
    odd = client.of(user)
    for answer in (
        await odd.get(SESSIONS),
        await odd.get(f"{SESSIONS}/AAAAAAAAAAAA"),
        await odd.get(f"{SESSIONS}/metadata/AAAAAAAAAAAA"),
        await odd.post(SESSIONS, NEW),
        await odd.post(SESSIONS, b"not JSON"),
        await odd.put(f"{SESSIONS}/AAAAAAAAAAAA", {"title": "b"}),
        await odd.delete(f"{SESSIONS}/AAAAAAAAAAAA"),
    ):
        assert "255" in assert_problem(answer, 401, "unauthenticated")["detail"]
        assert answer.headers["www-authenticate"] == "X-User-Id"
    assert counting.asked == []


@pytest.mark.each_engine
@pytest.mark.parametrize(
    "user", ["/", "a/b\\c?d#e", "a~b", "%00", "../..", "a b", "'; DROP TABLE sessions", "a" * 255]
)
async def test_a_user_id_of_any_printable_text_is_an_owner_of_its_own(client: Client, user: str) -> None:
    odd = client.of(user)
    path, _ = await made(odd)
    session = assert_ok(await odd.get(path)).json
    assert session["metadata"]["ownerId"] == user
    assert len((await odd.get(SESSIONS)).json["items"]) == 1
    assert_problem(await client.get(path), 404, "not_found")
    assert_ok(await odd.delete(path), 204)


@pytest.mark.each_engine
async def test_damaged_rows_are_500_with_a_reference_and_the_rest_keeps_working(
    client: Client, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    head, _ = await made(client, title="a private title")
    content, _ = await made(client)
    sound, _ = await made(client)
    named = (await stores.sessions.get_head("ann", content.rpartition("/")[2])).content_id
    await damage(stores.engine, head.rpartition("/")[2], schema=3)
    await damage(stores.engine, named or "", **{PAYLOAD: b"\x1f\x8b no gzip"})
    for answer in (
        await client.get(head),
        await client.get(metadata_path(head)),
        await client.put(head, {"title": "b"}),
        await client.delete(head),
        await client.get(content),
    ):
        with caplog.at_level(logging.INFO):
            problem = assert_problem(answer, 500, "content_corrupt")
        assert [one for one in caplog.messages if problem["reference"] in one]
    listed = [item["id"] for item in assert_ok(await client.get(SESSIONS)).json["items"]]
    assert sorted(listed) == sorted(path.rpartition("/")[2] for path in (content, sound))
    assert_ok(await client.get(sound))
    assert_ok(await client.get(metadata_path(content)))
    assert_ok(await client.put(content, {"content": "whole again"}))
    assert assert_ok(await client.get(content)).json["content"] == "whole again"
    assert "private" not in caplog.text
