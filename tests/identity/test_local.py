"""The identity for one machine: the user that the header names, and no request from outside."""

import pytest

from functions.identity.errors import ForbiddenOrigin, Unauthenticated
from functions.identity.local import LOCAL_USER, LocalIdentity, may_call
from functions.identity.modes import identify_by
from persistence import Stores
from settings import Settings
from tests.conftest import SETTINGS
from tests.support.http import NEW, SESSIONS, Client, assert_ok, assert_problem

LOCAL = LocalIdentity(frozenset())

# Owner ids are partition keys: these values can never change.
GOLDEN = {
    "ann": "ann",
    "Ann": "Ann",
    "ann@example.com": "ann@example.com",
    "a b": "a b",
    "0": "0",
    "!": "!",
    "~": "~",
    "aad:00000000-0000-0000-0000-000000000001": "aad:00000000-0000-0000-0000-000000000001",
    "x" * 255: "x" * 255,
    "": "local-user",
}


@pytest.mark.parametrize(("header", "owner"), GOLDEN.items(), ids=lambda text: text[:20])
async def test_the_owner_is_exactly_what_the_header_says(header: str, owner: str) -> None:
    assert await LOCAL({"x-user-id": header}) == owner


async def test_without_the_header_it_is_the_local_user() -> None:
    assert await LOCAL({}) == LOCAL_USER == "local-user"


@pytest.mark.parametrize("header", [" ", "ann ", " ann", "ann\n", "a\0", "\x7f", "ąnn", "\u200b", "x" * 256])
async def test_an_id_that_no_engine_could_keep_unharmed_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated, match="1 to 255 printable ASCII characters"):
        await LOCAL({"x-user-id": header})


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:7071", "LOCALHOST:7071", "127.0.0.1", "127.0.0.1:7071", "[::1]", "[::1]:7071"]
)
async def test_this_machine_is_served_under_its_own_names(host: str) -> None:
    assert await LOCAL({"host": host}) == LOCAL_USER


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "localhost.example.com",
        "127.0.0.1.nip.io",
        "10.0.0.7:7071",
        "0.0.0.0",
        "[::2]",
        "[",
        ":7071",
    ],
)
async def test_another_host_name_is_a_rebound_one(host: str) -> None:
    with pytest.raises(ForbiddenOrigin, match="host names"):
        await LOCAL({"host": host})


@pytest.mark.parametrize(
    "origin",
    [
        f"{scheme}://{host}{port}"
        for scheme in ("http", "https")
        for host in ("localhost", "127.0.0.1", "[::1]")
        for port in ("", ":80", ":3000", ":4200", ":8080", ":65535")
    ],
)
async def test_pages_of_this_machine_are_served(origin: str) -> None:
    assert may_call(origin, ())
    assert await LOCAL({"host": "localhost", "origin": origin}) == LOCAL_USER


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://example.com",
        "http://localhost.example.com",
        "http://example.com/localhost",
        "http://[",
        "http://localhost@example.com",
        "http://example.com#http://localhost",
        "http://127.0.0.1.nip.io:4200",
        "http://127x0x0x1",
        "http://[::2]",
        "http://localhost:",
        "http://localhost:port",
        "http://localhost/",
        "http://localhost\n",
        "ftp://localhost",
        "localhost",
        "http://localhost, https://example.com",
    ],
)
async def test_a_foreign_page_is_refused_even_if_it_names_a_user(origin: str) -> None:
    assert not may_call(origin, ())
    with pytest.raises(ForbiddenOrigin, match="[Pp]ages"):
        await LOCAL({"host": "localhost", "origin": origin, "x-user-id": "ann"})


async def test_what_a_browser_fetches_for_a_foreign_page_is_refused() -> None:
    fetched = {"host": "localhost", "sec-fetch-site": "cross-site"}
    with pytest.raises(ForbiddenOrigin):
        await LOCAL(fetched)
    assert await LOCAL({**fetched, "sec-fetch-site": "same-origin"}) == LOCAL_USER
    assert await LOCAL({**fetched, "origin": "http://localhost:3000"}) == LOCAL_USER


async def test_origins_that_the_settings_name_are_served_and_no_others() -> None:
    environ = {"STORE_ENGINE": "sqlite", "AUTH_MODE": "local"}
    listed = "https://app.example.com, http://dev.example.com:8080 ,"
    identify, _ = identify_by(Settings.from_environ(environ | {"LOCAL_ORIGINS": listed}).app_rules().identity)
    for origin in ("https://app.example.com", "http://dev.example.com:8080", "http://localhost:3000"):
        assert await identify({"host": "localhost", "origin": origin}) == LOCAL_USER
    for origin in ("http://app.example.com", "https://app.example.com:444", "https://example.com", "", " "):
        with pytest.raises(ForbiddenOrigin):
            await identify({"host": "localhost", "origin": origin})


async def test_a_refusal_is_a_problem_and_comes_before_everything_else(stores: Stores) -> None:
    client = Client(stores, SETTINGS)
    outside = {"Origin": "https://example.com"}
    rebound = {"Host": "example.com:7071"}
    for headers in (outside, rebound):
        assert_problem(await client.get(SESSIONS, headers), 403, "forbidden_origin")
        assert_problem(await client.post(SESSIONS, b"not JSON", headers), 403, "forbidden_origin")
        assert_problem(await client.post(SESSIONS, NEW, headers), 403, "forbidden_origin")
    assert (await client.get(SESSIONS)).json["items"] == []
    # Health endpoints need no identity.
    assert_ok(await client.get("health/live", rebound))
    assert_ok(await client.get("health/ready", {"X-User-Id": " "}))
