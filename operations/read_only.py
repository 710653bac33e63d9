"""`read-only on|off`: from the end of `on` until `off`, no write of any process is acknowledged."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace

from operations.places import Place, WrongCall
from operations.terminal import Terminal
from persistence.documents import now, timestamp_text
from persistence.read_only import UNREAD_MAX_SECONDS, Switch

HELP = "let nobody write: on returns when no process writes any more"
INTERRUPTED = "Interrupted: the mode can be on, and writes that had begun may still end. Repeat it or turn it off."
_STEP_SECONDS = 1.0


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("state", choices=("on", "off", "show"))
    parser.add_argument("--sentence", help="what people read whose saves wait, with `on`")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    async with place.opened() as engine:
        switch = Switch(engine)
        if arguments.state == "show":
            since = await switch.since()
            shown = None if since is None else timestamp_text(since)
            line = "Off." if shown is None else f"On since {shown}."
            terminal.result({"readOnly": shown is not None, "since": shown}, line)
            return 0
        if arguments.state == "off":
            await switch.turn_off()
            terminal.result({"readOnly": False}, "Off: people can save again, within seconds.")
            return 0
        try:
            await switch.turn_on(arguments.sentence)
            await _wait(place, switch, terminal)
        except asyncio.CancelledError:
            print(INTERRUPTED, file=sys.stderr)
            raise
        terminal.result({"readOnly": True}, "On: no write is acknowledged any more.")
        return 0


async def seconds_left(place: Place, switch: Switch) -> float | None:
    """Returns how long writes may still be acknowledged. None if read-only mode is off."""
    since = await switch.since()
    if since is None:
        return None
    wait = UNREAD_MAX_SECONDS + place.longest_call_s
    # At most the whole time, if the clock of another machine is ahead.
    return min(wait, max(0.0, wait - (now() - since).total_seconds()))


async def _wait(place: Place, switch: Switch, terminal: Terminal) -> None:
    """Until every process has read the switch, or refuses to write, and what it had begun has ended. Raises
    WrongCall if it is turned off meanwhile."""
    total = await seconds_left(place, switch)
    while (left := await seconds_left(place, switch)) is not None:
        if left <= 0:
            return
        terminal.progress("Waiting for the last writes", (total or left) - left, total)
        await asyncio.sleep(min(_STEP_SECONDS, left))
    raise WrongCall("it was turned off meanwhile")
