"""Pages of named values that save themselves, without a framework. `savepoint_client.streamlit` is an adapter."""

from savepoint_client.widgets.choosing import Choice, device_of
from savepoint_client.widgets.core import Core, Light
from savepoint_client.widgets.process import Process, Who

__all__ = ["Choice", "Core", "Light", "Process", "Who", "device_of"]
