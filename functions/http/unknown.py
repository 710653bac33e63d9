"""The last function: it refuses what no other function serves below `persistence/`.

The host tries functions in the order of their names, and calls the first whose route matches. So this one has a
name that comes last. It asks for no identity, and the API description leaves it out.
"""

from collections.abc import Iterable

from functions.http.endpoint import PREFIX, Endpoint
from functions.http.errors import MethodNotAllowed, RequestError, UnknownPath

NAME = "zz_unknown"
PATH = PREFIX + "{*rest}"
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
"""All that a function can have but OPTIONS, which belongs to preflights."""


def refusal(endpoints: Iterable[Endpoint], method: str, rest: str) -> RequestError:
    """Returns the error for a path below `persistence/` that no endpoint serves with this method."""
    segments = (PREFIX + rest).removesuffix("/").split("/")
    allowed = {each for endpoint in endpoints if _serves(endpoint, segments) for each in endpoint.methods}
    return MethodNotAllowed(method, sorted(allowed)) if allowed else UnknownPath("No endpoint has this path.")


def _serves(endpoint: Endpoint, segments: list[str]) -> bool:
    """Returns whether the path matches. As in the host, case makes no difference, and no parameter is empty."""
    template = endpoint.path.split("/")
    return len(template) == len(segments) and all(
        bool(given) if own.startswith("{") else own.lower() == given.lower()
        for own, given in zip(template, segments, strict=True)
    )
