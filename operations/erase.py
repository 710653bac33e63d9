"""`erase --owner`: deletes everything of one person, for requests that come by letter. Run again, it goes on."""

from argparse import ArgumentParser, Namespace

from operations.items import is_empty
from operations.pace import Paced
from operations.places import Place, WrongCall, owner
from operations.terminal import Terminal
from persistence import stores_over
from persistence.account.erasure import erase
from persistence.read_only import Switch

HELP = "delete everything of one person for good"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--owner", type=owner, required=True, help="the owner id")
    parser.add_argument("--yes", action="store_true", help="do it; without it, only say what is there")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    owner_id: str = arguments.owner
    async with place.opened() as opened:
        stores = stores_over(Paced(opened, arguments.calls_per_second, arguments.units_per_second))
        has_nothing = await is_empty(stores.engine, owner_id)
        if not arguments.yes:
            used = dict(await stores.limits.usage(owner_id))
            terminal.result(used, ", ".join(f"{name} {number}" for name, number in used.items()))
            raise WrongCall("nothing was deleted: this cannot be undone, so it needs --yes")
        if await Switch(opened).since() is not None:
            raise WrongCall("nothing was deleted: read-only mode is on. Turn it off first")
        total: dict[str, int] = {}
        while True:
            erased = await erase(stores.kinds, owner_id)
            total = {name: total.get(name, 0) + number for name, number in erased.counts.items()}
            terminal.progress("Deleting", sum(total.values()))
            if erased.done:
                break
        await stores.engine.scrub()
        if has_nothing:
            raise WrongCall(f"{owner_id} has nothing here")
    terminal.result(total, "Deleted: " + ", ".join(f"{name} {number}" for name, number in total.items()))
    return 0
