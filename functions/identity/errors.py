"""Why a caller's identity is refused or unknown. Messages are for the caller."""


class Unauthenticated(Exception):
    """The request has no identity, or one that cannot be trusted."""


class InvalidToken(Unauthenticated):
    """The request has no bearer token, or an invalid one."""


class ForbiddenToken(Exception):
    """The token is valid, but was given for another purpose, or to a client that is not admitted."""


class InvalidUserId(Unauthenticated):
    """The header X-User-Id has no user id that can be used."""


class ForbiddenOrigin(Exception):
    """The request comes from a page of another origin, or names another host than this machine."""


class IdentityUnavailable(Exception):
    """The identity cannot be checked now. The request is not at fault."""
