"""What the Cosmos engine must know of its account. Imports no SDK, so that settings can be read without it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CosmosAccount:
    """The address of a database and the way to sign in.

    key                None: sign in with a managed identity
    client_id          of the user-assigned managed identity; None: the system-assigned one
    timeout_seconds    the longest that one call may take, retries included
    conditional_batch  False: never rely on conditions within a batch; True: only if the server enforces them
    """

    endpoint: str
    database: str
    key: str | None = None
    client_id: str | None = None
    endpoint_discovery: bool = True
    timeout_seconds: float = 10.0
    conditional_batch: bool = True
