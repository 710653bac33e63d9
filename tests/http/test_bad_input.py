"""Invalid bodies: a clear problem, nothing written, nothing leaked."""

import json
import random
from typing import Any

import orjson
import pytest

from functions.http.bodies import BODY_MAX_BYTES
from persistence import Stores, stores_over
from persistence.content import CONTENT_MAX_BYTES, PACKED_MAX_BYTES, pack
from persistence.sessions.documents import NewSession
from tests.conftest import SETTINGS
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made
from tests.support.sessions import sha256

MEGABYTE = 1_000_000
# These requests are refused before an engine is asked, so one engine is enough.
pytestmark = pytest.mark.one_engine


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


class Refusals:
    """Sends a body by POST and PUT. Checks that nothing is written and that other requests still work."""

    def __init__(self, client: Client, counting: CountingReads) -> None:
        self.client, self.counting = client, counting

    async def of(self, body: Any, status: int, code: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Returns the problem of both. Its detail may differ if fields are missing."""
        path, etag = await made(self.client)
        before = (await self.client.get(SESSIONS)).body
        self.counting.forget()
        problems = [
            assert_problem(await self.client.post(SESSIONS, body, headers), status, code),
            assert_problem(await self.client.put(path, body, headers), status, code),
        ]
        assert self.counting.asked == [], "refused without asking the store"
        assert (await self.client.get(SESSIONS)).body == before
        response = assert_ok(await self.client.put(path, {"content": "still there"}, {"If-Match": etag}))
        assert response.json["content"] == "still there"
        return problems[1]


@pytest.fixture
def refusals(client: Client, counting: CountingReads) -> Refusals:
    return Refusals(client, counting)


def high_entropy(size: int) -> str:
    """Returns text of so many bytes of UTF-8, which gzip can hardly compress."""
    draw = random.Random(1)
    parts, left = [], size
    while left > 1:
        wide = draw.random() < 0.34
        parts.append(chr(draw.randrange(0x80, 0x800) if wide else draw.randrange(0x80)))
        left -= 1 + wide
    return "".join(parts) + "x" * left


async def test_content_over_the_limit_by_one_byte_is_refused_with_size_and_limit(refusals: Refusals) -> None:
    for content in ("x" * (CONTENT_MAX_BYTES + 1), "ż" * (CONTENT_MAX_BYTES // 2) + "x"):
        problem = await refusals.of({**NEW, "content": content}, 413, "content_too_large")
        assert (problem["size"], problem["limit"]) == (CONTENT_MAX_BYTES + 1, CONTENT_MAX_BYTES)
        assert "content" in problem["detail"] and "1,572,865" in problem["detail"]
        assert "1,572,864" in problem["error"]["message"]


@pytest.mark.each_engine
@pytest.mark.parametrize("character", ["x", '"', "\0", "ż", "🙂"], ids=["x", "quote", "NUL", "two", "four"])
async def test_content_of_exactly_the_limit_comes_back_byte_for_byte(client: Client, character: str) -> None:
    # In JSON, a quote takes two bytes and a NUL six.
    content = character * (CONTENT_MAX_BYTES // len(character.encode()))
    path, _ = await made(client, content=content)
    session = assert_ok(await client.get(path)).json
    assert session["content"] == content
    assert session["metadata"]["contentBytes"] == CONTENT_MAX_BYTES
    assert session["metadata"]["contentHash"] == sha256(content)
    assert_ok(await client.put(path, {"content": content[1:]}))


@pytest.mark.each_engine
async def test_text_that_does_not_pack_is_refused_with_size_and_limit(refusals: Refusals) -> None:
    content = high_entropy(CONTENT_MAX_BYTES)
    assert len(content.encode()) == CONTENT_MAX_BYTES
    problem = await refusals.of({**NEW, "content": content}, 413, "content_too_large")
    assert problem["limit"] == PACKED_MAX_BYTES < problem["size"]
    assert "packed" in problem["detail"] and "2,000,000" in problem["detail"]


async def test_a_body_that_no_content_needs_is_refused_before_it_is_read(refusals: Refusals) -> None:
    body = json.dumps(NEW).encode().ljust(BODY_MAX_BYTES + 1)
    problem = await refusals.of(body, 413, "body_too_large")
    assert f"{BODY_MAX_BYTES + 1:,}" in problem["detail"] and f"{BODY_MAX_BYTES:,}" in problem["detail"]


async def test_a_body_of_exactly_its_limit_is_read(client: Client) -> None:
    assert_ok(await client.post(SESSIONS, json.dumps(NEW).encode().ljust(BODY_MAX_BYTES)), 201)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"not JSON",
        b"{",
        b'{"title":"a"',
        b'{"title":"a",}',
        b"{'title':'a'}",
        b"[]",
        b'[{"title":"a"}]',
        b'"text"',
        b"7",
        b"null",
        b'{"title":"a","description":null,"content":"c"} trailing',
        b'\xef\xbb\xbf\xef\xbb\xbf{"title":"a","description":null,"content":"c"}',
        b"\xef\xbb\xbf",
        '{"title":"a","description":null,"content":"c"}'.encode("utf-16"),
        b'{"title":"a\xff","description":null,"content":"c"}',
        b'{"title":"a","description":null,"content":"\xed\xa0\x80"}',
        b'{"title":"a","description":null,"content":"\xc0\x80"}',
        b'{"title":"a","description":null,"content":"\\ud800"}',
        b'{"title":"a","description":null,"content":"\\udc00\\ud800"}',
        b'{"title":"a","description":null,"content":"\\ud83dx"}',
        b'{"title":"\\udfff","description":null,"content":"c"}',
        b'{"title":"a","description":null,"content":"\x00"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"title":"a","description":null,"content":"c","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b"9" * MEGABYTE,
        b'{"title":"a","description":null,"content":Infinity}',
    ],
    ids=lambda body: str(body[:40]),
)
async def test_what_is_not_one_json_object_of_sound_text_is_refused(refusals: Refusals, body: bytes) -> None:
    problem = await refusals.of(body, 422, "invalid_request")
    assert problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    "unit",
    ["[],", "[[[]]],", "{},", '{"a":0},', "0,", '"ab",', '"a":0,', '"\\"', '\\"', '"', "\\"],
)
@pytest.mark.parametrize("size", [130_000, 400_000])
async def test_a_crowd_is_refused_before_it_is_made(refusals: Refusals, unit: str, size: int, mocker) -> None:
    loads = mocker.spy(orjson, "loads")
    for opening in ('{"title":[', "{", '{"content":"'):
        body = (opening + unit * (size // len(unit))).encode()
        problem = await refusals.of(body, 422, "invalid_request")
        was_parsed = any(call.args[0] == body for call in loads.call_args_list)
        assert ("2000 names and values" in problem["detail"]) == _is_crowd(body) == (not was_parsed)


def _is_crowd(body: bytes) -> bool:
    """Returns what the check should find, by a slow and simple parser."""
    found, is_text, escaped = 0, False, False
    for byte in body:
        if is_text:
            is_text, escaped = escaped or byte != 0x22, not escaped and byte == 0x5C
        elif byte == 0x22:
            is_text, found = True, found + 1
        else:
            found += byte in b",[{"
    return found > 2_000 and sum(map(body.count, (b",", b"[", b"{"))) > 60_000


async def test_what_looks_like_a_crowd_within_a_text_is_none(client: Client) -> None:
    content = '{"a":[\n' * (CONTENT_MAX_BYTES // 7)
    body = json.dumps({**NEW, "content": content}).encode()
    assert len(body) > 2_000_000
    response = assert_ok(await client.post(SESSIONS, body, {"Prefer": "return=representation"}), 201)
    assert response.json["content"] == content


async def test_of_a_name_given_twice_the_last_one_counts(client: Client) -> None:
    body = b'{"title":"first","title":"last","description":null,"content":"one","content":"two"}'
    response = assert_ok(await client.post(SESSIONS, body, {"Prefer": "return=representation"}), 201)
    assert (response.json["metadata"]["title"], response.json["content"]) == ("last", "two")


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({"title": ""}, "1"),
        ({"title": "t" * 256}, "255"),
        ({"title": "t" * MEGABYTE}, "255"),
        ({"title": "a\0b"}, "NUL"),
        ({"title": 7}, "string"),
        ({"title": ["a"]}, "string"),
        ({"title": {"a": "b"}}, "string"),
        ({"description": "d" * 2_001}, "2000"),
        ({"description": "\0"}, "NUL"),
        ({"description": False}, "string"),
        ({"content": {"a": 1}}, "string"),
        ({"content": 1e300}, "string"),
        ({"app": "a" * 101}, "100"),
        ({"app": "\0"}, "NUL"),
        ({"title": " "}, "seen"),
        ({"title": "\t\n\u00a0\u2003\u3000\u2028"}, "seen"),
        ({"title": "\u200b\u200d\u2060\ufeff\u00ad"}, "seen"),
        ({"title": "\u3164\u115f\uffa0\u2800\ufe0f"}, "seen"),
        ({"title": "\U000e0041\U000e007f"}, "seen"),
        ({"app": " \u200b"}, "seen"),
        ({"deviceInfo": 7}, "string"),
        ({"contentHash": "a"}, "64"),
        ({"id": "AAAAAAAAAAAA"}, ""),
        ({"ownerId": "bob"}, ""),
        ({"version": 7}, ""),
        ({"device_info": "phone"}, ""),
        ({"a/b~c": 1}, ""),
        ({"": 1}, ""),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_field_that_breaks_its_rule_is_named_with_its_limit(
    refusals: Refusals, fields: dict[str, Any], limit: str
) -> None:
    [name] = fields
    problem = await refusals.of(json.dumps({**NEW, **fields}).encode(), 422, "invalid_request")
    [fault] = problem["errors"]
    assert fault["pointer"] == "#/" + name.replace("~", "~0").replace("/", "~1")
    assert limit in fault["detail"] and limit in problem["error"]["message"]
    assert name.replace("~", "~0").replace("/", "~1") in problem["error"]["message"]


@pytest.mark.each_engine
@pytest.mark.parametrize(
    "fields", [{"title": "🙂" * 255}, {"description": "🙂" * 2_000}, {"app": "ż" * 100}], ids=lambda one: [*one][0]
)
async def test_limits_are_inclusive_and_count_characters(client: Client, fields: dict[str, Any]) -> None:
    response = await client.post(SESSIONS, {**NEW, **fields}, {"Prefer": "return=representation"})
    assert fields.items() <= assert_ok(response, 201).json["metadata"].items()


async def test_nothing_that_is_clicked_is_named_by_what_cannot_be_seen(client: Client) -> None:
    path, _ = await made(client)
    patch = {"Content-Type": "application/merge-patch+json"}
    create = {**NEW, "op": "create", "id": "session-0001", "title": "\u200b"}
    for response in (
        await client.post("persistence/snapshots", {"title": " ", "content": "one"}),
        await client.put("persistence/drafts/draft-000001", {"title": "\u2060", "content": "one"}),
        await client.put(path, {"title": " "}),
        await client.put(path, {"app": " "}),
        await client.call("PATCH", path, {"title": "\u00a0"}, patch),
        await client.call("PATCH", path, {"app": "\u00a0"}, patch),
        await client.post(f"{path}/copy", {"title": "\u3000"}),
        await client.put(f"{path}/revisions/1/name", {"name": "\u00ad"}),
        await client.post("persistence/sync", {"mode": "atomic", "items": [create]}),
    ):
        [fault] = assert_problem(response, 422, "invalid_request")["errors"]
        assert fault["detail"] == "must have a character that can be seen"
        assert fault["pointer"].endswith(("/title", "/app", "/name"))
    assert assert_ok(await client.get(path)).json["metadata"]["version"] == 1


@pytest.mark.each_engine
@pytest.mark.parametrize(
    "title", ["\u200b.", " a ", "\u0301", "👩\u200d🚀", "\u0600", "\U000105c0", "\ue000", "あ"]
)
async def test_a_title_that_can_be_seen_comes_back_as_it_was_sent(client: Client, title: str) -> None:
    path, _ = await made(client, title=title, app=title)
    metadata = assert_ok(await client.get(path)).json["metadata"]
    assert (metadata["title"], metadata["app"]) == (title, title)
    assert assert_ok(await client.put(path, {"app": "", "description": " "})).json["metadata"]["app"] is None


@pytest.mark.each_engine
async def test_what_was_named_by_blanks_before_is_found_copied_and_shared(client: Client, stores: Stores) -> None:
    old = NewSession(title=" ", description=None, content=pack("one"), app="\u200b")
    head = await stores.sessions.create(client.user, old)
    path = f"{SESSIONS}/{head.id}"
    assert assert_ok(await client.get(path)).json["metadata"]["title"] == " "
    found = assert_ok(await client.get(SESSIONS, filter_title=" ", app="\u200b")).json["items"]
    assert [one["id"] for one in found] == [head.id]
    assert_ok(await client.put(path, {"content": "two"}))
    assert_ok(await client.post(f"{path}/copy", {}), 201)
    assert_ok(await client.post("persistence/snapshots", {"sessionId": head.id}), 201)
    assert_ok(await client.delete(path), 204)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(NEW).encode("utf-16"),
        b'{"title":"\xff"}',
        b'{"title":"\xed\xa0\x80"}',
        b'{"title":"\xc3"}',
        b"\xff",
    ],
    ids=str,
)
async def test_a_body_that_is_not_utf_8_is_told_so(refusals: Refusals, body: bytes) -> None:
    problem = await refusals.of(body, 422, "invalid_request")
    assert problem["detail"].startswith("The body is not UTF-8") and "surrogate" not in problem["detail"]


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udc00", b"\\ud83dx"])
async def test_half_a_character_is_told_how_to_be_mended(refusals: Refusals, escape: bytes) -> None:
    problem = await refusals.of(b'{"title":"' + escape + b'"}', 422, "invalid_request")
    assert "toWellFormed()" in problem["detail"]


async def test_a_byte_order_mark_before_json_is_ignored(client: Client) -> None:
    key, body = {"Idempotency-Key": "one"}, json.dumps(NEW).encode()
    created = assert_ok(await client.post(SESSIONS, b"\xef\xbb\xbf" + body, key), 201)
    assert assert_ok(await client.post(SESSIONS, body, key), 201).json == created.json
    path = f"{SESSIONS}/{created.json}"
    assert_ok(await client.put(path, b'\xef\xbb\xbf{"content":"\xef\xbb\xbftwo"}'))
    assert (await client.get(path)).json["content"] == "\ufefftwo"


@pytest.mark.parametrize("name", ["title", "description", "content"])
async def test_a_new_session_needs_all_its_fields(client: Client, counting: CountingReads, name: str) -> None:
    body = {key: value for key, value in NEW.items() if key != name}
    problem = assert_problem(await client.post(SESSIONS, body), 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == f"#/{name}"
    if name != "description":
        assert_problem(await client.post(SESSIONS, {**NEW, name: None}), 422, "invalid_request")
    assert counting.asked == []


async def test_a_new_session_has_an_app_or_none_but_not_an_empty_one(client: Client) -> None:
    problem = assert_problem(await client.post(SESSIONS, {**NEW, "app": ""}), 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == "#/app"


async def test_the_words_are_for_people(refusals: Refusals) -> None:
    problem = await refusals.of(b'{"title":"a\\u0000","content":"c","titel":1}', 422, "invalid_request")
    assert {fault["pointer"]: fault["detail"] for fault in problem["errors"]} == {
        "#/title": "must not contain the character NUL",
        "#/titel": "is not known here",
    }
    problem = assert_problem(await refusals.client.post(SESSIONS, {"title": "a"}), 422, "invalid_request")
    assert [fault["detail"] for fault in problem["errors"]] == ["is required", "is required"]
    half = b'{"title":"a","description":null,"content":"cut \\ud83d"}'
    assert "toWellFormed" in (await refusals.of(half, 422, "invalid_request"))["detail"]


async def test_faults_are_all_named_but_not_without_end(refusals: Refusals) -> None:
    problem = await refusals.of({**NEW, "title": "", "app": 7, "x": 1}, 422, "invalid_request")
    assert [fault["pointer"] for fault in problem["errors"]] == ["#/title", "#/app", "#/x"]
    many = {**NEW, **{f"unknown {number}": 1 for number in range(97)}}
    assert len((await refusals.of(many, 422, "invalid_request"))["errors"]) == 20
    problem = await refusals.of({**many, "one more": 1}, 422, "invalid_request")
    assert problem["errors"] == [{"pointer": "#", "detail": "has more than 100 members"}]
    endless = await refusals.of({**NEW, "x" * MEGABYTE: 1}, 422, "invalid_request")
    assert endless["errors"][0]["pointer"].startswith("#/xxx")


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "multipart/form-data", "application/jsonp", "application/json-patch+json", "json"],
)
async def test_another_media_type_is_refused(refusals: Refusals, media_type: str) -> None:
    problem = await refusals.of(dict(NEW), 415, "unsupported_media_type", {"Content-Type": media_type})
    assert "application/json" in problem["detail"]


async def test_a_refused_media_type_comes_with_those_that_are_accepted(client: Client) -> None:
    path, _ = await made(client)
    for method, target, header, accepted in (
        ("POST", SESSIONS, "accept", "application/json"),
        ("PUT", path, "accept", "application/json"),
        ("PATCH", path, "accept-patch", "application/merge-patch+json, application/json"),
        ("PATCH", f"{path}/content", "accept-patch", "application/x-fossil-delta"),
    ):
        refused = await client.call(method, target, b"x", {"Content-Type": "text/csv"})
        assert_problem(refused, 415, "unsupported_media_type")
        assert refused.headers[header] == accepted and "accept-encoding" not in refused.headers


@pytest.mark.each_engine
async def test_nul_in_content_is_content(client: Client) -> None:
    content = "\0a\0\0b\0"
    path, _ = await made(client, content=content)
    assert (await client.get(path)).json["content"] == content
    assert assert_ok(await client.put(path, {"content": content + "\0"})).json["content"] == content + "\0"
