"""How long one call works before it hands on the rest.

Behind an Azure Static Web App, a call has 45 seconds. What takes longer goes on, but nobody receives the response.
"""

import time

WORK_SECONDS = 20.0
"""A step that was begun before may take ten seconds more: that is the default of COSMOS_TIMEOUT_SECONDS."""


class CallTime:
    """Counts from now on."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + WORK_SECONDS

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends
