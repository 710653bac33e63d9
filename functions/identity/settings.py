"""What is wrong with the settings of an identity, beside their types: each function answers its complaints."""

import re
from collections.abc import Sequence
from itertools import permutations
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

# No colon: it stands between the provider and the subject in an owner id.
_PROVIDER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ISSUER = re.compile(r"[!-~]{1,200}")
# They change, and are given to another person, while what the first one owned stays.
_PASSES_ON = (
    "birthdate email emails family_name gender given_name locale middle_name name nickname phone_number picture "
    "preferred_username profile unique_name upn username verified_primary_email website"
)
# They are the same for many, or another each time.
_NOT_ONES_OWN = (
    "acr aio amr appid aud auth_time azp exp groups hd iat idp ipaddr iss jti nbf nonce roles scope scp tenant "
    "tid updated_at ver wids"
)
_NOT_A_SUBJECT = frozenset([*_PASSES_ON.split(), *_NOT_ONES_OWN.split()])
# Of a claim that is named by a URL, such as those of WS-Federation, the last part.
_CLAIM = re.compile(r"(?:https?://\S+/)?([A-Za-z0-9_.:-]{1,64})")


def is_safe_url(url: str) -> bool:
    """Whether what is read there can only come from the host that it names: https, or this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_NAMES))


def principal_refusals(providers: Sequence[str]) -> list[str]:
    """For the headers of App Service and Static Web Apps."""
    if not providers:
        return ["AUTH_PROVIDERS: required in this AUTH_MODE; name the identity provider, such as aad"]
    odd = [provider for provider in providers if not _PROVIDER.fullmatch(provider)]
    return [f"AUTH_PROVIDERS: {provider!r} is not a provider's name" for provider in odd] + _repeated(
        "AUTH_PROVIDERS", providers
    )


def bearer_refusals(
    issuers: Sequence[str], audience: Sequence[str], jwks_urls: Sequence[str], subject_claim: str
) -> list[str]:
    """For bearer tokens."""
    refusals = _repeated("JWT_ISSUERS", issuers)
    if not issuers:
        refusals.append("JWT_ISSUERS: required by AUTH_MODE=jwt")
    if not audience:
        refusals.append("JWT_AUDIENCE: required by AUTH_MODE=jwt; a token for another app must not open this one")
    for issuer in issuers:
        if not _ISSUER.fullmatch(issuer):
            refusals.append(f"JWT_ISSUERS: {issuer[:80]!r} is not 1 to 200 printable ASCII characters")
        elif not jwks_urls and not is_safe_url(issuer):
            refusals.append(f"JWT_ISSUERS: {issuer} is no https URL to find its keys by; set JWT_JWKS_URL")
    for one, other in permutations(issuers, 2):
        if other.startswith(f"{one}:"):
            refusals.append(f"JWT_ISSUERS: owners of {other} could not be told from owners of {one}")
    if jwks_urls and len(jwks_urls) != len(issuers):
        refusals.append("JWT_JWKS_URL: one for each of JWT_ISSUERS is required, in their order, or none at all")
    for url in jwks_urls:
        if not is_safe_url(url):
            refusals.append(f"JWT_JWKS_URL: {url} is no https URL; keys from there could be anybody's")
    claim = _CLAIM.fullmatch(subject_claim)
    if claim is None:
        refusals.append(f"JWT_SUBJECT_CLAIM: {subject_claim[:80]!r} is not a claim's name")
    elif claim[1].lower() in _NOT_A_SUBJECT or "mail" in claim[1].lower():
        refusals.append(f"JWT_SUBJECT_CLAIM: {subject_claim} is not one person's for good; use sub (Entra: oid)")
    return refusals


def _repeated(name: str, values: Sequence[str]) -> list[str]:
    return [f"{name}: {value} is named twice" for value in dict.fromkeys(values) if values.count(value) > 1]
