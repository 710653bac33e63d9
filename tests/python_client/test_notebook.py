"""Cells of a notebook: they run one after another in the event loop of a kernel, and may await.

The kernel is a process that runs cells as ipykernel does, without its sockets.
"""

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.python_client.conftest import Person
from tests.python_client.processes import says, start

KERNEL = """
import ast, asyncio, inspect, json

async def cells():
    for line in iter(sys.stdin.readline, ""):
        try:
            cell = compile(json.loads(line), "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            done = eval(cell, globals())
            if inspect.iscoroutine(done):
                await done
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        else:
            print("done", flush=True)

asyncio.new_event_loop().run_until_complete(cells())
"""


class Kernel:
    def __init__(self, person: Person) -> None:
        self.process: subprocess.Popen[str] = start(person, KERNEL)

    def begin(self, *lines: str) -> None:
        """Runs a cell. Its outputs are lines."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps("\n".join(lines)) + "\n")
        self.process.stdin.flush()

    def run(self, *lines: str) -> str:
        self.begin(*lines)
        return says(self.process)


@pytest.fixture
def kernel(person: Person) -> Iterator[Kernel]:
    kernel = Kernel(person)
    yield kernel
    kernel.process.kill()
    kernel.process.communicate()


def test_p30_cells_save_are_interrupted_and_go_on(person: Person, kernel: Kernel) -> None:
    assert kernel.run('document = server.open(title="Cells", wait=60)', 'document.changed("one")') == "done"
    assert kernel.run("document.flush()") == "done"
    assert kernel.run("await asyncio.to_thread(document.save)") == "done"
    (session,) = person.server.sessions()
    held = person.line.holds("PUT|PATCH")
    kernel.begin('document.changed("two")', "document.flush()")
    held.wait()
    kernel.process.send_signal(signal.SIGINT)
    assert says(kernel.process) == "interrupted"
    person.line.works()
    held.release()
    assert kernel.run("document.flush()") == "done"
    assert person.server.history(session["id"])[:2] == ["two", "one"]


def test_p30_what_a_busy_kernel_had_is_offered_after_its_restart(person: Person, kernel: Kernel) -> None:
    kernel.begin(
        'document = server.open(title="Cells", wait=60)',
        'document.changed("one")',
        'while document.state.safe != "device": time.sleep(0.01)',
        'print("busy", flush=True)',
        "while True: pass",
    )
    assert says(kernel.process) == "busy"
    kernel.process.kill()
    kernel.process.wait()
    again = Kernel(person)
    try:
        offered = again.run("print([(each.title, each.content) for each in server.recoverable()])")
        assert offered == "[('Cells', 'one')]"
        assert says(again.process) == "done"
        assert again.run("print(len(server.recover()))") == "1"
    finally:
        again.process.kill()
        again.process.communicate()
    assert person.server.everything() == ["one"]
