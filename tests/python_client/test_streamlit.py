"""What a page of Streamlit saves and shows: widgets that come and go, fail, or cannot be saved."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.python_client import site as sites
from tests.python_client.conftest import Person
from tests.python_client.site import FIELDS, PAGE, TABLE, Site, as_given, five_laps, is_green, light, page_of
from tests.python_client.waiting import eventually

site = sites.site


def test_p03_a_form_is_saved_when_it_is_submitted(site: Site) -> None:
    tab = site.tab("""
    with st.form("form"):
        st.text_input("Driver", key="driver")
        st.form_submit_button("Submit")
    """)
    tab.text_input[0].input("Ann")
    tab.button[0].click().run()
    eventually(lambda: is_green(tab))
    assert page_of(tab).core._saved["driver"] == "Ann"


def test_p04_a_key_that_is_not_drawn_is_missing_and_not_deleted(site: Site) -> None:
    body = """
    if st.checkbox("More", key="more", value=True):
        st.text_input("Driver", key="driver")
    """
    tab = site.tab(body)
    tab.text_input[0].input("Ann").run()
    tab.checkbox[0].uncheck().run()
    tab.run()
    assert not tab.text_input and page_of(tab).core._saved["driver"] == "Ann"
    tab.checkbox[0].check().run()
    assert tab.text_input[0].value == "Ann"
    page_of(tab).core.discard("driver")
    assert "driver" not in page_of(tab).core._saved


@pytest.mark.parametrize("end", ["st.stop()", "st.rerun()", "raise ValueError('mine')"])
def test_p05_a_script_that_ends_early_saves_no_default_over_a_value(site: Site, end: str) -> None:
    body = f"""
    st.text_input("Driver", key="driver")
    if st.session_state.get("driver") == "Ben" and not st.session_state.get("ended"):
        st.session_state["ended"] = True
        {end}
    st.number_input("Laps", key="laps", value=None)
    """
    tab = site.tab(body)
    tab.number_input[0].set_value(7).run()
    tab.text_input[0].input("Ben").run()
    if "mine" in end:
        assert [each.value for each in tab.exception] == ["mine"]
    tab.run()
    assert (tab.text_input[0].value, tab.number_input[0].value) == ("Ben", 7)
    assert page_of(tab).core._saved == {"driver": "Ben", "laps": 7}


def test_p05_a_value_that_changes_twice_in_a_run_is_saved_as_it_was_last(site: Site) -> None:
    body = """
    st.text_input("Driver", key="driver")
    if st.session_state["driver"] == "Ben":
        st.session_state["laps"] = 1
        st.session_state["laps"] = 2
    st.number_input("Laps", key="laps", value=None)
    """
    tab = site.tab(body)
    tab.text_input[0].input("Ben").run()
    assert page_of(tab).core._saved == {"driver": "Ben", "laps": 2}
    assert site.tab(body).number_input[0].value == 2


def test_p05_a_callback_that_fails_loses_nothing(site: Site) -> None:
    body = """
    def changed():
        raise ValueError("mine")
    st.text_input("Driver", key="driver", on_change=changed)
    st.number_input("Laps", key="laps", value=None)
    """
    tab = site.tab(body)
    tab.text_input[0].input("Ann").run()
    assert [each.value for each in tab.exception] == ["mine"]
    tab.run()
    tab.number_input[0].set_value(7).run()
    assert page_of(tab).core._saved == {"driver": "Ann", "laps": 7}


def test_p06_what_cannot_be_saved_is_named_and_the_rest_is_saved(site: Site) -> None:
    body = """
    st.text_input("Driver", key="driver")
    st.button("Go", key="go")
    st.data_editor([{"a": 1}], key="editor")
    """
    tab = site.tab(body, keys=["driver", "go", "editor"])
    tab.text_input[0].input("Ann").run()
    tab.button[0].click().run()
    assert not tab.exception and page_of(tab).core._saved == {"driver": "Ann"}
    assert {note.split()[0] for note in page_of(tab).notes} == {"go", "editor"}
    again = site.tab(body, keys=["driver", "go", "editor"])
    assert not again.exception and again.text_input[0].value == "Ann"


def test_p06_a_call_after_the_widget_raises_nothing(person: Person, site: Site) -> None:
    site.tab().text_input[0].input("Ann").run()
    script = 'import streamlit as st\nst.text_input("Driver", key="driver")\n' + PAGE.format(
        url=person.url, keys=["driver"], user=person.name, journal=str(person.journal_dir), body="pass"
    )
    eventually(lambda: person.server.drafts())
    tab = AppTest.from_string(script, default_timeout=30).run()
    assert not tab.exception
    assert any("before its widget" in note for note in page_of(tab).notes)


def test_p07_an_option_that_is_offered_no_more_is_kept_aside(site: Site) -> None:
    body = 'st.selectbox("Tyre", {options}, key="tyre")'
    tab = site.tab(body.format(options=["hard", "soft"]), keys=["tyre"])
    tab.selectbox[0].set_value("soft").run()
    eventually(lambda: is_green(tab))
    again = site.tab(body.format(options=["hard", "wet"]), keys=["tyre"])
    again.run()
    assert not again.exception and again.selectbox[0].value == "hard"
    assert page_of(again).core._saved["tyre"] == "soft" and page_of(again).core.kept() == {"tyre": "soft"}
    assert "not offered any more" in light(again)
    again.selectbox[0].set_value("wet").run()
    assert page_of(again).core._saved["tyre"] == "wet" and not page_of(again).core.kept()


def test_p08_the_resulting_table_is_saved_and_each_edit_is_there_once(site: Site) -> None:
    body = """
    import pandas as pd
    source = pd.DataFrame({{"driver": {drivers}, "laps": [0, 0, 0]}})
    st.session_state["result"] = page.table("grid", source, st.session_state.get("draw"))
    """

    def edits(table: Any, key: str) -> Any:
        """As the editor returns it: three cells edited, and a row deleted."""
        table = table.copy()
        table.loc[0, "laps"], table.loc[1, "laps"], table.loc[1, "driver"] = 5, 6, "Dan"
        return table.drop(index=2)

    tab = site.tab(body.format(drivers=["Ann", "Ben", "Carl"]), keys=[])
    assert not page_of(tab).core.document.state.dirty
    tab.session_state["draw"] = edits
    tab.run()
    eventually(lambda: is_green(tab))
    again = site.tab(body.format(drivers=["Carl", "Ann", "Ben"]), keys=[])
    found = again.session_state["result"].to_dict("list")
    assert found == {"driver": ["Ann", "Dan"], "laps": [5, 6]}


def test_p09_a_file_is_never_silently_lost(site: Site) -> None:
    tab = site.tab('st.file_uploader("Plan", key="plan")', keys=["plan"])
    tab.file_uploader[0].upload("plan.txt", b"left, right", "text/plain").run()
    assert "this file is not kept" in light(tab) and "red" in light(tab)


def test_p10_one_value_that_cannot_be_saved_hurts_no_other(site: Site) -> None:
    keys = [f"value{n}" for n in range(10)]
    body = """
    for n in range(10):
        st.session_state.setdefault(f"value{n}", [n])
    if st.button("Change"):
        st.session_state["value3"].append("in place")
        st.session_state["value5"] = lambda: 1
    """
    tab = site.tab(body, keys=keys)
    tab.button[0].click().run()
    saved = page_of(tab).core._saved
    assert saved["value3"] == [3, "in place"] and saved["value5"] == [5] and len(saved) == 10
    assert "value5" in light(tab) and "red" in light(tab)


@pytest.mark.parametrize("only", [None, "grid"])
def test_a_discarded_table_is_gone(site: Site, only: str | None) -> None:
    first = site.tab(TABLE, keys=[])
    first.session_state["draw"] = five_laps
    first.run()
    eventually(lambda: is_green(first))
    tab = site.tab(TABLE, keys=[], only=only, draw=as_given)
    assert tab.session_state["result"] == [{"laps": 5}]
    tab.button[0].click().run()
    assert not tab.exception and tab.session_state["result"] == [{"laps": 0}]


def test_a_key_of_an_older_page_stays_saved_and_is_no_news(site: Site) -> None:
    tab = site.tab()
    tab.text_input[0].input("Ann").run()
    tab.number_input[0].set_value(7).run()
    eventually(lambda: is_green(tab))
    newer = site.tab('st.text_input("Driver", key="driver")', keys=["driver"])
    assert newer.text_input[0].value == "Ann" and not page_of(newer).core.has_news
    newer.text_input[0].input("Ben").run()
    assert page_of(newer).core._saved == {"driver": "Ben", "laps": 7}


def test_a_page_that_shows_only_its_defaults_is_not_saved(site: Site) -> None:
    tab = site.tab(FIELDS.replace('key="driver"', 'key="driver", value="Nobody"'))
    for _ in range(3):
        tab.run()
    assert not page_of(tab).core.document.state.dirty
    tab.number_input[0].set_value(7).run()
    assert page_of(tab).core._saved == {"driver": "Nobody", "laps": 7}
