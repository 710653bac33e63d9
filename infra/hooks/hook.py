"""What all hooks of azd share. They run before anything is installed, so the standard library is all they have."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Step = Callable[[Mapping[str, str]], None]


class HookError(Exception):
    """Ends a hook. The message is for the person who runs it."""


def run(arguments: Sequence[str], steps: Mapping[str, Step], advice: str | None = None) -> int:
    """Runs the step that the only argument after the script's path names, with the environment.

    Returns the exit status: 0; 1 with the reason and the advice on stderr; 2 for unknown arguments.
    """
    script, *names = arguments
    if len(names) != 1 or names[0] not in steps:
        print(f"usage: {Path(script).name} {'|'.join(steps)}", file=sys.stderr)
        return 2
    try:
        steps[names[0]](os.environ)
    except HookError as error:
        print(error if advice is None else f"{error}\n{advice}", file=sys.stderr)
        return 1
    return 0
