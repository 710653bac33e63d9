"""Bearer tokens, really signed: which are accepted, and every kind that must be refused."""

import asyncio
import hashlib
import hmac
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from functions.identity.bearer import TOKEN_MAX_CHARACTERS, BearerIdentity
from functions.identity.errors import ForbiddenToken, InvalidToken
from functions.identity.signing_keys import SigningKeys
from tests.support.issuer import AUDIENCE, CLIENT, SUBJECT, Issuer, jwk, private_key, rules, unsigned


@pytest.fixture
def identity(issuer: Issuer) -> BearerIdentity:
    return BearerIdentity({issuer.url: SigningKeys(issuer.url)}, rules())


async def owner(identity: BearerIdentity, token: str) -> str:
    return await identity({"authorization": f"Bearer {token}"})


async def refused(identity: BearerIdentity, token: str) -> str:
    with pytest.raises(InvalidToken) as caught:
        await owner(identity, token)
    return str(caught.value)


async def test_the_owner_is_the_subject_of_a_good_token(issuer, identity):
    assert await owner(identity, issuer.token()) == SUBJECT


@pytest.mark.parametrize(
    "algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
)
async def test_every_asymmetric_algorithm_that_suits_the_key_is_accepted(issuer, identity, algorithm):
    issuer.jwks = [jwk(private_key(algorithm), "first")]
    assert await owner(identity, issuer.token(algorithm)) == SUBJECT


@pytest.mark.parametrize("changed", [{"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": ["x"]}, {"sub": "Zoë"}])
async def test_a_token_without_a_usable_subject_is_refused(issuer, identity, changed):
    await refused(identity, issuer.token(**changed))


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"exp": ago(61)}, "expired"),
        ({"exp": ago(10**9)}, "expired"),
        ({"exp": -1}, "expired"),
        ({"exp": None}, "lacks a claim"),
        ({"exp": "soon"}, "not valid"),
        ({"exp": [2**40]}, "not valid"),
        ({"exp": float("inf")}, "not valid"),
        ({"exp": float("nan")}, "not valid"),
        ({"nbf": ago(-(10**6))}, "not valid yet"),
        ({"nbf": "later"}, "not valid"),
        ({"iat": ago(-(10**6))}, "not valid yet"),
        ({"iat": "now"}, "not valid"),
        ({"aud": None}, "lacks a claim"),
        ({"aud": "another"}, "another audience"),
        ({"aud": ["another"]}, "another audience"),
        ({"aud": []}, "lacks a claim"),
        ({"aud": AUDIENCE.upper()}, "another audience"),
        ({"aud": {AUDIENCE: 1}}, "another audience"),
        ({"aud": AUDIENCE + "/x"}, "another audience"),
        ({"iss": None}, "issuer"),
        ({"iss": "https://another.example"}, "issuer"),
        ({"iss": ["x"]}, "issuer"),
        ({"iss": {}}, "issuer"),
    ],
)
async def test_a_token_whose_claims_do_not_hold_is_refused(issuer, identity, changed, words):
    assert words in await refused(identity, issuer.token(**changed))


async def test_the_issuer_is_compared_exactly(issuer, identity):
    for other in (issuer.url + "/", issuer.url.upper(), f" {issuer.url}", issuer.url + "\0"):
        await refused(identity, issuer.token(iss=other))


@pytest.mark.parametrize(("claim", "seconds_ago"), [("exp", 50), ("nbf", -50), ("iat", -50)])
async def test_clocks_may_differ_by_less_than_a_minute(issuer, identity, claim, seconds_ago):
    assert await owner(identity, issuer.token(**{claim: ago(seconds_ago)})) == SUBJECT


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["another", AUDIENCE]])
async def test_one_right_audience_among_several_is_enough(issuer, identity, audience):
    assert await owner(identity, issuer.token(aud=audience)) == SUBJECT


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, 7, ["RS256"], {}, "HS256", "rs256"])
@pytest.mark.parametrize("signature", [b"", b"x" * 256])
async def test_a_token_that_names_no_asymmetric_algorithm_is_refused(issuer, identity, name, signature):
    header = {"typ": "JWT", "alg": name, "kid": "first"}
    await refused(identity, unsigned(header, issuer.claims(), signature))
    assert issuer.asked == {}, "no key was asked for"


@pytest.mark.parametrize("form", ["PEM", "DER", "JWK"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_the_public_key_is_no_secret_to_sign_with(issuer, identity, form, algorithm):
    public = private_key().public_key()
    secret = {
        "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "JWK": issuer.jwks[0]["n"].encode(),
    }[form]
    await owner(identity, issuer.token())
    header = {"alg": algorithm, "kid": "first"}
    signing_input = unsigned(header, issuer.claims()).rpartition(".")[0]
    digest = hmac.new(secret, signing_input.encode(), getattr(hashlib, f"sha{algorithm[2:]}")).digest()
    await refused(identity, unsigned(header, issuer.claims(), digest))


async def test_a_key_that_the_token_brings_along_is_not_looked_at(issuer, identity):
    mine = private_key("RS256", "mine")
    for brought in (
        {"jwk": jwk(mine, "first")},
        {"jku": f"{issuer.url}/mine"},
        {"x5u": f"{issuer.url}/mine"},
        {"x5c": ["MIIB"]},
    ):
        assert "not valid" in await refused(identity, issuer.token(key=mine, headers=brought))
        assert await owner(identity, issuer.token(headers=brought)) == SUBJECT
    assert "/mine" not in issuer.asked


@pytest.mark.parametrize("kid", [None, "", "second", "../first", "first "])
async def test_a_token_that_names_none_of_the_issuers_keys_is_refused(issuer, identity, kid):
    await refused(identity, issuer.token(headers={"kid": kid}))


@pytest.mark.parametrize("critical", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": True}])
async def test_a_critical_header_is_refused(issuer, identity, critical):
    header = {"alg": "RS256", "kid": "first", **critical}
    signing_input = unsigned(header, issuer.claims()).rpartition(".")[0]
    signature = jwt.get_algorithm_by_name("RS256").sign(signing_input.encode(), private_key())
    await refused(identity, unsigned(header, issuer.claims(), signature))
    assert issuer.asked == {}, "no key was asked for"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1", "9_999_999_999", " 1 ", True])
async def test_times_that_are_no_numbers_are_refused(issuer, identity, name, value):
    later = str(int(time.time()) + 600) if name == "exp" and isinstance(value, str) else value
    await refused(identity, issuer.token(**{name: later}))


async def test_a_token_changed_after_it_was_signed_is_refused(issuer, identity):
    head, _, signature = issuer.token().split(".")
    _, other_claims, _ = issuer.token(sub="person-2").split(".")
    assert await refused(identity, f"{head}.{other_claims}.{signature}")
    assert await refused(identity, f"{head}.{other_claims}.{signature[:-4]}")


@pytest.mark.parametrize(
    "credentials",
    ["", "Bearer", "Bearer ", "bearer x", "Bearer a.b", "Bearer a.b.c.d", "Bearer a.b.c,Bearer a.b.c"]
    + ["Basic a.b.c", "a.b.c", "Bearer\ta.b.c", "Bearer a.b.c\n", " Bearer a.b.c", "Bearer é.b.c", "Bearer a=.b.c"]
    + ["Bearer ..", "Bearer a.b.", "Bearer AAAA.AAAA.AAAA", "Bearer W10.W10.W10", "Bearer bnVsbA.bnVsbA.bnVsbA"],
)
async def test_a_malformed_authorization_is_refused(identity, credentials):
    with pytest.raises(InvalidToken):
        await identity({"authorization": credentials})


async def test_two_authorizations_are_refused_even_if_each_is_good(issuer, identity):
    token = issuer.token()
    for joined in (f"Bearer {token},Bearer {token}", f"Bearer {token}, Bearer {token}", f"Bearer {token} {token}"):
        with pytest.raises(InvalidToken):
            await identity({"authorization": joined})


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
async def test_the_scheme_is_read_in_any_case(issuer, identity, scheme):
    assert await identity({"authorization": scheme + issuer.token()}) == SUBJECT


async def test_a_large_token_is_read_and_a_huge_one_refused(issuer, identity):
    large = issuer.token(groups=["x" * 36] * 270)
    assert TOKEN_MAX_CHARACTERS * 0.8 < len(large) < TOKEN_MAX_CHARACTERS
    assert await owner(identity, large) == SUBJECT
    assert "too large" in await refused(identity, issuer.token(groups=["x" * 36] * 400))


@pytest.mark.parametrize("text", ["[" * 9_000, '{"a":' * 2_000, '{"alg":"RS256"}' * 2, "\ufeff{}", "NaN", '"'])
async def test_odd_json_in_a_token_is_refused(issuer, identity, text):
    part = unsigned({}, {}, text.encode()).rpartition(".")[2]
    head, claims, signature = issuer.token().split(".")
    for token in (f"{part}.{claims}.{signature}", f"{head}.{part}.{signature}"):
        await refused(identity, token)


async def test_another_claim_can_be_the_subject(issuer):
    identity = BearerIdentity({issuer.url: SigningKeys(issuer.url)}, rules(subject_claim="oid"))
    assert await owner(identity, issuer.token(oid="object-1")) == "object-1"
    await refused(identity, issuer.token())
    await refused(identity, issuer.token(oid=7))


async def test_of_several_issuers_each_vouches_for_its_own_people_only(issuer):
    async with Issuer() as second:
        second.jwks = [jwk(private_key("RS256", "second"), "first")]
        identity = BearerIdentity({one.url: SigningKeys(one.url) for one in (issuer, second)}, rules())
        assert await owner(identity, issuer.token()) == f"{issuer.url}:{SUBJECT}"
        theirs = second.token(key=private_key("RS256", "second"))
        assert await owner(identity, theirs) == f"{second.url}:{SUBJECT}"
        assert "not valid" in await refused(identity, issuer.token(key=private_key("RS256", "second")))
        assert "not valid" in await refused(identity, second.token(key=private_key()))


async def test_a_token_known_already_is_refused_once_it_has_expired(issuer, identity):
    token = issuer.token(exp=ago(58))
    assert await owner(identity, token) == await owner(identity, token) == SUBJECT
    await asyncio.sleep(2.1)
    assert "expired" in await refused(identity, token)


@pytest.mark.parametrize("kid", ["first", "second"])
async def test_a_token_known_already_is_refused_once_its_key_is_withdrawn(issuer, kid):
    moment = [0.0]
    identity = BearerIdentity({issuer.url: SigningKeys(issuer.url, clock=lambda: moment[0])}, rules())
    token = issuer.token()
    assert await owner(identity, token) == SUBJECT
    issuer.jwks = [jwk(private_key("RS256", "second"), kid)]
    moment[0] = 3_599
    assert await owner(identity, token) == SUBJECT
    moment[0] = 3_600
    assert ("not valid" if kid == "first" else "does not have") in await refused(identity, token)


def asking(issuer: Issuer, **required: list[str]) -> BearerIdentity:
    return BearerIdentity({issuer.url: SigningKeys(issuer.url)}, rules(**required))


@pytest.mark.parametrize(
    "scp", ["user_impersonation", "openid user_impersonation", "read user_impersonation write"]
)
async def test_a_token_with_one_of_the_scopes_is_accepted(issuer, scp):
    identity = asking(issuer, scopes=["other", "user_impersonation"])
    assert await owner(identity, issuer.token(scp=scp)) == SUBJECT


@pytest.mark.parametrize(
    "scp", [None, "", "user_impersonation2", "user", "USER_IMPERSONATION", ["user_impersonation"], 7]
)
async def test_a_token_without_a_scope_is_forbidden(issuer, scp):
    with pytest.raises(ForbiddenToken, match="scope"):
        await owner(asking(issuer, scopes=["user_impersonation"]), issuer.token(scp=scp))


async def test_a_token_that_an_application_got_for_itself_is_forbidden_although_it_has_roles(issuer):
    token = issuer.token(azp=CLIENT, roles=["user_impersonation"], idtyp="app")
    with pytest.raises(ForbiddenToken):
        await owner(asking(issuer, scopes=["user_impersonation"]), token)


@pytest.mark.parametrize("azp", [None, "", "client-2", CLIENT.upper(), [CLIENT]])
async def test_only_tokens_of_named_clients_are_accepted(issuer, azp):
    identity = asking(issuer, clients=["client-0", CLIENT])
    assert await owner(identity, issuer.token(azp=CLIENT)) == SUBJECT
    with pytest.raises(ForbiddenToken, match="application"):
        await owner(identity, issuer.token(azp=azp, appid=CLIENT))


async def test_what_makes_a_token_invalid_comes_before_what_it_is_for(issuer):
    assert "expired" in await refused(asking(issuer, scopes=["x"]), issuer.token(exp=ago(100)))
