"""Every call of a document and of a server, over the wire."""

from collections.abc import Callable

from tests.browser.conftest import Person
from tests.browser.tab import eventually


def test_a_draft_becomes_a_session_when_a_person_saves_it(person: Person) -> None:
    tab = person.tab(open={"title": "Sketch"})
    tab.type("one")
    tab.until_saved()
    assert tab.state["draft"] and [each["id"] for each in person.server.drafts()] == [tab.id]
    state = tab.run("doc.save({ title: 'Wells', description: 'About' })")
    assert (state["status"], state["title"], state["draft"]) == ("clean", "Wells", False)
    [session] = person.server.sessions()
    assert (session["id"], session["title"], session["description"]) == (tab.id, "Wells", "About")
    assert person.server.drafts() == []


def test_a_title_alone_can_be_changed(person: Person) -> None:
    tab = person.on(person.server.create("one", "First"))
    assert tab.run("doc.rename('Second')")["title"] == "Second"
    assert [each["title"] for each in person.server.sessions()] == ["Second"]
    assert person.server.content(tab.id) == "one"


def test_save_as_continues_under_a_new_id(person: Person) -> None:
    id = person.server.create("one", "First")
    tab = person.on(id)
    tab.type("A")
    tab.run("doc.saveAs('Second')")
    tab.type("B")
    tab.until_saved()
    assert tab.id != id
    assert person.server.content(tab.id) == "oneAB"
    assert {each["title"] for each in person.server.sessions()} == {"First", "Second"}


def test_an_old_version_can_be_read_and_restored(person: Person) -> None:
    tab = person.on(person.server.create("one"))
    tab.fill("two")
    tab.run("doc.save()")
    versions = [each["version"] for each in tab.run("doc.revisions()")]
    assert versions == [2, 1]
    assert tab.run("doc.revision(1)")["content"] == "one"
    tab.run("doc.restore(1)")
    tab.until_text("one")
    tab.until_saved()
    assert person.server.history(tab.id) == ["one", "two", "one"]


def test_a_link_shows_what_was_saved_to_anyone_who_has_it(person: Person) -> None:
    tab = person.on(person.server.create("one"))
    tab.type("A")
    shared = tab.run("doc.share({ title: 'June' })")
    assert shared["url"] == f"{person.origin}/api/persistence/snapshots/{shared['id']}"
    other = person.tab(user="someone-else", waits=True)
    assert other.run("server.snapshots.get(it).then(({ content }) => content)", shared["id"]) == "oneA"


def test_what_is_reloaded_is_what_the_server_has_and_nothing_is_lost(person: Person) -> None:
    id = person.server.create("one")
    tab = person.on(id, open={"wait": 60_000, "maxWait": 60_000})
    tab.type("A")
    person.server.save(id, "theirs")
    tab.run("doc.reload()")
    tab.until_text("theirs")
    assert tab.state["dirty"] is False
    assert [each["content"] for each in tab.recoverable()] == ["oneA"]
    assert person.server.content(id) == "theirs"


def test_what_is_discarded_is_in_the_trash_and_can_be_restored(person: Person) -> None:
    tab = person.on(person.server.create("one", "First"))
    tab.run("doc.discard()")
    assert person.server.sessions() == []
    [item] = tab.run("server.trash.list()")["items"]
    assert item["id"] == tab.id
    tab.run("server.trash.restore(it)", tab.id)
    assert person.server.content(tab.id) == "one"


def test_a_closed_document_is_saved_and_lets_go(person: Person) -> None:
    id = person.server.create("one")
    tab = person.on(id, open={"wait": 60_000, "maxWait": 60_000})
    tab.type("A")
    tab.run("doc.close()")
    assert person.server.content(id) == "oneA"
    sent = len(person.line.sent)
    tab.type("B")
    tab.page.wait_for_timeout(500)
    assert len(person.line.sent) == sent


def test_lists_are_those_of_the_server(person: Person) -> None:
    ids = {person.server.create("one", title) for title in ("First", "Second")}
    tab = person.tab(waits=True)
    page = tab.run("server.sessions.list({ sort_by: 'metadata.title', sort_direction: 'asc', page_size: 1 })")
    assert [each["title"] for each in page["items"]] == ["First"]
    assert {each["id"] for each in tab.run("server.sessions.list()")["items"]} == ids
    assert tab.run("server.usage()")["used"]["sessions"] == 2
    assert len(tab.run("server.activity.list()")["items"]) >= 2
    assert tab.run("server.drafts.list()")["items"] == tab.run("server.snapshots.list()")["items"] == []


def test_many_are_deleted_at_once_each_by_itself(person: Person) -> None:
    ids = [person.server.create("one", f"{number}") for number in range(41)]
    tab = person.tab(waits=True)
    results = tab.run("server.sessions.removeMany(it)", [*ids, "is-not-there"])
    assert [each["status"] for each in results] == [204] * 41 + [404]
    assert person.server.sessions() == []


def test_a_session_is_renamed_without_opening_it(person: Person) -> None:
    id = person.server.create("one", "First")
    tab = person.tab(waits=True)
    assert tab.run("server.sessions.rename(it, { title: 'Second' })", id)["title"] == "Second"
    assert person.server.content(id) == "one"


def test_a_snapshot_is_made_opened_counted_and_forgotten(person: Person, meet: Callable[[], Person]) -> None:
    tab = person.tab(waits=True)
    made = tab.run("server.snapshots.create({ title: 'June', content: 'one' })")
    other = meet()
    elsewhere = other.tab(waits=True)
    assert elsewhere.run("server.snapshots.get(it)", made["id"])["content"] == "one"
    elsewhere.run("server.snapshots.opened()")
    eventually(tab.page, lambda: tab.run("server.snapshots.stats(it)", made["id"])["visitors"] == 2)
    [opened] = elsewhere.run("server.snapshots.opened({ filter_title: 'june' })")["items"]
    assert opened["snapshotId"] == made["id"]
    elsewhere.run("server.snapshots.forget(it)", made["id"])
    assert elsewhere.run("server.snapshots.opened()")["items"] == []


def test_a_closed_session_is_read_only_and_can_be_saved_as_another(person: Person) -> None:
    id = person.server.create("one")
    tab = person.on(id)
    person.server.act("POST", f"/sessions/{id}/close")
    tab.type("A")
    tab.until_status("read_only")
    assert person.server.content(id) == "one"
    tab.run("doc.saveAs('Another')")
    tab.until_saved()
    assert person.server.content(tab.id) == "oneA"


def test_an_id_that_nobody_has_is_a_problem_with_words(person: Person) -> None:
    tab = person.tab(waits=True)
    refused = "start({ id: 'nobodys-id-0' }).catch(({ name, status, message }) => ({ name, status, message }))"
    found = tab.run(refused)
    assert found["status"] == 404 and found["message"]


def test_subscribers_hear_each_change_once_and_at_once(person: Person) -> None:
    tab = person.on(person.server.create("one"))
    tab.run("globalThis.heard = []")
    tab.run("globalThis.stop = doc.subscribe((state) => heard.push(state.status))")
    assert tab.run("heard") == ["clean"]
    assert tab.run("doc.getSnapshot() === doc.getSnapshot() && doc.getSnapshot() === doc.state")
    tab.type("A")
    tab.until_saved()
    heard = tab.run("heard")
    assert heard[0] == heard[-1] == "clean" and "saving" in heard
    tab.run("stop()")
    tab.type("B")
    eventually(tab.page, lambda: person.server.content(tab.id) == "oneAB")
    assert tab.run("heard") == heard
