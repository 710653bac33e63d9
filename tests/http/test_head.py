"""HEAD on every path with GET: the same status and headers without the body, and nothing counts as opened."""

from collections.abc import Mapping
from typing import Any

import pytest

from persistence import Stores, stores_over
from tests.conftest import UNCACHED
from tests.support.engines import CountingReads
from tests.support.http import NEW, SESSIONS, Client, Response, assert_ok, assert_problem, made
from tests.test_app import EXPECTED_HTTP

pytestmark = pytest.mark.one_engine

SNAPSHOTS = "persistence/snapshots"
DRAFT = "persistence/drafts/draft-000001"
# Each read of a session counts as opening it, and one person may open two snapshots.
EAGER = UNCACHED.model_copy(update={"touch_interval_seconds": 0, "show_visitors": True})
BY_HEAD = {name: route for name, (*methods, route) in EXPECTED_HTTP.items() if "HEAD" in methods}
# tests/browser has the files of the browser module and of the workbench.
DESCRIBED = sorted(BY_HEAD.keys() - {"zz_unknown", "get_client_file", "get_workbench", "get_workbench_file"})
# The export is not made, so its length is not known.
WITHOUT_LENGTH = {"get_export", "get_session_export"}


@pytest.fixture
def stores(counting: CountingReads) -> Stores:
    return stores_over(counting, EAGER.store_rules())


@pytest.fixture
def client(stores: Stores) -> Client:
    return Client(stores, EAGER)


@pytest.fixture
async def ids(client: Client, stores: Stores) -> Mapping[str, str]:
    """What the paths name: a session, a draft and a snapshot."""
    session, _ = await made(client, content="Grüße")
    assert_ok(await client.put(DRAFT, {"content": "one"}), 201)
    snapshot = assert_ok(await client.post(SNAPSHOTS, NEW), 201).json
    assert_ok(await client.get("health/timers"))  # the first look writes the records
    await stores.access_logs.drain()
    return {
        "session_id": session.rpartition("/")[2],
        "draft_id": DRAFT.rpartition("/")[2],
        "snapshot_id": snapshot,
        "version": "1",
    }


def comparable(response: Response) -> dict[str, Any]:
    varies = {"content-length", "savepoint-request-charge"}
    return {name: value for name, value in response.headers.items() if name not in varies}


@pytest.mark.parametrize("name", DESCRIBED)
async def test_head_is_get_without_the_body(client: Client, ids: Mapping[str, str], name: str) -> None:
    path = BY_HEAD[name].format(**ids)
    head, get = await client.head(path), assert_ok(await client.get(path))
    assert (head.status, head.body, comparable(head)) == (200, b"", comparable(get))
    expected = None if name in WITHOUT_LENGTH else str(len((await client.get(path)).body))
    assert head.headers.get("content-length") == expected


@pytest.mark.parametrize("name", DESCRIBED)
async def test_head_writes_nothing(
    client: Client, stores: Stores, counting: CountingReads, ids: Mapping[str, str], name: str
) -> None:
    counting.forget()
    assert_ok(await client.head(BY_HEAD[name].format(**ids)))
    await stores.access_logs.drain()
    assert counting.writes == []


async def test_get_writes_where_head_does_not(
    client: Client, stores: Stores, counting: CountingReads, ids: Mapping[str, str]
) -> None:
    for name in (
        "get_session",
        "get_session_content",
        "validate_session",
        "get_draft",
        "find_latest_draft",
        "get_snapshot",
        "get_snapshot_content",
    ):
        counting.forget()
        assert_ok(await client.get(BY_HEAD[name].format(**ids)))
        await stores.access_logs.drain()
        assert counting.writes, name


@pytest.mark.parametrize("name", ["get_session", "get_session_metadata", "get_session_content", "get_draft"])
async def test_conditions_hold_as_for_get(
    client: Client, counting: CountingReads, ids: Mapping[str, str], name: str
) -> None:
    path = BY_HEAD[name].format(**ids)
    etag = assert_ok(await client.head(path)).etag
    counting.forget()
    known = await client.head(path, {"If-None-Match": etag})
    assert (known.status, known.etag, known.body) == (304, etag, b"")
    assert "content-length" not in known.headers and counting.writes == []
    assert_ok(await client.head(path, {"If-None-Match": '"0-other"'}))


async def test_head_of_gzipped_content_names_its_length(client: Client, ids: Mapping[str, str]) -> None:
    path, gzipped = BY_HEAD["get_session_content"].format(**ids), {"Accept-Encoding": "gzip"}
    head, get = await client.head(path, gzipped), await client.get(path, gzipped)
    assert head.headers["content-encoding"] == "gzip" and head.etag == get.etag
    assert head.headers["content-length"] == str(len(get.body))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{SESSIONS}/unknown-0000", 404),
        (f"{SESSIONS}/malformed", 404),
        ("persistence/export", 400),
        ("persistence/nothing", 404),
        (f"{SESSIONS}/unknown-0000/close", 405),
    ],
)
async def test_a_problem_to_head_has_the_headers_alone(client: Client, path: str, status: int) -> None:
    query = {"cursor": "malformed"} if status == 400 else {}
    head, get = await client.head(path, **query), await client.get(path, **query)
    assert (head.status, head.body) == (get.status, b"") == (status, b"")
    assert int(head.headers["content-length"]) > 100
    assert head.headers["content-type"] == get.headers["content-type"] == "application/problem+json"


async def test_head_needs_an_identity_as_get_does(client: Client, ids: Mapping[str, str]) -> None:
    path = BY_HEAD["get_session"].format(**ids)
    assert (await client.of("mallory").head(path)).status == 404
    assert (await client.head(path, {"Origin": "https://example.com"})).status == 403


async def test_the_export_is_not_made_for_head(
    client: Client, counting: CountingReads, ids: Mapping[str, str]
) -> None:
    for number in range(25):
        await made(client, title=f"{number}")
    counting.forget()
    assert_ok(await client.head("persistence/export"))
    few = len(counting.asked)
    counting.forget()
    assert_ok(await client.get("persistence/export"))
    assert few <= 3 < 25 < len(counting.asked)


@pytest.mark.parametrize("name", ["get_snapshot", "get_snapshot_content"])
async def test_head_takes_a_token_as_get_does(stores: Stores, ids: Mapping[str, str], name: str) -> None:
    client = Client(stores, EAGER.model_copy(update={"snapshot_opens_per_minute": 2}))
    path = BY_HEAD[name].format(**ids)
    for _ in range(2):
        assert_ok(await client.head(path))
    refused = await client.head(path)
    assert (refused.status, refused.body) == (429, b"") and int(refused.headers["retry-after"]) > 0
    assert_problem(await client.get(path), 429, "too_fast")
