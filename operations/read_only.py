"""`read-only on|off`: from the end of `on` until `off`, no write of any process is acknowledged."""

import asyncio
import time
from argparse import ArgumentParser, Namespace

from operations.places import Place
from operations.terminal import Terminal
from persistence.read_only import UNREAD_MAX_SECONDS, Switch

HELP = "let nobody write: on returns when no process writes any more"
_STEP_SECONDS = 1.0


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("state", choices=("on", "off"))
    parser.add_argument("--sentence", help="what people read whose saves wait, with `on`")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    async with place.opened() as engine:
        switch = Switch(engine)
        if arguments.state == "off":
            await switch.turn_off()
            terminal.result({"readOnly": False}, "Off: people can save again, within seconds.")
            return 0
        await switch.turn_on(arguments.sentence)
        await _wait(UNREAD_MAX_SECONDS + place.longest_call_s, terminal)
        terminal.result({"readOnly": True}, "On: no write is acknowledged any more.")
        return 0


async def _wait(seconds: float, terminal: Terminal) -> None:
    """Until every process has read the switch, or refuses to write, and what it had begun has ended."""
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        terminal.progress("Waiting for the last writes", passed, seconds)
        await asyncio.sleep(min(_STEP_SECONDS, seconds - passed))
