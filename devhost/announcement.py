"""The text on stdout once the server listens: functions, URLs, timers and one request to try."""

from collections.abc import Sequence

from devhost.host import HttpFunction, TimerFunction
from devhost.routes import RouteTable


def announcement(functions: Sequence[HttpFunction | TimerFunction], routes: RouteTable, url: str) -> str:
    """Returns the text to print. Its last line is always `Listening on <url>`.

    If the app has a page `workbench`, the first line has its address.
    """
    timers = [each for each in functions if isinstance(each, TimerFunction)]
    width = max(len(each.name) for each in functions)
    pages = [each.template for each in routes.routes if each.function.route.strip("/") == "workbench"]
    lines = [f"Open {url}/{page}" for page in pages]
    if routes.routes:
        lines.append("Functions:")
    for route in routes.routes:
        methods = ",".join(sorted(route.function.methods or ("*",)))
        lines.append(f"  {route.function.name:{width}}  {methods:8} {url}/{route.template}")
    if timers:
        lines.append("Timers, in UTC:")
    for timer in timers:
        at_start = "  and at start" if timer.run_on_startup else ""
        lines.append(f"  {timer.name:{width}}  {timer.schedule.text}{at_start}")
    path = _path_to_try(functions, routes)
    if path:
        lines.append(f"Try:\n  curl {url}/{path}")
    return "\n".join([*lines, f"Listening on {url}"])


def _path_to_try(functions: Sequence[HttpFunction | TimerFunction], routes: RouteTable) -> str | None:
    """Returns the path of the first declared GET route without parameters, or None.

    A path that contains `persistence` is preferred.
    """
    paths = {
        route.function.name: route.template
        for route in routes.routes
        if "GET" in route.methods and not route.parameters and not route.rest
    }
    declared = [paths[each.name] for each in functions if each.name in paths]
    return next((path for path in declared if "persistence" in path), declared[0] if declared else None)
