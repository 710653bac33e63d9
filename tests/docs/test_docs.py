"""The README is true, so is the example in the docstring of `persistence`, and what all pages name exists."""

import json
import re
import textwrap
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

import persistence
from functions.sessions.views import SessionView
from settings import OF_THE_PLATFORM, Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def settings_table() -> str:
    """Returns the table of settings, made from the model."""
    lines = ["| setting | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if name in OF_THE_PLATFORM:
            continue
        lines.append(f"| `{name.upper()}` | {default_text(field.default)} | {field.description} |")
    return "\n".join(lines)


def default_text(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if default in (None, "", ()):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default.value if isinstance(default, Enum) else default}`"


def test_the_table_of_settings_is_the_model_of_settings() -> None:
    assert settings_table() in README


def test_every_path_that_is_named_exists() -> None:
    tree = README.split("## Where things are")[1].split("```")[1]
    folder = ROOT
    for line in tree.strip("\n").splitlines():
        inner = line.startswith("  ")
        for name in line.strip().split("  ")[0].split():
            path = (folder if inner else ROOT) / name
            assert path.exists(), f"{name} is named in the README"
            if not inner:
                folder = path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_a_target(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    # At the start of a code span or a line of code, or after another command.
    for targets in re.findall(r"(?:^ *|`|&& )make ((?:[a-z-]+\b(?!=) ?)+)", page.read_text(), re.MULTILINE):
        for target in targets.split():
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target} is in {page.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for name, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", page.read_text()):
        target = page.parent / name if name else page
        assert target.exists(), f"{name} is linked in {page.name}"
        assert not anchor or anchor in anchors(target), f"{name}#{anchor} is linked in {page.name}"


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_answer_that_is_shown_has_the_shape_of_the_answers() -> None:
    answer = README.split("```http")[1].split("```")[0]
    body = json.loads(answer[answer.index("{") :])
    assert SessionView.model_validate(body).model_dump(mode="json") == body


async def test_the_example_in_the_docstring_of_persistence_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, example = (persistence.__doc__ or "").split("\n\n", 1)
    scope: dict[str, Any] = {"open_stores": persistence.open_stores, "Path": Path}
    lines = textwrap.indent(f"{example}\nreturn stores, head", "    ")
    exec(f"async def run():\n{lines}", scope)
    stores, head = await scope["run"]()
    assert (await stores.sessions.get("me", head.id)).content == b"{}"
    await stores.close()
