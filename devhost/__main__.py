"""`python -m devhost`.

Exit codes: 0 after SIGINT or SIGTERM. 1 if it cannot start: the last line on stderr is the reason.
130 if SIGINT interrupts the start or the app's `close`.

A background job of a script ignores SIGINT, because the shell starts it so. SIGTERM ends it.
"""

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from devhost import StartError
from devhost.host import AppFault
from devhost.serving import serve


def main() -> int:
    _configure_logging()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(Path.cwd(), os.environ))
    except StartError as error:
        if isinstance(error, AppFault):
            traceback.print_exception(error.__cause__)
        print(f"devhost: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _configure_logging() -> None:
    # An app may give its lines a `trace`.
    line = "%(asctime)s %(levelname)s %(name)s: %(message)s%(trace)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(line, datefmt="%H:%M:%S", defaults={"trace": ""}))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The app may set another level for the root logger.
    logging.getLogger("devhost").setLevel(logging.INFO)
    logging.getLogger("azure").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    sys.exit(main())
