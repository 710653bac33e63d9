"""Skips by name what the wire server cannot do. On a real account (COSMOS_ENDPOINT) nothing is skipped."""

import os
from collections.abc import Callable

import pytest


@pytest.fixture
def wire_server_cannot(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Skips the test on the wire server, which cannot do what the argument says."""

    def skip(what: str) -> None:
        if request.node.callspec.params["engine"] == "cosmos" and not os.environ.get("COSMOS_ENDPOINT"):
            pytest.skip(f"the wire server does not {what}")

    return skip
