"""Each engine in each way of committing. Skips by name what one of them cannot do."""

import os
from collections.abc import Callable

import pytest

from tests.conftest import TWO_STEPS


@pytest.fixture
def wire_server_cannot(engine_name: str) -> Callable[[str], None]:
    """Skips the test on the wire server, which cannot do what the argument says. A real account (COSMOS_ENDPOINT)
    can."""

    def skip(what: str) -> None:
        if engine_name != "sqlite" and not os.environ.get("COSMOS_ENDPOINT"):
            pytest.skip(f"the wire server does not {what}")

    return skip


@pytest.fixture
def needs_conditional_batches(engine_name: str) -> None:
    """Skips the test without them. Then a commit with replaces is not all or none."""
    if engine_name == TWO_STEPS:
        pytest.skip("in two steps, a commit with replaces is not atomic")
