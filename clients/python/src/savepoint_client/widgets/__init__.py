"""Pages of named values that save themselves, without a framework. `savepoint_client.streamlit` is an adapter."""

from savepoint_client.widgets.choosing import Choice, begin, go_on
from savepoint_client.widgets.core import Core, Light

__all__ = ["Choice", "Core", "Light", "begin", "go_on"]
