"""A device only informs: no text of it refuses the work, wherever it comes from."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.http.headers import percent_decoded
from persistence.documents import new_id
from tests.support.drafts import DRAFTS
from tests.support.http import SESSIONS, Client, assert_ok, assert_problem, made

pytestmark = pytest.mark.one_engine

PLAIN = {"content-type": "text/plain"}
LONG = "🙂" * 254 + "é🙂 and more"


async def device_of(client: Client, path: str) -> str | None:
    device: str | None = (await client.get(path)).json["metadata"]["deviceInfo"]
    return device


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("phone", "phone"),
        ("d" * 255, "d" * 255),
        ("d" * 256, "d" * 255),
        ("d" * 1_000_000, "d" * 255),
        (LONG, "🙂" * 254 + "é"),
        ("\U0001f468\u200d\U0001f469\u200d" * 100, ("\U0001f468\u200d\U0001f469\u200d" * 100)[:255]),
        ("a\0b\0", "ab"),
        ("\0" + "d" * 255, "d" * 255),
        ("\0", None),
        ("", None),
        (None, None),
        (" \r\n\t%41 ", " \r\n\t%41 "),
    ],
    ids=lambda text: ascii(text)[:30],
)
async def test_a_device_is_cut_and_never_refused(client: Client, sent: str | None, kept: str | None) -> None:
    path, _ = await made(client, content="one", deviceInfo=sent)
    assert await device_of(client, path) == kept
    assert_ok(await client.put(path, {"content": "two", "deviceInfo": sent}))
    assert await device_of(client, path) == kept
    history = (await client.get(f"{path}/revisions")).json["items"]
    assert [revision["deviceInfo"] for revision in history] == [kept, kept]
    draft = f"{DRAFTS}/{new_id()}"
    for status in (201, 200):
        saved = assert_ok(await client.put(draft, {"content": f"{status}", "deviceInfo": sent}), status)
        assert saved.json["deviceInfo"] == kept
    if sent:
        found = assert_ok(await client.get(DRAFTS, None, device=sent)).json["items"]
        assert len(found) == (kept is not None), "the text that was sent finds the draft"
    if sent is not None and len(sent) < 1_000:
        saved = assert_ok(
            await client.put(f"{path}/content", b"three", {**PLAIN, "savepoint-device": quote(sent)})
        )
        assert saved.json["deviceInfo"] == kept


@pytest.mark.parametrize("sent", [7, True, ["phone"], {"name": "phone"}], ids=str)
async def test_what_is_no_text_is_refused(client: Client, sent: Any) -> None:
    path, _ = await made(client)
    for where in (path, f"{DRAFTS}/{new_id()}"):
        problem = assert_problem(
            await client.put(where, {"content": "x", "deviceInfo": sent}), 422, "invalid_request"
        )
        assert problem["errors"][0]["pointer"] == "#/deviceInfo"


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("Ann%E2%80%99s%20tablet", "Ann’s tablet"),
        ("a+b%2Bc", "a+b+c"),
        ("100%", "100%"),
        ("%zz%4", "%zz%4"),
        ("%ff%fe", "��"),
        ("caf%C3", "caf�"),
        ("%ED%A0%BD", "���"),
        ("%F0%9F%99%82" * 256, "🙂" * 255),
        ("%00%00", None),
        ("", None),
        ("Grüße", "Grüße"),
        ("%0D%0ASet-Cookie:%20a=b", "\r\nSet-Cookie: a=b"),
    ],
    ids=lambda text: ascii(text)[:30],
)
async def test_the_header_is_decoded_as_well_as_possible(client: Client, header: str, kept: str | None) -> None:
    path, _ = await made(client)
    saved = assert_ok(await client.put(f"{path}/content", b"two", {**PLAIN, "savepoint-device": header}))
    assert saved.json["deviceInfo"] == kept
    assert await device_of(client, path) == kept


async def test_a_save_without_the_header_has_no_device(client: Client) -> None:
    path, _ = await made(client, deviceInfo="phone")
    assert assert_ok(await client.put(f"{path}/content", b"two", PLAIN)).json["deviceInfo"] is None
    # Only raw content takes the header: JSON has the member.
    assert_ok(await client.put(path, {"content": "three"}, {"savepoint-device": "phone"}))
    assert await device_of(client, path) is None


@given(st.text())
def test_any_text_comes_through_the_header(text: str) -> None:
    assert percent_decoded(quote(text, safe="")) == text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.text(st.characters(exclude_categories=()), max_size=300)
    | st.text("%0123456789abcdefEDF", max_size=300)
)
async def test_no_header_refuses_the_work(client: Client, header: str) -> None:
    path, _ = await made(client)
    saved = assert_ok(await client.put(f"{path}/content", b"two", {**PLAIN, "savepoint-device": header}))
    assert saved.json["deviceInfo"] is None or len(saved.json["deviceInfo"]) <= 255
    assert_ok(await client.delete(f"{SESSIONS}/{path.rpartition('/')[2]}"), 204)
