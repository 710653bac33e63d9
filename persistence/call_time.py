"""How long one call works before it hands on the rest.

Behind an Azure Static Web App, a call has 45 seconds. What takes longer goes on, but nobody receives the response.
"""

import asyncio
import time

WORK_SECONDS = 20.0
"""After this time, the call begins no new step."""
END_SECONDS = 28.0
"""After this time, the step that is under way is given up: it can be many reads and writes of a slow database."""


class CallTime:
    """Counts from now on."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._began + WORK_SECONDS

    def limit(self) -> asyncio.Timeout:
        """Returns a block that raises TimeoutError at the end of the time.

        A write that is under way then is applied or not, as if its response were lost.
        """
        return asyncio.timeout(self._began + END_SECONDS - time.monotonic())
