"""An issuer on loopback, for the tests of tokens."""

from collections.abc import AsyncIterator

import pytest

from tests.support.issuer import Issuer


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """A running issuer with one key, for each test."""
    async with Issuer() as started:
        yield started
