"""`erase --owner`: deletes everything of one person, for requests that come by letter. Run again, it goes on."""

from argparse import ArgumentParser, Namespace

from operations.pace import Paced
from operations.places import Place, WrongCall
from operations.terminal import Terminal
from persistence import stores_over
from persistence.account.erasure import erase

HELP = "delete everything of one person for good"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--owner", required=True, help="the owner id")
    parser.add_argument("--yes", action="store_true", help="do it; without it, only say what is there")


async def run(arguments: Namespace, terminal: Terminal) -> int:
    place: Place = arguments.store
    owner_id: str = arguments.owner
    async with place.opened() as opened:
        stores = stores_over(Paced(opened, arguments.calls_per_second, arguments.units_per_second))
        if not arguments.yes:
            used = dict(await stores.limits.usage(owner_id))
            terminal.result(used, ", ".join(f"{name} {number}" for name, number in used.items()))
            raise WrongCall("nothing was deleted: this cannot be undone, so it needs --yes")
        total: dict[str, int] = {}
        while True:
            erased = await erase(stores.kinds, owner_id)
            total = {name: total.get(name, 0) + number for name, number in erased.counts.items()}
            terminal.progress("Deleting", sum(total.values()))
            if erased.done:
                break
        await stores.engine.scrub()
    terminal.result(total, "Deleted: " + ", ".join(f"{name} {number}" for name, number in total.items()))
    return 0
