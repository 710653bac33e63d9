"""The browser module as it is built, for every test here."""

from pathlib import Path

import pytest

from tests.browser.built import build


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the built files."""
    return build()
