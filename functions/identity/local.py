"""The identity for one machine: callers are not checked."""

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from functions.identity.errors import ForbiddenOrigin, InvalidUserId, Unauthenticated
from functions.identity.owner_id import owner_id
from functions.identity.settings import LOOPBACK_NAMES

LOCAL_USER = "local-user"
LOOPBACK_ORIGIN = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")


class LocalIdentity:
    """Returns the owner that the header `X-User-Id` names, or `local-user`.

    Callers are not checked, so only pages of this machine are served. Another host name would be DNS rebinding.
    A foreign origin would be a page from the internet in this machine's browser.
    """

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    async def __call__(self, headers: Mapping[str, str]) -> str:
        host = headers.get("host")
        if host is not None and _host_name(f"//{host}") not in LOOPBACK_NAMES:
            raise ForbiddenOrigin("This mode serves this machine's own host names only.")
        origin = headers.get("origin")
        if origin is not None and not may_call(origin, self._origins):
            raise ForbiddenOrigin("This mode serves pages of this machine only.")
        if origin is None and headers.get("sec-fetch-site") == "cross-site":
            # Browsers send no Origin with some requests of a page of another site, such as those for images.
            raise ForbiddenOrigin("This mode serves pages of this machine only.")
        try:
            return owner_id(headers.get("x-user-id") or LOCAL_USER)
        except Unauthenticated as exc:
            raise InvalidUserId(str(exc)) from exc


def may_call(origin: str, named: Collection[str]) -> bool:
    """Returns whether pages of an origin may call in this mode: loopback ones, and those of LOCAL_ORIGINS."""
    return origin in named or LOOPBACK_ORIGIN.fullmatch(origin) is not None


def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
