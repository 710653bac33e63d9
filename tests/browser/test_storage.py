"""What the browser's storage does to edits: it is full, slow, broken, old, refused or emptied."""

import json

import pytest

from tests.browser.conftest import Person
from tests.browser.line import never_arrives
from tests.browser.tab import Tab

FULL = "Storage.prototype.setItem = fail; IDBObjectStore.prototype.put = IDBObjectStore.prototype.add = fail;"
ERRORS = {
    "QuotaExceededError": "new DOMException('full', 'QuotaExceededError')",
    "an old Firefox": "Object.assign(new Error('full'), { name: 'NS_ERROR_DOM_QUOTA_REACHED', code: 1014 })",
    "code 22": "Object.assign(new Error('full'), { code: 22 })",
    "the new class": "new (globalThis.QuotaExceededError ?? DOMException)('full', { quota: 10, requested: 20 })",
    "something else": "new Error('disk on fire')",
}
ABORTS = """
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...all) {
        const request = put.apply(this, all);
        this.transaction.abort();
        return request;
    };
    Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') };
"""
ENTRIES = """
    new Promise((done, failed) => {
        const open = indexedDB.open("savepoint");
        open.onerror = () => failed(open.error);
        open.onsuccess = () => {
            const db = open.result;
            const found = {};
            const transaction = db.transaction([...db.objectStoreNames], "readwrite");
            for (const name of db.objectStoreNames) {
                const all = transaction.objectStore(name).getAll();
                all.onsuccess = () => { found[name] = all.result };
            }
            transaction.oncomplete = () => { db.close(); done(found) };
        };
    })
"""
SPOIL = """
    localStorage.clear(), // where the page left the same entry
    new Promise((done, failed) => {
        const open = indexedDB.open("savepoint");
        open.onsuccess = () => {
            const transaction = open.result.transaction("entries", "readwrite");
            const cursor = transaction.objectStore("entries").openCursor();
            cursor.onsuccess = () => {
                const at = cursor.result;
                if (!at) return;
                const entry = at.value;
                SPOILT;
                at.update(entry);
                at.continue();
            };
            transaction.oncomplete = () => { open.result.close(); done() };
            transaction.onabort = () => failed(transaction.error);
        };
    })
"""


def fails(error: str) -> str:
    return f"const fail = () => {{ throw {error} }}; {FULL}"


def stored(tab: Tab) -> str:
    """Returns everything that the journal has, as JSON."""
    return json.dumps(tab.run(ENTRIES))


def leave(tab: Tab) -> None:
    """Closes the tab as a crash does: none of its handlers run."""
    tab.page.context.new_cdp_session(tab.page)
    tab.page.close()


def assert_server_only(person: Person, tab: Tab) -> None:
    """The server keeps the edits, and the light says that nothing else does."""
    held = person.line.holds()
    tab.type("A")
    held.wait()
    tab.until("doc.state.safe === 'nowhere'")
    assert tab.state["dirty"]
    person.line.works()
    held.release()
    tab.until_saved()
    tab.type("B")
    tab.until_saved()
    assert person.server.content(tab.id) == tab.text
    assert tab.text.endswith("AB")


def test_f02_with_a_full_storage_saving_goes_on_and_the_light_says_so(person: Person) -> None:
    tab = person.on(person.server.create("one"), init=fails(ERRORS["QuotaExceededError"]))
    assert_server_only(person, tab)


@pytest.mark.parametrize("error", ERRORS)
def test_f03_every_error_of_the_storage_counts(person: Person, error: str) -> None:
    assert_server_only(person, person.on(person.server.create("one"), init=fails(ERRORS[error])))


def test_f03_a_transaction_that_is_aborted_counts_too(person: Person) -> None:
    assert_server_only(person, person.on(person.server.create("one"), init=ABORTS))


def test_f06_a_journal_that_always_fails_changes_nothing_on_the_screen(person: Person) -> None:
    tab = person.tab(init=fails(ERRORS["something else"]))
    tab.run("globalThis.same = true")
    person.line.breaks(never_arrives)
    tab.type("A long text")
    tab.until_status("offline")
    assert tab.state["safe"] == "nowhere"
    person.line.works()
    tab.page.evaluate("dispatchEvent(new Event('online'))")
    tab.until_saved()
    assert tab.run("globalThis.same") and tab.text == "A long text" == person.server.content(tab.id)


SLOW_OPEN = """
    const open = IDBFactory.prototype.open;
    IDBFactory.prototype.open = function (...all) {
        const shown = new EventTarget();
        setTimeout(() => {
            const real = open.apply(this, all);
            for (const name of ["success", "error", "blocked", "upgradeneeded"])
                real.addEventListener(name, (event) => {
                    shown.result = name === "error" ? undefined : real.result;
                    shown.transaction = real.transaction;
                    shown.error = name === "error" ? real.error : null;
                    shown[`on${name}`]?.(event);
                    shown.dispatchEvent(new Event(name));
                });
        }, SECONDS * 1000);
        return shown;
    };
"""


@pytest.mark.parametrize("seconds", [1, 5])
def test_f07_what_is_typed_before_the_journal_has_loaded_stays_and_so_does_the_journal(
    person: Person, seconds: int
) -> None:
    first = person.tab()
    person.line.breaks(never_arrives)
    first.type("from before")
    first.until_kept()
    person.closes(first)
    second = person.tab(wait=False, init=SLOW_OPEN.replace("SECONDS", str(seconds)))
    second.type("typed at once")
    second.wait_until_open()
    second.until_kept()
    assert second.text == "typed at once"
    third = person.tab()
    third.until("server.recoverable().then((all) => JSON.stringify(all).includes(doc.id) || all.length >= 1)")
    assert "from before" in stored(third) and "typed at once" in stored(third)


SPOILT = {
    "another format": "entry.format = 99",
    "no format": "delete entry.format",
    "content that is no text": "entry.content = { kept: entry.content }",
    "an attempt that is none": "entry.attempt = [entry.content]",
    "a base that is none": "entry.base = 7",
    "edits that are none": "entry.edits = 'many'",
}


@pytest.mark.parametrize("how", SPOILT)
def test_f08_an_entry_that_cannot_be_read_is_kept_aside(person: Person, how: str) -> None:
    id = person.server.create("one")
    person.leaves_behind(id, " precious")
    between = person.tab(waits=True)
    between.run(SPOIL.replace("SPOILT", SPOILT[how]))
    person.closes(between)
    tab = person.on(id)
    tab.type(" typed")
    tab.until("['clean', 'conflict'].includes(doc.state.status)")
    assert "precious" in stored(tab) + person.server.content(id)


def test_f08_a_text_that_the_app_cannot_show_is_not_overwritten(person: Person) -> None:
    id = person.server.create("one")
    person.leaves_behind(id, " precious")
    throws = "globalThis.options.open.apply = () => { throw new Error('cannot migrate') }"
    tab = person.on(id, init=throws.replace("globalThis.options", "options"), waits=True)
    tab.run("start().catch(() => undefined)")
    tab.page.wait_for_timeout(300)
    assert "precious" in stored(tab) or "precious" in person.server.content(id)
    assert person.server.content(id).startswith("one")


def test_f19_a_connection_that_the_browser_closed_is_opened_again(person: Person) -> None:
    tab = person.on(person.server.create("one"))
    person.line.breaks(never_arrives)
    tab.type("A")
    tab.until_kept()
    tab.cdp().send("Storage.clearDataForOrigin", {"origin": person.origin, "storageTypes": "indexeddb"})
    tab.type("B")
    tab.until("doc.state.safe === 'device'")
    tab.page.wait_for_timeout(200)
    assert "oneAB" in stored(tab)


DEAD = """
    globalThis.dead = 0;
    const transaction = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...all) {
        if (dead-- > 0) throw new DOMException('The database connection is closing.', 'InvalidStateError');
        return transaction.apply(this, all);
    };
"""


@pytest.mark.parametrize(("times", "safe"), [(1, "device"), (10**9, "device or nowhere")])
def test_f19_a_dead_handle_is_retried_and_if_it_stays_dead_the_light_says_so(
    person: Person, times: int, safe: str
) -> None:
    quota = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') };"
    tab = person.on(person.server.create("one"), init=DEAD + quota)
    person.line.breaks(never_arrives)
    tab.type("A")
    tab.until_kept()
    tab.run("globalThis.dead = it", times)
    tab.type("B")
    tab.page.wait_for_timeout(300)
    tab.until(f"doc.state.safe === '{'device' if times == 1 else 'nowhere'}'")


@pytest.mark.parametrize("ignores", [True, False], ids=["an old tab ignores it", "an old tab closes"])
def test_f21_a_new_version_of_the_journal_waits_for_no_old_tab(person: Person, ignores: bool) -> None:
    deaf = """
        Object.defineProperty(IDBDatabase.prototype, "onversionchange", { set() {} });
        const listen = IDBDatabase.prototype.addEventListener;
        IDBDatabase.prototype.addEventListener = function (name, ...all) {
            if (name !== "versionchange") listen.call(this, name, ...all);
        };
    """
    newer = """
        const open = IDBFactory.prototype.open;
        IDBFactory.prototype.open = function (name, version) {
            return open.call(this, name, version && version + 1);
        };
    """
    old = person.tab(init=deaf if ignores else "")
    old.type("old")
    old.until_saved()
    new = person.tab(init=newer)
    new.type("new")
    new.until_saved()
    old.type(" tab")
    old.until_saved()
    assert (person.server.content(old.id), person.server.content(new.id)) == ("old tab", "new")


PRIVATE = """
    delete IDBFactory.prototype.open;
    Object.defineProperty(globalThis, "indexedDB", { get() { return undefined } });
    for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(globalThis, name, { get() { throw new DOMException("denied", "SecurityError") } });
"""
THROWS = """
    for (const name of ["indexedDB", "localStorage", "sessionStorage"])
        Object.defineProperty(globalThis, name, { get() { throw new DOMException("denied", "SecurityError") } });
"""
HANGS = """
    IDBFactory.prototype.open = () => new EventTarget();
    Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") };
"""


@pytest.mark.parametrize("init", [PRIVATE, THROWS, HANGS], ids=["absent", "throws", "hangs"])
def test_f23_without_storage_the_server_alone_keeps_edits_and_the_light_says_so(person: Person, init: str) -> None:
    assert_server_only(person, person.on(person.server.create("one"), init=init))
