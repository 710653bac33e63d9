"""The keys of an issuer: when they are fetched, how long they are used, and which are usable."""

import asyncio
import gzip

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from functions.http.problems import PROBLEM_TYPES
from functions.identity import signing_keys
from functions.identity.errors import IdentityUnavailable, InvalidToken
from functions.identity.signing_keys import SigningKeys, parse_keys
from tests.support.issuer import Issuer, jwk, private_key

HOUR, DAY, MINUTE = 3_600, 86_400, 60


class Clock:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> SigningKeys:
    return SigningKeys(issuer.url, issuer.jwks_url, clock=clock)


async def test_keys_are_fetched_once_an_hour(issuer, keys, clock):
    first = await keys.find("first", "RS256")
    clock.now += HOUR - 1
    assert await keys.find("first", "RS256") is first
    assert issuer.asked == {"/keys": 1}
    clock.now += 1
    await keys.find("first", "RS256")
    assert issuer.asked == {"/keys": 2}


async def test_many_at_once_make_one_fetch(issuer, keys):
    found = await asyncio.gather(*(keys.find("first", "RS256") for _ in range(50)))
    assert len({id(key) for key in found}) == 1
    assert issuer.asked == {"/keys": 1}


async def test_the_openid_configuration_says_where_the_keys_are(issuer, clock):
    for url in (issuer.url, issuer.url + "/"):
        issuer.configuration = {"issuer": url}
        await SigningKeys(url, clock=clock).find("first", "RS256")
    assert issuer.asked == {"/.well-known/openid-configuration": 2, "/keys": 2}


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://another.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": "/keys"},
        {"jwks_uri": "http://another.example/keys"},
        {
            "jwks_uri": "http://[::ffff:127.0.0.1]:{port}/keys"
        },  # This machine, but not by one of its loopback names.
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_a_configuration_that_cannot_be_trusted_is_not_followed(issuer, configuration):
    port = issuer.url.rpartition(":")[2]
    issuer.configuration = {
        name: value.replace("{port}", port) if isinstance(value, str) else value
        for name, value in configuration.items()
    }
    with pytest.raises(IdentityUnavailable):
        await SigningKeys(issuer.url).find("first", "RS256")
    assert "/keys" not in issuer.asked


async def test_a_redirect_is_not_followed(issuer, keys):
    issuer.moved_to = "/elsewhere"
    with pytest.raises(IdentityUnavailable):
        await keys.find("first", "RS256")
    assert issuer.asked == {"/keys": 1}


async def test_a_new_key_is_found_and_an_old_one_gone_with_it(issuer, keys, clock):
    await keys.find("first", "RS256")
    issuer.jwks = [jwk(private_key("RS256", "second"), "second")]
    clock.now += MINUTE
    await keys.find("second", "RS256")
    with pytest.raises(InvalidToken):
        await keys.find("first", "RS256")


async def test_unknown_keys_make_one_fetch_a_minute(issuer, keys, clock):
    await keys.find("first", "RS256")
    clock.now += MINUTE - 1
    with pytest.raises(InvalidToken):
        await keys.find("unknown", "RS256")
    assert issuer.asked == {"/keys": 1}
    clock.now += 1
    for second in range(MINUTE):
        with pytest.raises(InvalidToken):
            await keys.find(f"unknown-{second}", "RS256")
        clock.now += 0.99
    assert issuer.asked == {"/keys": 2}
    clock.now += 0.7
    with pytest.raises(InvalidToken):
        await keys.find("unknown", "RS256")
    assert issuer.asked == {"/keys": 3}


async def test_an_outage_without_a_key_is_said_and_asked_about_every_five_seconds(issuer, keys, clock):
    issuer.away = True
    for _ in range(10):
        with pytest.raises(IdentityUnavailable):
            await keys.find("first", "RS256")
        clock.now += 1
    assert issuer.asked == {"/keys": 2}
    issuer.away = False
    await keys.find("first", "RS256")


async def test_stale_keys_are_used_for_a_day_while_the_issuer_is_away(issuer, keys, clock):
    first = await keys.find("first", "RS256")
    issuer.away = True
    clock.now += DAY - 1
    for _ in range(5):
        assert await keys.find("first", "RS256") is first
    assert issuer.asked == {"/keys": 2}, "asked again at most once a minute"
    clock.now += MINUTE
    with pytest.raises(IdentityUnavailable):
        await keys.find("first", "RS256")
    issuer.away = False
    clock.now += signing_keys.RETRY_SECONDS
    await keys.find("first", "RS256")


async def test_an_unknown_key_is_neither_good_nor_bad_while_the_issuer_is_away(issuer, keys, clock):
    await keys.find("first", "RS256")
    issuer.away = True
    clock.now += MINUTE
    for _ in range(2):
        with pytest.raises(IdentityUnavailable):
            await keys.find("unknown", "RS256")
    await keys.find("first", "RS256")


async def test_a_withdrawn_key_is_of_no_use_once_the_issuer_says_so(issuer, keys, clock):
    await keys.find("first", "RS256")
    issuer.jwks = [jwk(private_key("RS256", "second"), "second")]
    clock.now += HOUR
    with pytest.raises(InvalidToken):
        await keys.find("first", "RS256")


async def test_an_issuer_without_any_usable_key_is_an_outage(issuer, keys, clock):
    issuer.jwks = []
    for _ in range(2):
        with pytest.raises(IdentityUnavailable):
            await keys.find("first", "RS256")
        clock.now += HOUR


async def test_keys_that_were_fetched_ahead_are_not_fetched_again(issuer, keys):
    await asyncio.gather(keys.warm_up(), keys.warm_up())
    await keys.find("first", "RS256")
    assert issuer.asked == {"/keys": 1}


async def test_requests_go_on_while_keys_rotate(issuer, keys, clock):
    """Each key signs for a day, and is published a day before. The issuer is asked at most once a minute."""
    failed = 0
    for minute in range(0, 3 * 24 * 60, 7):
        day = minute // (24 * 60)
        issuer.jwks = [jwk(private_key("RS256", f"{one}"), f"{one}") for one in (day, day + 1)]
        clock.now += 7 * MINUTE
        try:
            await keys.find(f"{day}", "RS256")
        except (InvalidToken, IdentityUnavailable):
            failed += 1
    assert failed == 0


async def test_an_issuer_that_is_away_for_25_hours_is_missed_after_24(issuer, keys, clock):
    await keys.find("first", "RS256")
    issuer.away = True
    cold = SigningKeys(issuer.url, issuer.jwks_url, clock=clock)
    for hour in range(25):
        clock.now += HOUR
        with pytest.raises(IdentityUnavailable):
            await cold.find("first", "RS256")
        if hour < 23:
            await keys.find("first", "RS256")
            continue
        with pytest.raises(IdentityUnavailable):
            await keys.find("first", "RS256")
    issuer.away = False
    clock.now += MINUTE
    for one in (keys, cold):
        await one.find("first", "RS256")


async def test_a_silent_issuer_delays_nobody_who_can_do_without(issuer, keys, clock, monkeypatch):
    monkeypatch.setattr(signing_keys, "FETCH_TIMEOUT_SECONDS", 0.3)
    first = await keys.find("first", "RS256")
    clock.now += HOUR
    issuer.silent = True
    asking = asyncio.create_task(keys.find("first", "RS256"))
    while issuer.asked["/keys"] < 2:
        await asyncio.sleep(0.001)
    assert await asyncio.wait_for(keys.find("first", "RS256"), 0.1) is first
    assert await asking is first


async def test_a_silent_issuer_is_given_up(issuer, keys, monkeypatch):
    monkeypatch.setattr(signing_keys, "FETCH_TIMEOUT_SECONDS", 0.05)
    issuer.silent = True
    with pytest.raises(IdentityUnavailable):
        await asyncio.wait_for(asyncio.gather(*(keys.find("first", "RS256") for _ in range(20))), 5)
    assert issuer.asked == {"/keys": 1}


async def test_many_who_wait_for_a_silent_issuer_are_answered_together(issuer, monkeypatch):
    keys = SigningKeys(issuer.url, issuer.jwks_url)
    monkeypatch.setattr(signing_keys, "FETCH_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(signing_keys, "RETRY_SECONDS", 0.1)
    issuer.silent = True
    answers = await asyncio.gather(*(keys.find("first", "RS256") for _ in range(12)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {IdentityUnavailable}
    assert issuer.asked == {"/keys": 1}


async def test_a_fetch_that_was_broken_off_is_taken_up_again(issuer, keys, clock):
    issuer.silent = True
    asking = asyncio.create_task(keys.find("first", "RS256"))
    while not issuer.asked:
        await asyncio.sleep(0.001)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    issuer.silent = False
    clock.now += signing_keys.RETRY_SECONDS
    await keys.find("first", "RS256")


async def test_an_issuer_that_nobody_listens_for_is_an_outage():
    with pytest.raises(IdentityUnavailable):
        await SigningKeys("http://127.0.0.1:9").find("first", "RS256")


BROKEN = {
    "nothing": (b"", {}),
    "html": (b"<html>", {}),
    "list": (b"[]", {}),
    "no keys": (b"{}", {}),
    "keys of another sort": (b'{"keys": {}}', {}),
    "no utf-8": (b'{"keys": "\xff"}', {}),
    "deep": (b"[" * 100_000, {}),
    "huge": (b'{"keys": [], "x": "' + b"x" * 600_000 + b'"}', {}),
    "bomb": (gzip.compress(b'{"keys": [' + b" " * 50_000_000 + b"]}"), {"Content-Encoding": "gzip"}),
    "no gzip": (b'{"keys": []}', {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize(("raw", "headers"), BROKEN.values(), ids=BROKEN.keys())
async def test_an_answer_that_is_no_key_set_is_an_outage(issuer, keys, raw, headers):
    issuer.raw, issuer.raw_headers = raw, headers
    with pytest.raises(IdentityUnavailable):
        await keys.find("first", "RS256")


def test_callers_are_told_to_come_back_when_it_is_asked_again():
    assert PROBLEM_TYPES[IdentityUnavailable].headers == {"Retry-After": str(signing_keys.RETRY_SECONDS)}


def weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 1_024)


def test_a_key_is_used_with_what_suits_it_alone():
    listed = [jwk(private_key("RS256"), "rsa"), jwk(private_key("RS256"), "one", alg="PS384")]
    listed += [jwk(private_key(algorithm), algorithm) for algorithm in ("ES256", "ES384", "EdDSA")]
    assert set(parse_keys({"keys": listed})) == {
        *(("rsa", f"{family}{bits}") for family in ("RS", "PS") for bits in (256, 384, 512)),
        ("one", "PS384"),
        ("ES256", "ES256"),
        ("ES384", "ES384"),
        ("EdDSA", "EdDSA"),
    }


@pytest.mark.parametrize(
    "odd",
    [
        jwk(private_key(), "x", use="enc"),
        jwk(private_key(), "x", use=7),
        jwk(private_key(), "x", key_ops=["sign"]),
        jwk(private_key(), "x", key_ops="verify"),
        jwk(private_key(), "x", alg="HS256"),
        jwk(private_key(), "x", alg="ES256"),
        jwk(private_key(), "x", alg="none"),
        jwk(private_key(), "x", alg=["RS256"]),
        jwk(private_key(), "x", d="AQAB"),
        jwk(private_key(), "x", n=None),
        jwk(private_key(), "x", n=7),
        jwk(private_key(), "x", n="Zoë"),
        jwk(private_key(), "x", e="AA"),
        jwk(private_key(), "x", e=["AQAB"]),
        jwk(private_key(), "x", crv="P-256"),
        jwk(private_key(), "x", kid=None),
        jwk(private_key(), "x", kid=7),
        jwk(private_key(), "x", kty="EC"),
        jwk(private_key(), "x", kty=["RSA"]),
        jwk(private_key("ES256"), "x", crv="P-384"),
        jwk(private_key("ES256"), "x", crv=None),
        jwk(private_key("ES256"), "x", y="AA"),
        jwk(private_key("ES256"), "x", x=jwk(private_key("ES256"), "x")["y"]),
        jwk(private_key("EdDSA"), "x", x="AA"),
        jwk(ec.generate_private_key(ec.SECP256K1()), "x"),
        jwk(ec.generate_private_key(ec.SECP521R1()), "x"),
        jwk(weak_key(), "x"),
        {"kty": "oct", "kid": "x", "k": "c2VjcmV0"},
        {"kid": "x"},
        "x",
        None,
    ],
    ids=range(31),
)
def test_a_key_that_cannot_be_used_is_left_out_and_spoils_no_other(odd):
    good = jwk(private_key(), "good")
    assert {kid for kid, _ in parse_keys({"keys": [odd, good]})} == {"good"}


def test_the_first_of_two_keys_by_one_name_is_taken():
    listed = [jwk(private_key("RS256", name), "same") for name in ("first", "second")]
    assert parse_keys({"keys": listed})["same", "RS256"] == private_key("RS256", "first").public_key()
