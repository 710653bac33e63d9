"""Whatever is sent, the result is an owner or a refusal: never another error, never an owner by chance."""

import asyncio
import base64
import json
from collections.abc import Mapping

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.identity.bearer import BearerIdentity
from functions.identity.errors import ForbiddenOrigin, Unauthenticated
from functions.identity.local import LocalIdentity
from functions.identity.modes import Identify
from functions.identity.principal import HEADER, EasyAuthIdentity, StaticWebAppsIdentity
from functions.identity.signing_keys import SigningKeys, parse_keys
from tests.support.issuer import AUDIENCE, SUBJECT, jwk, private_key, rules

# Nobody listens there, and no test here gets so far as to fetch keys.
ISSUER = "http://127.0.0.1:9"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
member_names = st.sampled_from(["auth_typ", "claims", "identityProvider", "userId", "userRoles", "typ", "val"])
header_names = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "cty"])
claim_names = st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "jti"])


def mostly(names: st.SearchStrategy[str], *values: object) -> st.SearchStrategy[dict[str, object]]:
    """Returns objects with meaningful members and nearly meaningful values."""
    return st.dictionaries(names, st.sampled_from(values) | json_values, max_size=8)


def outcome(identity: Identify, headers: Mapping[str, str]) -> str | None:
    """Returns the owner, or None for a refusal. Any other exception fails the test."""
    try:
        return asyncio.run(_awaited(identity, headers))
    except (Unauthenticated, ForbiddenOrigin):
        return None


async def _awaited(identity: Identify, headers: Mapping[str, str]) -> str:
    return await identity(headers)


def base64url(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@given(st.dictionaries(st.sampled_from(["host", "origin", "x-user-id"]), st.text(max_size=300)))
def test_garbage_in_local_headers_is_an_owner_or_a_refusal(headers):
    owner = outcome(LocalIdentity(frozenset()), headers)
    assert owner is None or owner == (headers.get("x-user-id") or "local-user")


@pytest.mark.parametrize("identity", [EasyAuthIdentity(["aad"]), StaticWebAppsIdentity(["aad"])])
@given(header=st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode()))
def test_garbage_for_a_principal_is_a_refusal(identity, header):
    assert outcome(identity, {HEADER: header}) is None


claims_lists = st.lists(mostly(member_names, "oid", "person"), max_size=4)


@pytest.mark.parametrize("identity", [EasyAuthIdentity(["aad"]), StaticWebAppsIdentity(["aad"])])
@given(principal=mostly(member_names, "aad", ["authenticated"], "person") | json_values, claims=claims_lists)
def test_a_principal_that_is_nearly_right_is_an_owner_only_if_it_is_right(identity, principal, claims):
    if isinstance(principal, dict) and isinstance(identity, EasyAuthIdentity):
        principal = {"claims": claims} | principal
    owner = outcome(identity, {HEADER: base64.b64encode(json.dumps(principal).encode()).decode()})
    if owner is None:
        return
    if isinstance(identity, EasyAuthIdentity):
        assert principal["auth_typ"] == "aad"
        assert {each["val"] for each in principal["claims"] if each["typ"] == "oid"} == {owner}
    else:
        assert (principal["identityProvider"], principal["userId"]) == ("aad", owner)
        assert "authenticated" in principal["userRoles"]


class _KeysAtHand(SigningKeys):
    """Keys of an issuer that need no fetch."""

    async def _fetch(self):
        return parse_keys({"keys": [jwk(private_key("RS256"), "rsa"), jwk(private_key("EdDSA"), "ed")]})


def bearer() -> BearerIdentity:
    return BearerIdentity({ISSUER: _KeysAtHand(ISSUER)}, rules())


@given(
    st.text(max_size=300) | st.text(alphabet="abcABC019-_.=, ", max_size=300).map(lambda text: f"Bearer {text}")
)
def test_garbage_for_a_token_is_a_refusal(authorization):
    assert outcome(bearer(), {"authorization": authorization}) is None


@given(
    mostly(header_names, "RS256", "none", "HS256", "rsa", "ed", ["b64"], False) | json_values,
    mostly(claim_names, ISSUER, AUDIENCE, SUBJECT, 2**40) | json_values,
    st.sampled_from(["", "AA", "A" * 342]),
)
def test_a_token_that_nobody_signed_is_a_refusal(header, claims, signature):
    if isinstance(header, dict) and isinstance(claims, dict):
        header = {"alg": "RS256", "kid": "rsa"} | header
        claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": 2**40, "sub": SUBJECT} | claims
    token = f"{base64url(header)}.{base64url(claims)}.{signature}"
    assert outcome(bearer(), {"authorization": f"Bearer {token}"}) is None


signed_claims = mostly(claim_names, 0, -1, 2**40, 1e308, float("inf"), "2", AUDIENCE, [AUDIENCE], SUBJECT)


@given(signed_claims)
def test_a_token_that_the_issuer_signed_in_error_is_an_owner_or_a_refusal(changed):
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": 2**40, "sub": SUBJECT} | changed
    token = jwt.PyJWS().encode(json.dumps(claims).encode(), private_key("EdDSA"), "EdDSA", {"kid": "ed"})
    owner = outcome(bearer(), {"authorization": f"Bearer {token}"})
    assert owner is None or owner == claims["sub"]


@given(json_values | st.fixed_dictionaries({"keys": st.lists(json_values, max_size=3)}))
def test_a_key_set_of_garbage_has_no_keys_or_is_none(document):
    if not isinstance(document, dict):
        return
    try:
        assert parse_keys(document) == {}
    except ValueError:
        assert not isinstance(document.get("keys"), list)


jwk_members = st.sampled_from(["kty", "crv", "n", "e", "x", "y", "d", "k", "kid", "use", "alg", "key_ops"])


@given(
    st.sampled_from(["RS256", "ES256", "EdDSA"]), st.dictionaries(jwk_members, json_values, min_size=1, max_size=3)
)
def test_a_damaged_key_never_stops_the_others(algorithm, damage):
    damaged = jwk(private_key(algorithm), "damaged") | damage
    good = jwk(private_key(), "good")
    assert ("good", "RS256") in parse_keys({"keys": [damaged, good]})
