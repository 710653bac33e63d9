"""docs/python-client.md is true: its examples run, and its tables are complete."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import savepoint_client.streamlit as adapter
from savepoint_client import Document, DocumentState, Server
from savepoint_client.view import Status
from streamlit.testing.v1 import AppTest

from tests.browser.line import never_arrives
from tests.devhost.server import REPOSITORY
from tests.python_client.conftest import Person

GUIDE = (REPOSITORY / "docs" / "python-client.md").read_text()
README = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
SERVER = "http://127.0.0.1:7071/api/persistence"
HERE = Path(__file__).parent

DJANGO = "from tests.python_client.database import Driver, tables\ntables()\n"


def test_each_example_runs_after_the_one_before(person: Person, tmp_path: Path) -> None:
    *examples, streamlit = EXAMPLES
    assert "import streamlit" in streamlit and len(examples) == 7
    assert len(README) == 1
    script = "\n".join([DJANGO, *README, *examples])
    script = script.replace(f'connect("{SERVER}"', f'connect("{person.url}", journal_dir="kept"')
    environ = {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'clients/python/src'}", "HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=90
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("clean ")
    assert any(line.endswith("resolve(). 15 laps") for line in lines)


def test_the_example_of_streamlit_runs(person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    script = EXAMPLES[-1].replace(SERVER, person.url)
    tab = AppTest.from_string(script, default_timeout=30).run()
    tab.text_input[0].input("Thunder Alley").run()
    tab.button[0].click().run()
    assert not tab.exception and any("Saved" in each.value for each in tab.markdown)
    tab.session_state["_savepoint_race-prep"][1].document._running.saver.close()
    adapter._process.clear()


def test_the_example_app_draws_its_light_without_a_connection(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("SAVEPOINT_URL", person.url)
    tab = AppTest.from_file(str(REPOSITORY / "examples" / "race_prep_streamlit.py"), default_timeout=30).run()
    person.line.breaks(never_arrives)
    for button in tab.button[:2]:
        button.click().run()
        assert not tab.exception and tab.error and any("●" in each.value for each in tab.markdown)
    tab.session_state["_savepoint_race-prep"][1].document._running.saver.close()
    adapter._process.clear()


def test_every_field_status_and_method_is_there() -> None:
    for name in (*[each.name for each in fields(DocumentState)], *get_args(Status)):
        assert f"`{name}`" in GUIDE, name
    for name, _ in inspect.getmembers(Document, inspect.isfunction):
        if not name.startswith("_") and name not in ("dispatch", "hurry", "move_to"):
            assert re.search(rf"`{name}\(", GUIDE), name
    for name in inspect.signature(Server.open).parameters:
        assert name in ("self", "id", "title") or f"`{name}`" in GUIDE, name


def test_every_number_has_its_tests() -> None:
    tests = "\n".join(each.read_text() for each in HERE.glob("test_*.py"))
    found = {
        int(number) for name in re.findall(r"def (test_p\w+)", tests) for number in re.findall(r"p(\d\d)", name)
    }
    told = {int(number) for number in re.findall(r"^\| P(\d+) \|", GUIDE, re.MULTILINE)}
    assert found == told
