"""What the wire server gets wrong is skipped by name; where COSMOS_ENDPOINT names a real account it runs."""

import os
from collections.abc import Callable

import pytest


@pytest.fixture
def wire_server_cannot(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Call it with what the test needs and the wire server does not do."""

    def skip(what: str) -> None:
        if request.node.callspec.params["engine"] == "cosmos" and not os.environ.get("COSMOS_ENDPOINT"):
            pytest.skip(f"the wire server does not {what}")

    return skip
