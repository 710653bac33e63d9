"""Owner ids are partition keys: these values can never change."""

import pytest

from functions.identity.errors import Unauthenticated
from functions.identity.owner_id import owner_id

OID = "5b5450db-eb26-4c1a-981c-ba1d25f0483d"
ENTRA = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
AUTH0 = "https://example.eu.auth0.com/"

GOLDEN = [
    (("local-user",), "local-user"),
    ((OID, "aad", ["aad"]), OID),
    ((OID, "aad", ["aad", "google"]), f"aad:{OID}"),
    (("1234567890", "google", ["aad", "google"]), "google:1234567890"),
    ((OID.upper(), "aad", ["aad"]), OID.upper()),
    ((OID, ENTRA, [ENTRA]), OID),
    ((OID, ENTRA, [ENTRA, AUTH0]), f"{ENTRA}:{OID}"),
    (("auth0|5f7c8ec7c33c6c004bbafe82", AUTH0, [ENTRA, AUTH0]), f"{AUTH0}:auth0|5f7c8ec7c33c6c004bbafe82"),
    (("aad:x", "aad", ["aad"]), "aad:x"),
    (("a b/c\\d?e#f%g", "aad", ["aad"]), "a b/c\\d?e#f%g"),
    (("x" * 255, "aad", ["aad"]), "x" * 255),
    (("x" * 251, "aad", ["aad", "google"]), "aad:" + "x" * 251),
]


@pytest.mark.parametrize(("arguments", "owner"), GOLDEN, ids=[owner[:40] for _, owner in GOLDEN])
def test_owner_ids_are_what_they_always_were(arguments, owner):
    assert owner_id(*arguments) == owner


@pytest.mark.parametrize(
    "subject", ["", " ", " x", "x ", "x\n", "x\0", "\x7f", "Zoë", "x" * 256, "\ud800", "x\u200b"]
)
@pytest.mark.parametrize("trusted", [["aad"], ["aad", "google"]], ids=["one", "several"])
def test_a_subject_that_cannot_be_an_owner_is_refused(subject, trusted):
    with pytest.raises(Unauthenticated):
        owner_id(subject, "aad", trusted)


def test_a_subject_that_is_too_long_behind_its_provider_is_refused():
    with pytest.raises(Unauthenticated):
        owner_id("x" * 252, "aad", ["aad", "google"])


@pytest.mark.parametrize("provider", ["", "AAD", "google", "aad ", "aad:"])
def test_a_provider_that_is_not_trusted_is_refused(provider):
    with pytest.raises(Unauthenticated):
        owner_id("x", provider, ["aad"])
