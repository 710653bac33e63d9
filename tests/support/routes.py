"""The endpoints of the app, so that tests can tell which of them they have not called."""

import re
from typing import Any

from functions.app import build_app
from persistence import Stores
from settings import Settings

ASKS_NO_STORE = ("client/", "workbench", "persistence/{*")
"""Files of the browser module, which are there once it is built, and the refusal of what no function serves."""


def endpoints(stores: Stores, settings: Settings) -> set[tuple[str, str]]:
    """Returns method and route of every HTTP function that has a store, without the names of parameters."""
    found = set()
    for function in build_app(stores, settings.app_rules()).get_functions():
        trigger: Any = function.get_trigger()
        if trigger.get_binding_name() == "httpTrigger" and not trigger.route.startswith(ASKS_NO_STORE):
            methods = [str(getattr(method, "value", method)) for method in trigger.methods]
            found |= {(method, nameless(trigger.route)) for method in methods}
    return found


def nameless(route: str) -> str:
    return re.sub(r"\{\w+\}", "{}", route)
