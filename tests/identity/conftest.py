"""An issuer on loopback for the tests of tokens."""

from collections.abc import AsyncIterator

import pytest

from tests.support.issuer import Issuer


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer of its own for each test, up and with one key."""
    async with Issuer() as started:
        yield started
