"""Debian's Firefox, driven over Marionette: JSON over TCP, as geckodriver does it. Debian has no geckodriver.

Playwright needs a Firefox of its own. The protocol: https://firefox-source-docs.mozilla.org/testing/marionette/
"""

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
SECONDS = 20
_PREFERENCES = {
    "marionette.port": 0,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.disabledForTesting": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "dom.disable_beforeunload": True,
}


class FirefoxError(Exception):
    """A command failed."""


class Firefox:
    """A browser with one profile. Commands go to the current tab."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._stream = self._socket.makefile("rb")
        self._count = 0
        self._receive()
        self("WebDriver:NewSession", capabilities={"alwaysMatch": {"unhandledPromptBehavior": "ignore"}})
        self("WebDriver:SetTimeouts", script=SECONDS * 1000, pageLoad=SECONDS * 1000)

    def __call__(self, command: str, **parameters: Any) -> Any:
        """Runs a command. Returns its value. Raises FirefoxError."""
        self._count += 1
        message = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error is not None:
            raise FirefoxError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def _receive(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) != b":":
            assert byte, "Firefox closed the connection"
            length += byte
        return json.loads(self._stream.read(int(length)))

    def open(self, url: str) -> None:
        self("WebDriver:Navigate", url=url)

    def run(self, expression: str, argument: Any = None) -> Any:
        """Returns the value of an expression in the page, awaited. `it` is the argument."""
        script = f"const it = arguments[0]; return (async () => ({expression}))();"
        return self("WebDriver:ExecuteScript", script=script, args=[argument], sandbox=None)

    def until(self, expression: str, argument: Any = None) -> None:
        end = time.monotonic() + SECONDS
        while not self.run(expression, argument):
            assert time.monotonic() < end, f"never: {expression}"
            time.sleep(0.05)

    def type(self, text: str) -> None:
        """Adds to the end of the text field of tests/browser/page.html, key by key."""
        [found] = self("WebDriver:FindElements", using="css selector", value="#text")
        self.run("document.querySelector('#text').setSelectionRange(1e9, 1e9)")
        self("WebDriver:ElementSendKeys", id=next(iter(found.values())), text=text)

    def new_tab(self) -> str:
        """Opens a tab and goes to it. Returns its name."""
        handle = str(self("WebDriver:NewWindow", type="tab", focus=True)["handle"])
        self.go_to(handle)
        return handle

    @property
    def tab(self) -> str:
        return str(self("WebDriver:GetWindowHandle"))

    def go_to(self, tab: str) -> None:
        self("WebDriver:SwitchToWindow", handle=tab, focus=True)

    def close_tab(self) -> None:
        """Closes the tab, and goes to the first of the others."""
        self.go_to(self("WebDriver:CloseWindow")[0])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@contextmanager
def firefox(profile: Path) -> Iterator[Firefox]:
    """Starts Firefox with a profile, which stays for the next start."""
    assert FIREFOX is not None
    profile.mkdir(parents=True, exist_ok=True)
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    found = profile / "MarionetteActivePort"
    found.unlink(missing_ok=True)
    command = [FIREFOX, "-headless", "-no-remote", "-marionette", "-profile", str(profile)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not (found.exists() and found.read_text()):
            assert process.poll() is None and time.monotonic() < end, "Firefox did not start"
            time.sleep(0.05)
        with closing(Firefox(process, int(found.read_text()))) as browser:
            yield browser
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
