"""Pages of Streamlit, run by its own AppTest. What needs a browser is in test_streamlit_browser.py."""

import importlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import savepoint_client.streamlit as adapter
from savepoint_client.streamlit import autosave
from streamlit.testing.v1 import AppTest

from tests.browser.line import answers, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.waiting import eventually

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

    def process(self) -> adapter.Process:
        return adapter._process(str(self.person.journal_dir))

    def restarts(self) -> None:
        """As if the process was killed and started again: nothing more is saved, and its locks are free."""
        saver = self.process().saver
        for each in list(saver._documents):
            each.is_open = False
        saver.close()
        adapter._process.clear()


@pytest.fixture
def site(person: Person) -> Iterator[Site]:
    site = Site(person)
    yield site
    person.line.works()
    site.restarts()


def page_of(tab: AppTest) -> adapter.Autosave:
    page: adapter.Autosave = tab.session_state["page"]
    return page


def is_green(tab: AppTest) -> bool:
    return page_of(tab).core.light().color == "green"


def light(tab: AppTest) -> str:
    """What the page shows of it."""
    assert not tab.exception, tab.exception
    return str(next(each.value for each in tab.run().markdown if "●" in each.value))


def test_p01_what_was_entered_is_back_in_another_tab_and_after_a_restart(site: Site) -> None:
    tab = site.tab()
    tab.text_input[0].input("Ann").run()
    eventually(lambda: is_green(tab))
    assert light(tab) == ":green[●] Saved"
    assert site.tab().text_input[0].value == "Ann"
    site.restarts()
    assert site.tab().text_input[0].value == "Ann"


def test_p01_what_the_server_had_not_got_is_back_after_a_restart(site: Site) -> None:
    tab = site.tab()
    site.person.line.breaks(never_arrives)
    tab.text_input[0].input("Ann").run()
    eventually(lambda: page_of(tab).core.document.state.status == "offline")
    assert "red" in light(tab) and "kept on this device" in light(tab)
    site.restarts()
    site.person.line.works()
    again = site.tab()
    assert again.text_input[0].value == "Ann"
    eventually(lambda: is_green(again))
    assert len(site.person.server.drafts()) == 1


def test_p01_what_the_server_had_not_got_is_back_in_another_tab_of_the_same_process(site: Site) -> None:
    tab = site.tab()
    site.person.line.breaks(never_arrives)
    tab.text_input[0].input("Ann").run()
    site.process().leave(*tab.session_state["_savepoint_race"])
    assert site.tab().text_input[0].value == "Ann"


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


def test_p12_the_next_person_in_a_tab_sees_nothing_of_the_first(site: Site) -> None:
    tab = site.tab()
    tab.text_input[0].input("of the first").run()
    eventually(lambda: is_green(tab))
    tab.session_state["user"] = f"{site.person.name}-next"
    tab.run()
    assert tab.text_input[0].value == ""
    tab.text_input[0].input("of the second").run()
    eventually(lambda: is_green(tab))
    assert len(site.person.server.drafts()) == 1
    tab.session_state["user"] = site.person.name
    tab.run()
    assert tab.text_input[0].value == "of the first"


def test_p13_a_401_says_sign_in(site: Site) -> None:
    tab = site.tab()
    site.person.line.breaks(answers(401))
    tab.text_input[0].input("Ann").run()
    eventually(lambda: page_of(tab).core.document.state.status == "signed_out")
    assert "Sign in to save, kept on this device" in light(tab)


def test_p13_an_identity_is_required_unless_the_server_is_on_this_machine() -> None:
    with pytest.raises(ValueError, match="identity"):
        autosave("https://savepoint.example/api/persistence", app="race", keys=[])


def test_p14_two_tabs_on_one_document_keep_both_texts(site: Site) -> None:
    site.tab().text_input[0].input("First").run()
    eventually(lambda: site.person.server.drafts())
    one, other = site.tab(), site.tab()
    held = site.person.line.holds("PUT|PATCH")
    one.text_input[0].input("of one").run()
    held.wait()
    other.text_input[0].input("of the other").run()
    site.person.line.works()
    held.release()
    eventually(lambda: page_of(other).core.document.state.conflict or page_of(one).core.document.state.conflict)
    loser = other if page_of(other).core.document.state.conflict else one
    assert "Changed elsewhere" in light(loser)
    loser.button(key="_savepoint_race_copy").click().run()
    eventually(lambda: is_green(loser))
    texts = " ".join(site.person.server.everything())
    assert "of one" in texts and "of the other" in texts


def test_p14_a_second_tab_shows_what_the_first_has_not_saved_yet(site: Site) -> None:
    held = site.person.line.holds("PUT")
    one = site.tab()
    one.text_input[0].input("Ann").run()
    held.wait()
    site.person.line.works()
    held.release()
    assert site.tab().text_input[0].value == "Ann"


def test_p14_what_another_tab_saved_is_shown(site: Site) -> None:
    site.tab().text_input[0].input("First").run()
    eventually(lambda: site.person.server.drafts())
    one, other = site.tab(), site.tab()
    one.text_input[0].input("Second").run()
    eventually(lambda: page_of(other).core.has_news)
    assert other.run().text_input[0].value == "Second"
    assert other.run().text_input[0].value == "Second" and is_green(other)


@pytest.mark.parametrize("count", [8, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(300)])])
def test_p15_many_tabs_have_one_saver(site: Site, count: int) -> None:
    first = site.tab()
    first.text_input[0].input("Ann").run()
    eventually(lambda: is_green(first))
    before = threading.active_count()
    tabs = [site.tab() for _ in range(count)]
    for number, tab in enumerate(tabs):
        tab.number_input[0].set_value(number).run()
        site.process().leave(*tab.session_state["_savepoint_race"])
    ours = [each.name for each in threading.enumerate() if each.name.startswith("savepoint-")]
    assert sorted(ours) == ["savepoint-journal", "savepoint-saver"]
    eventually(lambda: threading.active_count() <= before + 2)  # the line has one for each request
    assert "Ann" in site.person.server.everything()[0]


def test_p15_a_module_that_is_edited_has_the_same_saver(site: Site) -> None:
    tab = site.tab()
    for number in range(10):
        tab.number_input[0].set_value(number).run()
        importlib.reload(adapter)
        tab.run()
    assert not tab.exception and tab.number_input[0].value == 9
    eventually(lambda: is_green(tab))
    ours = [each.name for each in threading.enumerate() if each.name.startswith("savepoint-")]
    assert sorted(ours) == ["savepoint-journal", "savepoint-saver"]
    assert len(site.person.server.drafts()) == 1


def test_drafts_are_offered_to_pick_from(site: Site) -> None:
    for title in ("Thunder Alley", "Long Beach"):
        draft = site.person.connect(device_info="Firefox").open(title=title, media_type="application/json")
        draft.changed(f'{{"keys": {{"driver": "of {title}"}}}}')
        draft.flush()
        draft.close()
    tab = site.tab()
    assert not tab.text_input
    assert tab.radio[0].options == [
        "Long Beach, saved just now on Firefox",
        "Thunder Alley, saved just now on Firefox",
        "A new one",
    ]
    tab.radio[0].set_value(1)
    tab.button[0].click().run()
    assert tab.text_input[0].value == "of Thunder Alley"


def test_lock_makes_a_session_and_discard_begins_a_new_one(site: Site) -> None:
    tab = site.tab(
        FIELDS
        + """
    if st.button("Lock"):
        page.lock(title="Final")
    if st.button("Discard"):
        page.discard()
        st.rerun()
    """
    )
    tab.text_input[0].input("Ann").run()
    tab.button[0].click().run()
    assert [each["title"] for each in site.person.server.sessions()] == ["Final"]
    assert site.tab().text_input[0].value == "Ann"
    tab.button[1].click().run()
    assert not tab.exception and tab.text_input[0].value == ""
    assert not site.person.server.sessions()


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
