"""Encrypted links: the server has neither text nor key, and a link that is not whole is a clear error."""

from typing import Any

import pytest

from tests.browser.conftest import Person

TEXT = "the recipe of the team, 42"


def shared(person: Person, **options: Any) -> dict[str, str]:
    """Shares a document under an encrypted link, as its owner."""
    tab = person.tab()
    tab.fill(TEXT)
    found: dict[str, str] = tab.run("doc.share({ encrypted: true, ...it })", options)
    tab.until_saved()
    return found


def test_who_has_the_link_can_read_it_and_the_server_never_sees_text_or_key(meet: Any) -> None:
    owner, visitor = meet(), meet()
    link = shared(owner)
    key = link["url"].partition("#")[2]
    assert len(key) == 43
    opened = visitor.tab().run("server.openShared(it)", link["url"])
    assert (opened["text"], opened["title"]) == (TEXT, "Encrypted")
    sealed = [each for each in owner.line.writes("/snapshots")]
    assert sealed and not any(TEXT.encode() in each.body or key.encode() in each.body for each in sealed)
    everything = [each.path.encode() + str(each.headers).encode() for each in owner.line.sent + visitor.line.sent]
    assert not any(key.encode() in each for each in everything)
    stored = owner.server.act("GET", f"/snapshots/{link['id']}")
    assert stored["metadata"]["mediaType"] == "application/vnd.savepoint.sealed"
    assert TEXT not in stored["content"] and key not in stored["content"]


def test_title_and_description_are_sent_only_if_the_person_wants_that(person: Person) -> None:
    link = shared(person, title="For Ann", description="Read it on Friday.")
    metadata = person.server.act("GET", f"/snapshots/{link['id']}")["metadata"]
    assert (metadata["title"], metadata["description"]) == ("For Ann", "Read it on Friday.")


@pytest.mark.parametrize("cut", ["no key", "half a key", "another key"])
def test_a_link_that_is_not_whole_is_a_clear_error(person: Person, cut: str) -> None:
    url = shared(person)["url"]
    base, _, key = url.partition("#")
    wrong = {"no key": base, "half a key": f"{base}#{key[:20]}", "another key": f"{base}#{key[::-1]}"}[cut]
    found = person.tab().run("server.openShared(it).catch(({ type, message }) => [type, message])", wrong)
    assert found[0] == "wrong_key" and "link" in found[1]


def test_a_link_without_encryption_opens_the_same_way(person: Person) -> None:
    tab = person.tab()
    tab.fill(TEXT)
    link = tab.run("doc.share({ title: 'Plain' })")
    assert tab.run("server.openShared(it)", link["url"])["text"] == TEXT


def test_what_is_no_link_is_refused_in_words(person: Person) -> None:
    found = person.tab().run("server.openShared('/elsewhere').catch(({ type }) => type)")
    assert found == "not_a_link"
