"""The identity of each AUTH_MODE."""

from collections.abc import Callable, Mapping
from typing import Protocol

from functions.identity.settings import AuthMode, IdentityRules


class Identify(Protocol):
    """Returns the owner id of a request, from its headers by lower-case name.

    Raises Unauthenticated, ForbiddenOrigin, ForbiddenToken, or IdentityUnavailable if identity cannot be checked
    now. Owner ids are partition keys: what makes them must never change.
    """

    async def __call__(self, headers: Mapping[str, str]) -> str: ...


WarmUp = Callable[[], None]
"""Starts in the background what the first identity would wait for. Returns at once, and may be called again."""


def identify_by(rules: IdentityRules) -> tuple[Identify, WarmUp]:
    """Returns the identity of the mode, and its warm-up. Imports the module of that mode only."""
    match rules.mode:
        case AuthMode.LOCAL:
            from functions.identity.local import LocalIdentity

            return LocalIdentity(frozenset(rules.local_origins)), _nothing
        case AuthMode.EASYAUTH:
            from functions.identity.principal import EasyAuthIdentity

            return EasyAuthIdentity(rules.providers), _nothing
        case AuthMode.SWA:
            from functions.identity.principal import StaticWebAppsIdentity

            return StaticWebAppsIdentity(rules.providers), _nothing
        case AuthMode.JWT:
            from functions.identity.bearer import bearer_identity

            identity = bearer_identity(rules)
            return identity, identity.warm_up


def _nothing() -> None:
    """Warms up an identity that waits for nothing."""
