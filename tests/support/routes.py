"""The endpoints of the app, so that tests can tell which of them they have not called."""

import re
from typing import Any

from functions.app import build_app
from persistence import Stores
from settings import Settings


def endpoints(stores: Stores, settings: Settings) -> set[tuple[str, str]]:
    """Returns method and route of every HTTP function of the app, without the names of parameters."""
    found = set()
    for function in build_app(stores, settings.app_rules()).get_functions():
        trigger: Any = function.get_trigger()
        # The last function refuses what no other serves, and asks no store.
        if trigger.get_binding_name() == "httpTrigger" and "{*" not in trigger.route:
            methods = [str(getattr(method, "value", method)) for method in trigger.methods]
            found |= {(method, nameless(trigger.route)) for method in methods}
    return found


def nameless(route: str) -> str:
    return re.sub(r"\{\w+\}", "{}", route)
