"""PATCH of a content by delta over HTTP: what is required, and what is refused and why."""

import gzip
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.deltas import delta_of, written
from functions.http.digests import repr_digest
from persistence import stores_over
from persistence.content import CONTENT_MAX_BYTES
from persistence.deltas import COMMANDS_MAX, DELTA_MAX_BYTES
from persistence.storage.containers import SESSIONS
from persistence.storage.engine import Engine
from persistence.storage.sqlite.engine import SqliteEngine
from tests.conftest import SETTINGS, UNCACHED
from tests.support.deltas import delta_between, inserting, missing_encoder
from tests.support.drafts import DRAFTS
from tests.support.http import Client, Response, assert_ok, assert_problem, made, metadata_path
from tests.support.sessions import sha256

pytestmark = pytest.mark.one_engine

BASE = "Grüße: the quick brown fox jumps over the lazy dog."
EDITED = BASE.replace("jumps", "jumped")
WHERE = len("Grüße: the quick brown fox jump".encode())
CHANGE = delta_of(EDITED.encode(), (WHERE, 0), b"ed", (len(BASE.encode()) - WHERE - 1, WHERE + 1))
needs_encoder = pytest.mark.skipif(bool(missing_encoder()), reason=missing_encoder() or "")


async def patch(
    client: Client, path: str, etag: str, delta: bytes = CHANGE, result: str = EDITED, **headers: str | None
) -> Response:
    """Sends a delta. A header of None is left out."""
    sent: dict[str, str | None] = {
        "content-type": "application/x-fossil-delta",
        "if-match": etag,
        "patched-digest": repr_digest(bytes.fromhex(sha256(result))),
    }
    sent |= {name.replace("_", "-"): value for name, value in headers.items() if name != "autosave"}
    query = {"autosave": autosave} if (autosave := headers.get("autosave")) else {}
    named = {name: value for name, value in sent.items() if value is not None}
    return await client.call("PATCH", f"{path}/content", delta, named, query)


async def assert_untouched(client: Client, path: str, version: int = 1) -> None:
    opened = assert_ok(await client.get(path)).json
    assert (opened["metadata"]["version"], opened["content"]) == (version, BASE)
    assert len(assert_ok(await client.get(f"{path}/revisions")).json["items"]) == version


async def test_a_delta_saves_the_content_that_it_makes(client: Client) -> None:
    path, etag = await made(client, content=BASE, mediaType="text/markdown")
    saved = assert_ok(await patch(client, path, etag, savepoint_device="Ann%E2%80%99s%20tablet"))
    assert (saved.json["version"], saved.json["contentHash"]) == (2, sha256(EDITED))
    assert (saved.json["mediaType"], saved.json["deviceInfo"]) == ("text/markdown", "Ann\u2019s tablet")
    assert saved.etag == saved.json["etag"]
    assert (await client.get(f"{path}/content")).body == EDITED.encode()
    minimal = await patch(client, path, saved.etag, inserting(BASE.encode()), BASE, prefer="return=minimal")
    assert assert_ok(minimal, 204).body == b""
    assert minimal.headers["preference-applied"] == "return=minimal"
    await client.get(path)
    assert (await client.get(path)).etag == minimal.etag


async def test_a_draft_is_saved_by_delta_too(client: Client) -> None:
    first = assert_ok(await client.put(f"{DRAFTS}/draft-000001", {"content": BASE}), 201)
    for text, delta, etag in ((EDITED, CHANGE, first.etag), ("two", inserting(b"two"), None)):
        etag = etag or (await client.get(f"{DRAFTS}/draft-000001")).etag
        path = "persistence/sessions/draft-000001"
        saved = assert_ok(await patch(client, path, etag, delta, text, autosave="true"))
        assert (saved.json["status"], saved.json["contentHash"]) == ("draft", sha256(text))
    history = (await client.get("persistence/sessions/draft-000001/revisions")).json["items"]
    assert [(one["version"], one["action"]) for one in history] == [(3, "autosaved"), (1, "created")]


async def test_a_delta_can_be_gzipped_and_its_base_read_as_gzip(client: Client) -> None:
    path, _ = await made(client, content=BASE)
    read = await client.get(f"{path}/content", {"accept-encoding": "gzip"})
    assert read.etag.endswith('-gzip"')
    saved = await patch(client, path, read.etag, gzip.compress(CHANGE), content_encoding="gzip")
    assert assert_ok(saved).json["contentHash"] == sha256(EDITED)
    weakened = await patch(client, path, f"W/{saved.etag}", inserting(b"two"), "two")
    assert assert_ok(weakened).json["version"] == 3, "as a proxy that compresses may weaken it"


@pytest.mark.parametrize("condition", [None, "*", ' "1-a" , "2-b"', '"1-a","1-a-gzip","3-c"'])
async def test_exactly_one_etag_is_required(client: Client, condition: str | None) -> None:
    path, _ = await made(client, content=BASE)
    problem = assert_problem(await patch(client, path, "", if_match=condition), 428, "condition_required")
    assert "If-Match" in problem["detail"]
    await assert_untouched(client, path)


@pytest.mark.parametrize(
    "digest",
    [None, "", "sha-256", "sha-256=:AAAA:", f"sha-512=:{'A' * 86}==:", sha256(EDITED), "x" * 9_000],
)
async def test_the_digest_of_the_result_is_required(client: Client, digest: str | None) -> None:
    path, etag = await made(client, content=BASE)
    problem = assert_problem(await patch(client, path, etag, patched_digest=digest), 400, "invalid_header")
    assert "Patched-Digest" in problem["detail"]
    await assert_untouched(client, path)


async def test_a_condition_that_is_malformed_is_no_condition(client: Client) -> None:
    path, etag = await made(client, content=BASE)
    for header in ("1-a", '"1-a', ""):
        assert_problem(await patch(client, path, etag, if_match=header), 400, "invalid_header")
    assert_problem(await patch(client, path, etag, if_none_match="*"), 400, "invalid_header")
    await assert_untouched(client, path)


@pytest.mark.parametrize("type_", ["text/plain", "application/json", "application/x-fossil-delta2", ""])
async def test_another_type_is_refused(client: Client, type_: str) -> None:
    path, etag = await made(client, content=BASE)
    problem = assert_problem(await patch(client, path, etag, content_type=type_), 415, "unsupported_media_type")
    assert "application/x-fossil-delta" in problem["detail"]
    await assert_untouched(client, path)


@pytest.mark.parametrize(
    ("delta", "result", "rule"),
    [
        (b"nonsense", EDITED, "well_formed"),
        (CHANGE[:-1], EDITED, "well_formed"),
        (CHANGE + b";", EDITED, "well_formed"),
        (written(60, (60, 0)), EDITED, "within_base"),
        (written(60, (50, 0)), EDITED, "size"),
        (written(50, (50, 0)), EDITED, "checksum"),
        (CHANGE, BASE, "digest"),
        (inserting("Grüße".encode()[:3]), EDITED, "utf8"),
    ],
)
async def test_what_is_wrong_with_a_delta_is_named(client: Client, delta: bytes, result: str, rule: str) -> None:
    path, etag = await made(client, content=BASE)
    problem = assert_problem(await patch(client, path, etag, delta, result), 422, "invalid_delta")
    assert problem["rule"] == rule
    await assert_untouched(client, path)


@pytest.mark.parametrize(
    ("delta", "code", "limit"),
    [
        (written(CONTENT_MAX_BYTES + 1), "content_too_large", CONTENT_MAX_BYTES),
        (b"~~~~~~~~~~~\n", "content_too_large", CONTENT_MAX_BYTES),
        (bytes(DELTA_MAX_BYTES + 1), "body_too_large", DELTA_MAX_BYTES),
        (written(0, *[(0, 0)] * COMMANDS_MAX), "delta_too_large", COMMANDS_MAX),
    ],
    ids=["size", "huge size", "bytes", "commands"],
)
@pytest.mark.parametrize("gzipped", [False, True])
async def test_too_large_is_413(client: Client, delta: bytes, code: str, limit: int, gzipped: bool) -> None:
    path, etag = await made(client, content=BASE)
    coding = "gzip" if gzipped else "identity"
    sent = gzip.compress(delta) if gzipped else delta
    problem = assert_problem(await patch(client, path, etag, sent, content_encoding=coding), 413, code)
    assert problem["limit"] == limit
    await assert_untouched(client, path)


async def test_a_bomb_is_not_unpacked(client: Client) -> None:
    path, etag = await made(client, content=BASE)
    for bomb in (gzip.compress(bytes(100_000_000)), gzip.compress(b"0\n" + b"0@0," * 30_000_000, 1)):
        refused = await patch(client, path, etag, bomb, content_encoding="gzip")
        assert_problem(refused, 413, "body_too_large")
    await assert_untouched(client, path)


async def test_a_result_as_large_as_a_content_can_be_is_saved_in_a_few_bytes(client: Client) -> None:
    base = "x" * 1_000_000
    path, etag = await made(client, content=base)
    result = "x" * CONTENT_MAX_BYTES
    delta = delta_of(result.encode(), (1_000_000, 0), (CONTENT_MAX_BYTES - 1_000_000, 0))
    saved = assert_ok(await patch(client, path, etag, delta, result))
    assert len(delta) < 40 and saved.json["contentBytes"] == CONTENT_MAX_BYTES


async def test_a_stale_base_is_412_with_what_is_current(client: Client) -> None:
    path, etag = await made(client, content=BASE)
    current = assert_ok(await client.put(path, {"title": "Theirs"}))
    problem = assert_problem(await patch(client, path, etag), 412, "changed")
    assert problem["current"]["etag"] == current.etag
    await assert_untouched(client, path, version=2)


async def test_a_base_whose_content_is_gone_is_412_and_the_whole_content_can_be_sent(engine: Engine) -> None:
    stores = stores_over(engine, UNCACHED.store_rules())
    client = Client(stores, UNCACHED)
    path, etag = await made(client, content=BASE)
    head = await stores.sessions.get_head("ann", path.rpartition("/")[2])
    await engine.delete(SESSIONS, head.content_id or "", "ann")
    problem = assert_problem(await patch(client, path, etag), 412, "base_gone")
    assert problem["current"]["etag"] == etag and "whole content" in problem["detail"]
    saved = await client.put(f"{path}/content", EDITED.encode(), {"content-type": "text/plain", "if-match": etag})
    assert assert_ok(saved).json["version"] == 2


async def test_what_cannot_be_saved_cannot_be_saved_by_delta(client: Client) -> None:
    path, etag = await made(client, content=BASE)
    assert_problem(await patch(client.of("ben"), path, etag), 404, "not_found")
    assert_ok(await client.post(f"{path}/close", None))
    closed = (await client.get(path)).etag
    assert_problem(await patch(client, path, closed), 409, "illegal_move")
    assert_ok(await client.delete(path), 204)
    assert_problem(await patch(client, path, closed), 410, "gone")


async def test_a_retry_under_its_key_returns_its_version(client: Client) -> None:
    path, etag = await made(client, content=BASE)
    first = assert_ok(await patch(client, path, etag, idempotency_key="one"))
    assert_ok(await client.put(path, {"content": "theirs"}))
    again = assert_ok(await patch(client, path, etag, idempotency_key="one"))
    assert (again.etag, again.json["version"]) == (first.etag, 2)
    gzipped = await patch(
        client, path, etag, gzip.compress(CHANGE), idempotency_key="one", content_encoding="gzip"
    )
    assert assert_ok(gzipped).etag == first.etag, "in another coding"
    minimal = await patch(client, path, etag, idempotency_key="one", prefer="return=minimal")
    assert (minimal.status, minimal.etag) == (204, first.etag)
    other = await patch(client, path, etag, inserting(b"two"), "two", idempotency_key="one")
    assert_problem(other, 422, "key_reused")
    assert_problem(await patch(client, path, etag), 412, "changed")
    assert (await client.get(metadata_path(path))).json["version"] == 3


async def test_the_limit_on_bytes_holds(engine: Engine) -> None:
    limited = SETTINGS.model_copy(update={"stored_bytes_max": 100})
    client = Client(stores_over(engine, limited.store_rules()), limited)
    path, etag = await made(client, content=BASE)
    long = BASE * 3
    delta = delta_of(long.encode(), *[(len(BASE.encode()), 0)] * 3)
    assert_problem(await patch(client, path, etag, delta, long), 507, "storage_full")
    await assert_untouched(client, path)
    assert_ok(await patch(client, path, etag))


@needs_encoder
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(base=st.text(max_size=200), target=st.text(max_size=200), repeats=st.integers(1, 20))
async def test_any_text_is_saved_by_the_delta_of_the_npm_encoder(
    client: Client, base: str, target: str, repeats: int
) -> None:
    before, after = base * repeats, base * (repeats // 2) + target + base * (repeats - repeats // 2)
    path, etag = await made(client, content=before)
    delta = delta_between(before.encode(), after.encode())
    assert_ok(await patch(client, path, etag, delta, after))
    assert (await client.get(f"{path}/content")).body == after.encode()


def mutated(source: random.Random, delta: bytes) -> bytes:
    """Returns a delta with a few bytes changed, removed, doubled, swapped or cut off."""
    changed = bytearray(delta)
    for _ in range(source.choice([1, 1, 1, 2, 5])):
        at = source.randrange(len(changed)) if changed else 0
        match source.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([source.randrange(256)])
            case 1:
                changed[at : at + 1] = source.choice(b"0123456789ABCz~@:,;\n").to_bytes()
            case 2:
                del changed[at : at + source.randint(1, 4)]
            case 3:
                changed[at:at] = changed[at : at + source.randint(1, 8)]
            case 4:
                end = at + source.randint(1, 8)
                changed[at:end] = changed[at:end][::-1]
            case _:
                del changed[at + 1 :]
    return bytes(changed)


@pytest.mark.parametrize("mutants", [1_000, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_of_mutated_deltas_none_is_stored_unless_it_makes_what_was_announced(
    tmp_path: Path, mutants: int
) -> None:
    source = random.Random(15)
    stores = stores_over(SqliteEngine(tmp_path), SETTINGS.store_rules())
    client = Client(stores, SETTINGS)
    base = "".join(f"line {number}: {source.random()}\n" for number in range(60))
    target = base.replace("line 7:", "line seven:").replace("line 30:", "") + "the end\n"
    raw = base.encode()
    first, second = raw.index(b"line 7:"), raw.index(b"line 30:")
    delta = delta_of(
        target.encode(),
        (first, 0),
        b"line seven:",
        (second - first - 7, first + 7),
        (len(raw) - second - 8, second + 8),
        b"the end\n",
    )
    path, etag = await made(client, content=base)
    answers: Counter[Any] = Counter()
    for _ in range(mutants):
        answer = await patch(client, path, etag, mutated(source, delta), target)
        answers[answer.status, answer.json.get("rule", answer.json.get("error", {}).get("type"))] += 1
        if answer.status == 200:
            assert answer.json["contentHash"] == sha256(target)
            etag = assert_ok(await client.put(path, {"content": base})).etag
        else:
            assert answer.status in (413, 422), answer.body
    opened = assert_ok(await client.get(path)).json
    assert (opened["content"], opened["metadata"]["etag"]) == (base, etag)
    assert {status for status, _ in answers} == {200, 413, 422}, "a size with more digits is too large"
    assert {rule for status, rule in answers if status == 422} >= {
        "well_formed",
        "within_base",
        "size",
        "checksum",
    }
    await stores.close()
