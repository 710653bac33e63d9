"""What the Cosmos engine must know of its account. Imports no SDK, so that settings can be read without it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CosmosAccount:
    """The address of a database and the way to sign in.

    key              None: sign in with a managed identity
    client_id        of the user-assigned managed identity; None: the system-assigned one
    timeout_seconds  the longest that one call may take, retries included
    """

    endpoint: str
    database: str
    key: str | None = None
    client_id: str | None = None
    endpoint_discovery: bool = True
    timeout_seconds: float = 10.0
