"""A store that an earlier commit wrote is read, written and cleaned up as by that commit.

Every header is compared, and every body byte for byte. These are left out:

* the texts of problems (`title`, `detail`, `message`): people read them, and they may improve
* members and headers that depend on the time of the call: `varies` names them in `responses.json`
* ids that a call makes: each has a name, and must be the same in all later responses
* `/api/openapi.json` and `/api/docs`: tests/openapi/test_openapi_before.py compares those, without their texts
"""

from pathlib import Path

import pytest

from tests.before.replay import Section, calling, load, run_timers, unpack_store

SECTIONS = load()


def differences(folder: Path, section: Section) -> str:
    with calling(folder, section.settings) as calls:
        found = [difference for each in section.exchanges if (difference := calls.check(each))]
    return "\n".join([f"{len(found)} of {len(section.exchanges)} responses differ", *found[:5]]) if found else ""


@pytest.mark.parametrize("name", [name for name, section in SECTIONS.items() if not section.timers])
def test_responses_are_what_they_were(tmp_path: Path, name: str) -> None:
    unpack_store(tmp_path)
    assert not (found := differences(tmp_path, SECTIONS[name])), found


def test_timers_remove_what_they_removed_and_leave_the_rest_as_it_was(tmp_path: Path) -> None:
    [section] = [section for section in SECTIONS.values() if section.timers]
    unpack_store(tmp_path)
    assert run_timers(tmp_path) == section.removed
    assert not (found := differences(tmp_path, section)), found
