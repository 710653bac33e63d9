"""Several people in one process: owner and token never cross."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from savepoint_client import Saver, SignedOut, connect

from tests.browser.line import answers, never_arrives
from tests.python_client.conftest import Person
from tests.python_client.waiting import eventually

QUICK: dict[str, Any] = {"wait": 0.02, "journal_after": 0.01}


@pytest.mark.parametrize("saves", [60, pytest.param(1_000, marks=pytest.mark.soak)])
def test_p12_the_saves_of_two_people_never_cross(meet: Callable[..., Person], saves: int) -> None:
    people = [meet(), meet()]
    saver = Saver(people[0].journal_dir)
    try:
        opened = [
            connect(each.url, headers={"X-User-Id": each.name}, identity=each.name, saver=saver).open(**QUICK)
            for each in people
        ]
        for n in range(saves):
            for person, document in zip(people, opened, strict=True):
                document.changed(f"{person.name} {n}")
                if n % 3 == 0:
                    document.flush()
        for document in opened:
            document.flush()
    finally:
        saver.close()
    for person in people:
        assert all(text.startswith(person.name) for text in person.server.everything())
        assert person.server.everything()[0].endswith(str(saves - 1))


def test_p12_what_one_person_typed_is_not_saved_for_the_next(meet: Callable[..., Person]) -> None:
    first, second = meet(), meet()
    headers = {"X-User-Id": first.name}
    server = first.connect(headers=lambda: dict(headers), identity="")
    document = server.open(wait=60)
    document.changed("of the first")
    headers["X-User-Id"] = second.name
    document.changed("of the first, still")
    with pytest.raises(SignedOut):
        document.flush()
    assert not second.server.drafts() and not first.server.drafts()
    assert server.recoverable() == []
    headers["X-User-Id"] = first.name
    document.changed("of the first again")
    document.flush()
    assert first.server.everything() == ["of the first again"] and not second.server.drafts()


def test_p12_the_next_person_is_offered_nothing_of_the_first(meet: Callable[..., Person]) -> None:
    first, second = meet(), meet()
    document = first.connect().open(wait=60, journal_after=0.01)
    document.changed("of the first")
    eventually(lambda: document.state.safe == "device")
    document._running.stop()
    document._running.saver.close()
    assert second.connect(journal_dir=first.journal_dir).recoverable() == []
    assert len(first.connect().recoverable()) == 1


def test_p13_headers_are_asked_for_in_threads_of_the_app_only(person: Person) -> None:
    asked = set[str]()

    def headers() -> dict[str, str]:
        asked.add(threading.current_thread().name)
        return {"X-User-Id": person.name}

    document = person.connect(headers=headers).open(**QUICK)
    document.changed("one")
    eventually(lambda: document.state.status == "clean")
    assert person.server.content(document.id) == "one"
    assert asked == {threading.current_thread().name}


def test_p20_headers_that_cannot_be_made_lose_no_edit(person: Person) -> None:
    failing = [False]

    def headers() -> dict[str, str]:
        if failing[0]:
            raise ValueError("no luck")
        return {"X-User-Id": person.name}

    document = person.connect(headers=headers).open(wait=60, journal_after=0.01)
    failing[0] = True
    document.changed("one")
    assert "no luck" in str(document.state.error)
    eventually(lambda: document.state.safe == "device")
    with pytest.raises(ValueError, match="no luck"):
        document.flush()
    failing[0] = False
    assert document.flush().error is None and person.server.content(document.id) == "one"


def test_p13_a_401_says_sign_in_and_the_journal_has_it(person: Person) -> None:
    document = person.connect().open(person.server.create("one"), **QUICK)
    person.line.breaks(answers(401))
    document.changed("two")
    eventually(lambda: document.state.status == "signed_out" and document.state.safe == "device")
    with pytest.raises(SignedOut, match="Sign in"):
        document.flush()


def test_what_was_begun_without_a_connection_belongs_to_who_was_here_last(person: Person) -> None:
    with person.connect() as server:
        assert server.owner() == person.name
    person.line.breaks(never_arrives)
    document = person.connect().open(wait=60, journal_after=0.01)
    document.changed("one")
    assert document.owner == person.name
    eventually(lambda: document.state.safe == "device")
    person.line.works()
    assert document.flush().status == "clean"
