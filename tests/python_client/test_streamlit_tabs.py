"""Tabs and people of one Streamlit process: what was entered is back, and reaches nobody else."""

import importlib
import threading

import pytest
import savepoint_client.streamlit as adapter
from savepoint_client.streamlit import autosave

from tests.browser.line import answers, never_arrives
from tests.python_client import site as sites
from tests.python_client.site import FIELDS, TABLE, Site, as_given, five_laps, is_green, light, page_of
from tests.python_client.waiting import eventually

site = sites.site


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


def test_p12_the_next_person_in_a_tab_sees_no_table_of_the_first(site: Site) -> None:
    tab = site.tab(TABLE, keys=[])
    tab.session_state["draw"] = five_laps
    tab.run()
    eventually(lambda: is_green(tab))
    assert site.tab(TABLE, keys=[], draw=as_given).session_state["result"] == [{"laps": 5}]
    tab.session_state["draw"] = as_given
    tab.session_state["user"] = f"{site.person.name}-next"
    tab.run()
    assert tab.session_state["result"] == [{"laps": 0}] and not page_of(tab).core._saved


def test_p13_a_401_says_sign_in(site: Site) -> None:
    tab = site.tab()
    site.person.line.breaks(answers(401))
    tab.text_input[0].input("Ann").run()
    eventually(lambda: page_of(tab).core.document.state.status == "signed_out")
    assert "Sign in to save, kept on this device" in light(tab)


def test_p13_a_401_when_the_page_opens_still_draws_it(site: Site) -> None:
    site.person.line.breaks(answers(401))
    tab = site.tab()
    assert not tab.exception
    tab.text_input[0].input("Ann").run()
    eventually(lambda: page_of(tab).core.document.state.status == "signed_out")


def test_p13_an_identity_is_required_unless_the_server_is_on_this_machine() -> None:
    with pytest.raises(ValueError, match="identity"):
        autosave("https://savepoint.example/api/persistence", app="race", keys=[])


def test_p12_headers_that_name_people_require_an_identity() -> None:
    with pytest.raises(ValueError, match="identity"):
        autosave("http://127.0.0.1/api/persistence", app="race", keys=[], headers=dict)


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


def test_p14_a_tab_that_was_away_for_a_moment_shares_no_page_with_another(site: Site) -> None:
    tab = site.tab()
    site.person.line.breaks(never_arrives)
    tab.text_input[0].input("of one").run()
    site.process().leave(*tab.session_state["_savepoint_race"])
    other = site.tab()
    assert other.text_input[0].value == "of one"
    other.text_input[0].input("of the other").run()
    site.person.line.works()
    tab.number_input[0].set_value(7).run()
    assert page_of(tab).core is not page_of(other).core
    assert (tab.text_input[0].value, tab.number_input[0].value) == ("of the other", 7)
    eventually(lambda: page_of(other).core.has_news)
    other.run()
    assert (other.text_input[0].value, other.number_input[0].value) == ("of the other", 7)


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
