"""The identity of each AUTH_MODE."""

from collections.abc import Awaitable, Callable, Mapping

from functions.identity.settings import AuthMode, IdentityRules

Identify = Callable[[Mapping[str, str]], Awaitable[str]]
"""Returns the owner id of a request, from its headers by lower-case name.

Raises Unauthenticated, ForbiddenOrigin, or IdentityUnavailable if identity cannot be checked now. Owner ids are
partition keys: what makes them must never change.
"""


def identify_by(rules: IdentityRules) -> Identify:
    """Returns the identity of the mode. Imports the module of that mode only."""
    match rules.mode:
        case AuthMode.LOCAL:
            from functions.identity.local import LocalIdentity

            return LocalIdentity(frozenset(rules.local_origins))
        case AuthMode.EASYAUTH:
            from functions.identity.principal import EasyAuthIdentity

            return EasyAuthIdentity(rules.providers)
        case AuthMode.SWA:
            from functions.identity.principal import StaticWebAppsIdentity

            return StaticWebAppsIdentity(rules.providers)
        case AuthMode.JWT:
            from functions.identity.bearer import bearer_identity

            return bearer_identity(rules)
