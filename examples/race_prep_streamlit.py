"""Prepares a race: what is entered is saved by itself, and back after the tab was closed.

Run the server with `make run`, then:

    pip install './clients/python[streamlit]'
    streamlit run examples/race_prep_streamlit.py
"""

import os

import pandas as pd
import streamlit as st
from savepoint_client import SavepointError
from savepoint_client.streamlit import autosave

SAVEPOINT_URL = os.environ.get("SAVEPOINT_URL", "http://127.0.0.1:7071/api/persistence")
LAPS = pd.DataFrame({"lap": [1, 2, 3], "time": [0.0, 0.0, 0.0]})

st.title("Race preparation")

with autosave(SAVEPOINT_URL, app="race-prep", keys=["track", "driver", "tyres", "start"], title="Race") as page:
    st.text_input("Track", key="track")
    st.text_input("Driver", key="driver")
    st.selectbox("Tyres", ["soft", "medium", "hard"], key="tyres")
    st.date_input("Start", key="start")
    laps = page.table("laps", LAPS)

    lock, discard = st.columns(2)
    try:
        if lock.button("Lock"):
            page.lock(title=st.session_state["track"] or "Race")
        if discard.button("Discard"):
            page.discard()
            st.rerun()
    except SavepointError as error:
        st.error(str(error))
    page.light()
