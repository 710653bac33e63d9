"""Pages of Streamlit, run by its own AppTest. What needs a browser is in test_streamlit_browser.py."""

from collections.abc import Iterator
from typing import Any

import pytest
from savepoint_client.streamlit import Autosave, _process
from savepoint_client.widgets import Process
from streamlit.testing.v1 import AppTest

from tests.python_client.conftest import Person

PAGE = """
import streamlit as st
from savepoint_client.streamlit import autosave

with autosave({url!r}, app="race", keys={keys!r}, debounce=0.05, title="Thunder Alley",
              identity=lambda: st.session_state.get("user", {user!r}), journal_dir={journal!r},
              headers=lambda: {{"X-User-Id": st.session_state.get("user", {user!r})}}) as page:
    st.session_state["page"] = page
    {body}
    page.light()
"""
FIELDS = """
    st.text_input("Driver", key="driver")
    st.number_input("Laps", key="laps", value=None)
"""


class Site:
    """Pages of one Streamlit process, for one person."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def tab(self, body: str = FIELDS, keys: list[str] | None = None, **state: Any) -> AppTest:
        script = PAGE.format(
            url=self.person.url,
            keys=keys or ["driver", "laps"],
            user=self.person.name,
            journal=str(self.person.journal_dir),
            body=body,
        )
        tab = AppTest.from_string(script, default_timeout=30)
        for key, value in state.items():
            tab.session_state[key] = value
        return tab.run()

    def process(self) -> Process:
        return _process(str(self.person.journal_dir))

    def restarts(self) -> None:
        """As if the process was killed and started again: nothing more is saved, and its locks are free."""
        saver = self.process().saver
        for each in list(saver._documents):
            each.is_open = False
        saver.close()
        _process.clear()


@pytest.fixture
def site(person: Person) -> Iterator[Site]:
    site = Site(person)
    yield site
    person.line.works()
    site.restarts()


def page_of(tab: AppTest) -> Autosave:
    page: Autosave = tab.session_state["page"]
    return page


def is_green(tab: AppTest) -> bool:
    return page_of(tab).core.light().color == "green"


def light(tab: AppTest) -> str:
    """What the page shows of it."""
    assert not tab.exception, tab.exception
    return str(next(each.value for each in tab.run().markdown if "●" in each.value))


TABLE = """
    source = [{"laps": 0}]
    st.session_state["result"] = page.table("grid", source, st.session_state.get("draw"))
    if st.button("Discard"):
        page.discard(st.session_state.get("only"))
        st.rerun()
"""


def five_laps(table: Any, key: str) -> Any:
    """As the editor of one person returns it."""
    return [{"laps": 5}]


def as_given(table: Any, key: str) -> Any:
    return table
