"""Where a Cosmos DB database is. Imports no driver, so that settings can name an account."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CosmosAccount:
    """Where the database is and how to sign in: with a key, or by managed identity if there is none.

    `client_id` names a user-assigned identity. `timeout_seconds` bounds each call, retries included.
    """

    endpoint: str
    database: str
    key: str | None = None
    client_id: str | None = None
    endpoint_discovery: bool = True
    timeout_seconds: float = 10.0
