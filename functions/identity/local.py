"""Who is calling. What the answer is made of cannot be changed later: the owner is the partition key."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from functions.http.problems import ForbiddenOrigin
from functions.identity.owner_id import owner_id
from functions.identity.settings import LOOPBACK_NAMES
from settings import AuthMode, Settings

Identify = Callable[[Mapping[str, str]], Awaitable[str]]
"""From a request's headers, by lower-case name, to its owner. Raises Unauthenticated or ForbiddenOrigin, and
IdentityUnavailable where nobody can tell."""

LOCAL_USER = "local-user"


def identify_by(settings: Settings) -> Identify:
    """The identity for the mode that the settings name; only that one's module is imported."""
    match settings.auth_mode:
        case AuthMode.LOCAL:
            return LocalIdentity(frozenset(filter(None, map(str.strip, settings.local_origins.split(",")))))
        case AuthMode.EASYAUTH:
            from functions.identity.principal import EasyAuthIdentity

            return EasyAuthIdentity(settings.auth_providers)
        case AuthMode.SWA:
            from functions.identity.principal import StaticWebAppsIdentity

            return StaticWebAppsIdentity(settings.auth_providers)
        case AuthMode.JWT:
            from functions.identity.bearer import bearer_identity

            return bearer_identity(settings)


class LocalIdentity:
    """Whoever the header `X-User-Id` names, for one machine: nobody is checked.

    Therefore only this machine's own pages are served: another host name would be a rebound DNS entry, and
    a foreign origin a page from the internet that runs in this machine's browser.
    """

    def __init__(self, origins: frozenset[str]) -> None:
        self._origins = origins

    async def __call__(self, headers: Mapping[str, str]) -> str:
        host = headers.get("host")
        if host is not None and _host_name(f"//{host}") not in LOOPBACK_NAMES:
            raise ForbiddenOrigin("Only this machine's own host names are served in this mode.")
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins and _host_name(origin) not in LOOPBACK_NAMES:
            raise ForbiddenOrigin("Only pages of this machine are served in this mode.")
        if origin is None and headers.get("sec-fetch-site") == "cross-site":
            # What a browser fetches for a page of another site without asking it, such as an image.
            raise ForbiddenOrigin("Only pages of this machine are served in this mode.")
        return owner_id(headers.get("x-user-id") or LOCAL_USER)


def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
