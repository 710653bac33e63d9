"""Why a caller's identity is refused or unknown. Messages are for the caller.

IdentityError
├── Unauthenticated
│   ├── InvalidToken
│   └── InvalidUserId
├── ForbiddenToken
├── ForbiddenOrigin
└── IdentityUnavailable
"""


class IdentityError(Exception):
    """The caller is a stranger. Anybody can be, as often as they like."""


class Unauthenticated(IdentityError):
    """The request has no identity, or one that cannot be trusted."""


class InvalidToken(Unauthenticated):
    """The request has no bearer token, or an invalid one."""


class InvalidUserId(Unauthenticated):
    """The header X-User-Id has no user id that can be used."""


class ForbiddenToken(IdentityError):
    """The token is valid, but was given for another purpose, or to a client that is not admitted."""


class ForbiddenOrigin(IdentityError):
    """The request comes from a page of another origin, or names another host than this machine."""


class IdentityUnavailable(IdentityError):
    """The identity cannot be checked now. The request is not at fault."""
