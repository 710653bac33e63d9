"""Streamlit: what a person enters is saved, and back after the tab or the server was gone."""

from savepoint_client.streamlit.adapter import Autosave, autosave
from savepoint_client.streamlit.core import Core, Light

__all__ = ["Autosave", "Core", "Light", "autosave"]
