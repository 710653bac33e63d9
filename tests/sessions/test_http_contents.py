"""Content without JSON around it: its media type, and gzip in both directions. Also merge patches."""

import gzip
import random
import zlib
from itertools import product

import pytest
from isal import igzip

from persistence import Stores
from persistence.content import CONTENT_MAX_BYTES
from tests.support.http import SESSIONS, Client, Response, assert_ok, assert_problem, made
from tests.support.sessions import sha256

pytestmark = pytest.mark.one_engine

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>Grüße</text></svg>'
SNAPSHOTS = "persistence/snapshots"
VARY_AND_SANDBOX = ("Accept-Encoding", "sandbox; default-src 'none'")
MERGE_PATCH = {"content-type": "application/merge-patch+json"}


def zipped(data: bytes) -> bytes:
    """Compresses without a time, so that test cases are the same in every process."""
    return gzip.compress(data, mtime=0)


async def put_content(client: Client, path: str, body: bytes, **headers: str) -> Response:
    named = {"content-type": "image/svg+xml"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.put(f"{path}/content", body, named)


async def assert_untouched(client: Client, path: str) -> None:
    assert assert_ok(await client.get(path)).json["metadata"]["version"] == 1
    assert (await client.get(path)).json["content"] == "one"


async def test_content_comes_back_as_it_was_sent_with_its_media_type(client: Client) -> None:
    path, _ = await made(client)
    saved = assert_ok(await put_content(client, path, SVG.encode()))
    assert (saved.json["mediaType"], saved.json["version"]) == ("image/svg+xml", 2)
    assert saved.json["contentHash"] == sha256(SVG)
    read = assert_ok(await client.get(f"{path}/content"))
    assert read.body == SVG.encode()
    assert read.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert (read.headers["vary"], read.headers["content-security-policy"]) == VARY_AND_SANDBOX
    assert "content-encoding" not in read.headers
    assert read.etag == saved.etag
    assert (await client.get(path)).json["content"] == SVG


RUN_OR_FRAMED = (
    "script", "style", "worker", "sharedworker", "serviceworker", "xslt", "object", "embed", "frame", "iframe",
    "audioworklet", "paintworklet", "fencedframe", "manifest", "speculationrules", "of the future", "Script",
)  # fmt: skip
SHOWN_OR_READ = ("empty", "document", "image", "audio", "video", "track", "font", "json")


async def test_a_browser_that_would_run_or_frame_content_is_refused_before_the_store_is_asked(
    client: Client, stores: Stores
) -> None:
    path, _ = await made(client, mediaType="text/javascript")
    snapshot = assert_ok(await client.post(SNAPSHOTS, {"title": "a", "content": "b"}), 201).json
    for content in (f"{path}/content", f"{SNAPSHOTS}/{snapshot}/content"):
        headers = [{"Sec-Fetch-Dest": use} for use in RUN_OR_FRAMED]
        headers += [{"Service-Worker": "script"}, {"Sec-Fetch-Dest": "empty", "Service-Worker": "script"}]
        for each in headers:
            problem = assert_problem(await client.get(content, each), 403, "not_a_subresource")
            assert "fetch()" in problem["detail"]
            assert (await client.head(content, each)).status == 403
        for use in SHOWN_OR_READ:
            read = assert_ok(await client.get(content, {"Sec-Fetch-Dest": use}))
            assert read.headers["cross-origin-resource-policy"] == "same-origin"
            known = {"Sec-Fetch-Dest": use, "If-None-Match": read.etag}
            assert (await client.get(content, known)).headers["cross-origin-resource-policy"] == "same-origin"
    visits = assert_ok(await client.get(f"{SNAPSHOTS}/{snapshot}/stats")).json["visits"]
    await stores.access_logs.drain()
    assert visits <= 1 + 2 * len(SHOWN_OR_READ)


async def test_content_that_was_saved_in_json_is_plain_text(client: Client) -> None:
    path, _ = await made(client, content="a\0b")
    read = assert_ok(await client.get(f"{path}/content"))
    assert (read.body, read.headers["content-type"]) == (b"a\0b", "text/plain; charset=utf-8")


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*", "GZIP"])
async def test_gzip_goes_out_where_it_is_welcome_under_an_etag_of_its_own(client: Client, accepted: str) -> None:
    path, etag = await made(client, content=SVG * 50)
    read = assert_ok(await client.get(f"{path}/content", {"accept-encoding": accepted}))
    assert read.headers["content-encoding"] == "gzip"
    assert gzip.decompress(read.body).decode() == SVG * 50
    assert read.etag == etag[:-1] + '-gzip"'


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br"])
async def test_no_gzip_goes_out_where_it_is_not_welcome(client: Client, accepted: str) -> None:
    path, _ = await made(client, content=SVG)
    read = assert_ok(await client.get(f"{path}/content", {"accept-encoding": accepted}))
    assert "content-encoding" not in read.headers and read.body == SVG.encode()


@pytest.mark.parametrize("times", [1, 100], ids=["packed anew", "kept as it came"])
@pytest.mark.parametrize("compress", [gzip.compress, igzip.compress])
async def test_gzip_that_comes_in_goes_out_as_text_and_as_gzip(client: Client, compress, times: int) -> None:
    path, _ = await made(client)
    text = SVG * times
    saved = assert_ok(await put_content(client, path, compress(text.encode()), content_encoding="gzip"))
    assert saved.json["contentHash"] == sha256(text)
    assert (await client.get(f"{path}/content")).body == text.encode()
    assert (
        gzip.decompress((await client.get(f"{path}/content", {"accept-encoding": "gzip"})).body) == text.encode()
    )
    assert (await client.get(path)).json["content"] == text


async def test_the_etag_of_either_coding_is_a_condition(client: Client) -> None:
    path, etag = await made(client)
    packed = etag[:-1] + '-gzip"'
    for known, accepted in product((etag, packed, f"W/{packed}"), ("gzip", "identity")):
        headers = {"if-none-match": known, "accept-encoding": accepted}
        unchanged = assert_ok(await client.get(f"{path}/content", headers), 304)
        assert (unchanged.body, unchanged.etag) == (b"", known.removeprefix("W/")), "the ETag that the caller sent"
        assert unchanged.headers["content-type"] == "text/plain; charset=utf-8"
        assert (unchanged.headers["vary"], unchanged.headers["content-security-policy"]) == VARY_AND_SANDBOX
    for accepted, own in (("gzip", packed), ("identity", etag)):
        headers = {"if-none-match": "*", "accept-encoding": accepted}
        assert assert_ok(await client.get(f"{path}/content", headers), 304).etag == own
    saved = assert_ok(await put_content(client, path, b"two", if_match=packed))
    assert_problem(await put_content(client, path, b"three", if_match=packed), 412, "changed")
    minimal = await put_content(client, path, b"four", if_match=saved.etag, prefer="return=minimal")
    assert assert_ok(minimal, 204).body == b""
    assert (await client.get(f"{path}/content")).body == b"four"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"\xff\xfe", {}, 422, "invalid_request"),
        (b"x" * (CONTENT_MAX_BYTES + 1), {}, 413, "content_too_large"),
        (b"x" * (CONTENT_MAX_BYTES + 16_385), {"content_encoding": "gzip"}, 413, "body_too_large"),
        (zipped(b"x" * (CONTENT_MAX_BYTES + 1)), {"content_encoding": "gzip"}, 413, "content_too_large"),
        (zipped(bytes(200_000_000)), {"content_encoding": "gzip"}, 413, "content_too_large"),
        (b"no gzip", {"content_encoding": "gzip"}, 400, "invalid_body"),
        (zipped(b"cut off")[:-3], {"content_encoding": "gzip"}, 400, "invalid_body"),
        (zipped(b"a") + b"b", {"content_encoding": "gzip"}, 400, "invalid_body"),
        (zlib.compress(b"zlib"), {"content_encoding": "gzip"}, 400, "invalid_body"),
        (b"", {"content_encoding": "gzip"}, 400, "invalid_body"),
        (b"x", {"content_encoding": "br"}, 415, "unsupported_media_type"),
        (b"x", {"content_encoding": "gzip, gzip"}, 415, "unsupported_media_type"),
        (b"x", {"content_type": ""}, 415, "unsupported_media_type"),
        (b"x", {"content_type": "no type"}, 415, "unsupported_media_type"),
        (b"x", {"content_type": "text/html\r\nSet-Cookie: a=b"}, 415, "unsupported_media_type"),
        (b"x", {"content_type": "text/plain; charset=latin-1"}, 415, "unsupported_media_type"),
        (b"x", {"content_type": "text/plain; charset=utf-8; charset=latin-1"}, 415, "unsupported_media_type"),
        (b"x", {"content_type": f"text/{'x' * 128}"}, 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_content_is_refused_and_nothing_is_written(
    client: Client, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    path, _ = await made(client)
    assert_problem(await put_content(client, path, body, **headers), status, code)
    await assert_untouched(client, path)


async def test_content_of_the_largest_size_is_taken_however_badly_it_is_gzipped(client: Client) -> None:
    path, _ = await made(client)
    text = random.Random(1).randbytes(CONTENT_MAX_BYTES // 2).hex()
    sent = gzip.compress(text.encode(), 0)
    assert len(sent) > CONTENT_MAX_BYTES == len(text)
    saved = assert_ok(
        await put_content(client, path, sent, content_encoding="gzip", content_type=f"a/{'x' * 127}")
    )
    assert (saved.json["contentHash"], saved.json["mediaType"]) == (sha256(text), f"a/{'x' * 127}")


async def test_content_can_be_saved_as_an_autosave_and_under_a_key(client: Client) -> None:
    path, _ = await made(client)
    plain = {"content-type": "text/plain"}
    for number in range(3):
        query = {"autosave": "true"}
        assert_ok(await client.call("PUT", f"{path}/content", b"%d" % number, plain, query))
    history = assert_ok(await client.get(f"{path}/revisions")).json["items"]
    assert [one["action"] for one in history] == ["autosaved", "created"]
    keyed = {**plain, "idempotency-key": "k"}
    first = assert_ok(await client.put(f"{path}/content", b"mine", keyed))
    assert_ok(await client.put(f"{path}/content", b"another's", plain))
    again = assert_ok(await client.put(f"{path}/content", b"mine", keyed))
    assert (again.etag, (await client.get(f"{path}/content")).body) == (first.etag, b"another's")


async def test_content_of_others_and_of_deleted_sessions_is_not_shown(client: Client) -> None:
    path, _ = await made(client)
    assert_problem(await client.of("bob").get(f"{path}/content"), 404, "not_found")
    assert_problem(await put_content(client.of("bob"), path, b"x"), 404, "not_found")
    await client.delete(path)
    assert_problem(await client.get(f"{path}/content"), 410, "gone")
    assert_problem(await put_content(client, path, b"x"), 410, "gone")


async def test_a_snapshot_has_its_content_by_itself_and_the_visit_is_counted(
    client: Client, stores: Stores
) -> None:
    path, _ = await made(client)
    await put_content(client, path, SVG.encode())
    made_of = {"sessionId": path.rpartition("/")[2]}
    snapshot_id = assert_ok(await client.post(SNAPSHOTS, made_of), 201).json
    read = assert_ok(await client.of("bob").get(f"{SNAPSHOTS}/{snapshot_id}/content", {"accept-encoding": "gzip"}))
    assert gzip.decompress(read.body).decode() == SVG
    assert read.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert (read.headers["vary"], read.headers["content-security-policy"]) == VARY_AND_SANDBOX
    again = await client.of("bob").get(f"{SNAPSHOTS}/{snapshot_id}/content", {"if-none-match": read.etag})
    assert_ok(again, 304)
    await stores.access_logs.drain()
    [row] = (await stores.access_logs.page("bob")).items
    assert row.visits == 2


async def test_a_merge_patch_changes_and_clears(client: Client) -> None:
    path, etag = await made(client, description="About", app="map")
    patched = await client.call("PATCH", path, {"title": "New", "description": None}, MERGE_PATCH)
    assert_ok(patched)
    found = patched.json
    assert (found["title"], found["description"], found["app"], found["version"]) == ("New", None, "map", 2)
    cleared = assert_ok(await client.call("PATCH", path, {"app": None}, {**MERGE_PATCH, "if-match": patched.etag}))
    assert (cleared.json["app"], cleared.json["title"]) == (None, "New")
    assert_problem(
        await client.call("PATCH", path, {"title": "Late"}, {**MERGE_PATCH, "if-match": etag}), 412, "changed"
    )
    unchanged = assert_ok(await client.call("PATCH", path, {}, MERGE_PATCH))
    assert unchanged.json["version"] == 3
    assert (await client.get(path)).json["content"] == "one"


@pytest.mark.parametrize(
    "patch", [{"title": None}, {"title": ""}, {"content": "x"}, {"version": 1}, [], "x", None]
)
async def test_a_merge_patch_of_anything_else_is_refused(client: Client, patch: object) -> None:
    path, _ = await made(client)
    body = b"null" if patch is None else patch
    assert_problem(await client.call("PATCH", path, body, MERGE_PATCH), 422, "invalid_request")
    assert_problem(
        await client.call("PATCH", path, {"title": "x"}, {"content-type": "text/plain"}),
        415,
        "unsupported_media_type",
    )
    await assert_untouched(client, path)


async def test_content_is_the_same_whichever_way_it_comes(client: Client) -> None:
    path, _ = await made(client)
    text = "\0\u2028 ß 🙂 \r\n" * 1000
    assert_ok(await put_content(client, path, text.encode()))
    unchanged = assert_ok(await client.put(path, {"content": text}))
    assert unchanged.json["metadata"]["version"] == 2
    assert (await client.get(f"{SESSIONS}/metadata/{path.rpartition('/')[2]}")).json["contentHash"] == sha256(text)
