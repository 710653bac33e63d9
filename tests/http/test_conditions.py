"""Conditions and preferences over HTTP: ETag, If-Match, If-None-Match and Prefer."""

import pytest

from persistence import Stores, stores_over
from tests.conftest import SETTINGS
from tests.support.drafts import DRAFTS
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem, made, metadata_path

pytestmark = pytest.mark.one_engine


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, SETTINGS.store_rules())


@pytest.mark.parametrize("header", ["{}", "W/{}", '"0-none", {}', '"0-none",W/{} ', "*", " * "])
async def test_a_condition_that_holds_lets_a_change_through(client: Client, header: str) -> None:
    path, etag = await made(client)
    condition = {"If-Match": header.format(etag)}
    response = assert_ok(await client.put(path, {"content": "two"}, condition))
    assert response.json["metadata"]["version"] == 2
    condition = {"If-Match": header.format(response.etag)}
    assert_ok(await client.delete(path, condition), 204)


@pytest.mark.parametrize("header", ["nonsense", "1", "", '"0-none", *'])
async def test_a_condition_that_cannot_be_read_is_none_that_does_not_hold(client: Client, header: str) -> None:
    path, _ = await made(client)
    for answer in (
        await client.put(path, {"content": "three"}, {"If-Match": header}),
        await client.delete(path, {"If-Match": header}),
        await client.put(f"{DRAFTS}/draft-000001", {"content": "new"}, {"If-None-Match": header}),
    ):
        assert "in quotes" in assert_problem(answer, 400, "invalid_header")["detail"]
    assert (await client.get(path)).json["content"] == "one"


@pytest.mark.parametrize("header", ['"0-none"', '"0-none", W/"0-none"', '"a,*,b"'])
async def test_a_condition_that_does_not_hold_is_412_with_what_is_there(client: Client, header: str) -> None:
    path, _ = await made(client)
    current = (await client.put(path, {"content": "two"})).json["metadata"]
    for answer in (
        await client.put(path, {"content": "three"}, {"If-Match": header}),
        await client.put(path, {}, {"If-Match": header}),
        await client.delete(path, {"If-Match": header}),
    ):
        problem = assert_problem(answer, 412, "changed")
        assert problem["current"] == current
    assert (await client.get(path)).json == {"metadata": current, "content": "two"}


async def test_a_stale_etag_of_before_is_412(client: Client) -> None:
    path, etag = await made(client)
    assert_ok(await client.put(path, {"content": "two"}, {"If-Match": etag}))
    assert_problem(await client.put(path, {"content": "three"}, {"If-Match": etag}), 412, "changed")
    # The first content again is still a new version.
    assert_ok(await client.put(path, {"content": "one"}))
    assert_problem(await client.put(path, {"content": "three"}, {"If-Match": etag}), 412, "changed")


async def test_a_condition_on_what_is_not_there_is_404_or_410(client: Client) -> None:
    path, etag = await made(client)
    for header in ("*", etag):
        missing = f"{SESSIONS}/AAAAAAAAAAAA"
        assert_problem(await client.put(missing, {"title": "b"}, {"If-Match": header}), 404, "not_found")
    await client.delete(path)
    for header in ("*", etag):
        assert_problem(await client.put(path, {"title": "b"}, {"If-Match": header}), 410, "gone")


@pytest.mark.parametrize("header", ["{}", "W/{}", '"0-none", {}', "*"])
async def test_what_the_caller_has_already_is_304_from_the_head_alone(
    client: Client, counting: CountingReads, header: str
) -> None:
    path, etag = await made(client, content="x" * 50_000)
    for target in (path, metadata_path(path)):
        counting.forget()
        response = assert_ok(await client.get(target, {"If-None-Match": header.format(etag)}), 304)
        assert (response.body, response.etag) == (b"", etag)
        assert counting.verbs == ["read"] and counting.kinds_read == {"session"}
        assert counting.bytes_read < 2_000


@pytest.mark.parametrize("header", ['"0-none"', "nonsense", ""])
async def test_what_the_caller_does_not_have_is_sent(client: Client, header: str) -> None:
    path, etag = await made(client)
    assert assert_ok(await client.get(path, {"If-None-Match": header})).json["content"] == "one"
    assert_ok(await client.get(metadata_path(path), {"If-None-Match": header}))
    await client.put(path, {"title": "Second"})
    assert assert_ok(await client.get(path, {"If-None-Match": etag})).json["metadata"]["title"] == "Second"


@pytest.mark.parametrize(
    "prefer", ["return=representation", "Return = Representation", "wait=5, return=representation"]
)
async def test_post_can_answer_the_whole_session(client: Client, prefer: str) -> None:
    response = assert_ok(await client.post(SESSIONS, NEW, {"Prefer": prefer}), 201)
    assert response.headers["preference-applied"] == "return=representation"
    id = response.json["metadata"]["id"]
    assert response.headers["location"] == f"/api/{SESSIONS}/{id}"
    assert assert_ok(await client.get(f"{SESSIONS}/{id}")).json == response.json


async def test_put_can_answer_nothing_but_the_etag(client: Client, counting: CountingReads) -> None:
    path, _ = await made(client)
    counting.forget()
    response = assert_ok(await client.put(path, {"title": "Second"}, {"Prefer": "return=minimal"}), 204)
    assert (response.body, response.headers["preference-applied"]) == (b"", "return=minimal")
    assert counting.kinds_read == {"session"}
    assert response.etag == (await client.get(path)).etag


async def test_patch_can_answer_nothing_but_the_etag(client: Client) -> None:
    path, _ = await made(client)
    headers = {"Prefer": "return=minimal", "Content-Type": "application/merge-patch+json"}
    response = assert_ok(await client.call("PATCH", path, {"title": "Second"}, headers), 204)
    assert (response.body, response.headers["preference-applied"]) == (b"", "return=minimal")
    assert response.etag == (await client.get(path)).etag


async def test_a_condition_that_is_not_looked_at_is_refused_and_nothing_is_written(client: Client) -> None:
    path, etag = await made(client)
    only_new, patch = {"If-None-Match": "*"}, {"Content-Type": "application/merge-patch+json"}
    for response in (
        await client.put(path, {"content": "two"}, only_new),
        await client.put(path, {"content": "two"}, {"If-None-Match": '"0-none"'}),
        await client.put(f"{path}/content", b"two", {"Content-Type": "text/plain", **only_new}),
        await client.call("PATCH", path, {"title": "two"}, {**patch, **only_new}),
        await client.delete(path, only_new),
        await client.put(f"{path}/touch", b"", {"If-Match": etag}),
        await client.post(SESSIONS, NEW, {"If-Match": "*"}),
    ):
        assert_problem(response, 400, "invalid_header")
    assert (await client.get(path)).etag == etag
    assert len(assert_ok(await client.get(SESSIONS)).json["items"]) == 1


A_DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    "header",
    [
        ("If-Unmodified-Since", A_DATE),
        ("If-Modified-Since", A_DATE),
        ("If-Range", A_DATE),
        ("If", "(<urn:uuid:lock>)"),
        ("Content-Range", "bytes 0-2/9"),
    ],
    ids=lambda header: header[0],
)
async def test_a_condition_that_nothing_here_knows_is_refused_on_every_write_and_ignored_on_a_read(
    client: Client, header: tuple[str, str]
) -> None:
    path, etag = await made(client)
    condition = dict([header])
    for response in (
        await client.post(SESSIONS, NEW, condition),
        await client.put(path, {"content": "two"}, {"If-Match": etag, **condition}),
        await client.put(f"{path}/content", b"two", {"Content-Type": "text/plain", **condition}),
        await client.call(
            "PATCH", path, {"title": "two"}, {"Content-Type": "application/merge-patch+json", **condition}
        ),
        await client.put(f"{DRAFTS}/draft-000001", {"content": "new"}, condition),
        await client.post(f"{path}/close", None, condition),
        await client.delete(path, condition),
    ):
        assert assert_problem(response, 400, "invalid_header")["detail"].startswith(
            f"{header[0]} is not supported"
        )
    assert assert_ok(await client.get(path, condition)).etag == etag
    assert len(assert_ok(await client.get(SESSIONS)).json["items"]) == 1


async def test_conditions_of_which_one_would_be_ignored_are_refused_together(client: Client) -> None:
    path = f"{DRAFTS}/draft-000001"
    for if_match in ("*", '"1-9f86d081884c7d65"'):
        both = {"If-None-Match": "*", "If-Match": if_match}
        problem = assert_problem(await client.put(path, {"content": "new"}, both), 400, "invalid_header")
        assert "If-Match" in problem["detail"] and "If-None-Match" in problem["detail"]
    assert_problem(await client.get(path), 404, "not_found")


async def test_a_preference_that_is_not_known_is_ignored(client: Client) -> None:
    headers = {"Prefer": "respond-async, return=everything"}
    assert isinstance(assert_ok(await client.post(SESSIONS, NEW, headers), 201).json, str)
