"""A store that an earlier commit wrote is read, written and tidied up as that commit did it.

Every body is compared byte for byte, and every header. Left out are, by name:

* the words of problems (`title`, `detail`, `message`): they are for people, and may get better
* what depends on the time of the call: the members and headers that `varies` names in `responses.json`
* ids that are made by the call: each stands under a name, and has to be the same wherever it comes back
* `/api/openapi.json` and `/api/docs`: tests/openapi/test_openapi_before.py compares those, without their words
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
    assert not (told := differences(tmp_path, SECTIONS[name])), told


def test_timers_remove_what_they_removed_and_leave_the_rest_as_it_was(tmp_path: Path) -> None:
    [section] = [section for section in SECTIONS.values() if section.timers]
    unpack_store(tmp_path)
    assert run_timers(tmp_path) == section.removed
    assert not (told := differences(tmp_path, section)), told
