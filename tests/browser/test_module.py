"""The tests of the module that need no browser: its state machine as a model, with time and network made up."""

import pytest

from tests.browser.built import needs_node, node

pytestmark = needs_node


@pytest.mark.timeout(400)
def test_the_state_machine_loses_no_edit() -> None:
    node("tests/run.mjs", seconds=380)
