"""The operator's settings of identity, and their checks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

# No colon: it separates the provider from the subject in an owner id.
_PROVIDER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ISSUER = re.compile(r"[!-~]{1,200}")
# These claims change, and may later belong to another person, who would then own the first person's data.
_REASSIGNED = (
    "birthdate email emails family_name gender given_name locale middle_name name nickname phone_number picture "
    "preferred_username profile unique_name upn username verified_primary_email website"
)
# These claims are the same for many people, or differ in each token.
_NOT_PERSONAL = (
    "acr aio amr appid aud auth_time azp exp groups hd iat idp ipaddr iss jti nbf nonce roles scope scp tenant "
    "tid updated_at ver wids"
)
_NOT_A_SUBJECT = frozenset([*_REASSIGNED.split(), *_NOT_PERSONAL.split()])
# The group is the last part of a claim that is named by a URL, as in WS-Federation.
_CLAIM = re.compile(r"(?:https?://\S+/)?([A-Za-z0-9_.:-]{1,64})")


class AuthMode(StrEnum):
    """How the caller is identified. There is no default: the operator must choose."""

    LOCAL = "local"
    EASYAUTH = "easyauth"
    SWA = "swa"
    JWT = "jwt"


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """What an operator sets. Each mode uses the fields of its own.

    local_origins  `local`: origins that may call besides loopback ones
    providers      `easyauth`, `swa`: trusted identity providers
    issuers        `jwt`: trusted issuers
    audience       `jwt`: a token must be for one of these
    jwks_urls      `jwt`: one key URL per issuer, in the order of `issuers`; empty to discover them
    subject_claim  `jwt`: the claim that owner ids are made from
    scopes         `jwt`: a token must have one of these in `scp`; empty to ask for none
    clients        `jwt`: a token must have been given to one of these (`azp`); empty for any
    sign_in_client `jwt`: the client id with which pages sign people in at the first issuer; empty for none
    sign_in_scope  `jwt`: what pages ask for then, besides `openid offline_access`
    """

    mode: AuthMode
    local_origins: Sequence[str] = ()
    providers: Sequence[str] = ()
    issuers: Sequence[str] = ()
    audience: Sequence[str] = ()
    jwks_urls: Sequence[str] = ()
    subject_claim: str = "sub"
    scopes: Sequence[str] = ()
    clients: Sequence[str] = ()
    sign_in_client: str = ""
    sign_in_scope: str = ""

    def faults(self) -> list[str]:
        """Returns everything that is wrong for the mode, each under the name of its setting."""
        match self.mode:
            case AuthMode.LOCAL:
                return []
            case AuthMode.EASYAUTH | AuthMode.SWA:
                return _provider_faults(self.providers)
            case AuthMode.JWT:
                return [
                    *_issuer_faults(self),
                    *_key_url_faults(self),
                    *_subject_faults(self.subject_claim),
                    *_scope_faults(self.scopes),
                    *_sign_in_faults(self),
                ]


def is_safe_url(url: str) -> bool:
    """Returns whether only the named host can respond there: the URL is https, or of this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_NAMES))


def _provider_faults(providers: Sequence[str]) -> list[str]:
    if not providers:
        return ["AUTH_PROVIDERS: required in this AUTH_MODE; name the identity provider, such as aad"]
    malformed = [provider for provider in providers if not _PROVIDER.fullmatch(provider)]
    return [f"AUTH_PROVIDERS: {provider!r} is not the name of a provider" for provider in malformed] + _repeated(
        "AUTH_PROVIDERS", providers
    )


def _issuer_faults(rules: IdentityRules) -> list[str]:
    faults = _repeated("JWT_ISSUERS", rules.issuers)
    if not rules.issuers:
        faults.append("JWT_ISSUERS: required by AUTH_MODE=jwt")
    if not rules.audience:
        faults.append("JWT_AUDIENCE: required by AUTH_MODE=jwt; tokens for other apps must not be accepted")
    for issuer in rules.issuers:
        if not _ISSUER.fullmatch(issuer):
            faults.append(f"JWT_ISSUERS: {issuer[:80]!r} is not 1 to 200 printable ASCII characters")
        elif not rules.jwks_urls and not is_safe_url(issuer):
            faults.append(
                f"JWT_ISSUERS: {issuer} is not an https URL, so its keys cannot be found; set JWT_JWKS_URL"
            )
    for one, other in permutations(rules.issuers, 2):
        if other.startswith(f"{one}:"):
            faults.append(f"JWT_ISSUERS: owners of {other} could not be told from owners of {one}")
    return faults


def _key_url_faults(rules: IdentityRules) -> list[str]:
    faults = []
    if rules.jwks_urls and len(rules.jwks_urls) != len(rules.issuers):
        faults.append("JWT_JWKS_URL: needs one URL per issuer, in the order of JWT_ISSUERS, or none at all")
    for url in rules.jwks_urls:
        if not is_safe_url(url):
            faults.append(f"JWT_JWKS_URL: {url} is not an https URL; anyone could replace the keys")
    return faults


def _subject_faults(name: str) -> list[str]:
    claim = _CLAIM.fullmatch(name)
    if claim is None:
        return [f"JWT_SUBJECT_CLAIM: {name[:80]!r} is not the name of a claim"]
    if claim[1].lower() in _NOT_A_SUBJECT or "mail" in claim[1].lower():
        return [f"JWT_SUBJECT_CLAIM: {name} does not identify one person for ever; use sub (Entra: oid)"]
    return []


def _scope_faults(scopes: Sequence[str]) -> list[str]:
    return [f"JWT_SCOPES: {scope[:80]!r} has a blank; commas separate scopes" for scope in scopes if " " in scope]


def _sign_in_faults(rules: IdentityRules) -> list[str]:
    if not rules.sign_in_client:
        return []
    faults = []
    if rules.clients and rules.sign_in_client not in rules.clients:
        faults.append("JWT_SIGN_IN_CLIENT: must be in JWT_CLIENTS; otherwise its tokens are refused")
    if rules.issuers and not is_safe_url(rules.issuers[0]):
        faults.append(
            "JWT_SIGN_IN_CLIENT: pages cannot sign in at the first of JWT_ISSUERS, which is not an https URL"
        )
    return faults


def _repeated(name: str, values: Sequence[str]) -> list[str]:
    return [f"{name}: {value} is named twice" for value in dict.fromkeys(values) if values.count(value) > 1]
