"""Streamlit: what a person enters is saved, and back after the tab or the server was gone."""

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from savepoint_client.errors import SavepointError
from savepoint_client.server import HeadersOrFunction, Server, connect
from savepoint_client.widgets import Choice, Core, Process, Who, device_of

BUSY_SECONDS, QUIET_SECONDS = 2.0, 30.0
DECISION_SECONDS = 10.0
_NOT_SAVED = {
    "trigger_value": "it is a button",
    "chat_input_value": "it is a button",
    "file_uploader_state_value": "this file is not kept",
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@st.cache_resource(show_spinner=False)
def _process(journal_dir: str | None) -> Process:
    return Process(journal_dir)


def autosave(
    base_url: str,
    *,
    keys: Sequence[str],
    app: str,
    debounce: float = 10.0,
    title: str = "Untitled",
    identity: Callable[[], str] | None = None,
    token: str | None = None,
    headers: HeadersOrFunction | None = None,
    journal_dir: str | os.PathLike[str] | None = None,
) -> "Autosave":
    """Restores the values of these keys, and saves what has changed. Call it before the widgets.

    Used in `with`, it also sees what the script does to the values. `identity` returns who the person is, because
    all visitors share the process. It is required if `headers` is a function, and unless the server is on this
    machine.
    """
    if identity is None and (callable(headers) or urlsplit(base_url).hostname not in _LOOPBACK):
        raise ValueError("All visitors share this process: give an identity, a function that returns who it is.")
    name = identity() if identity else ""
    who = (base_url, app, name)
    process = _process(os.fspath(journal_dir) if journal_dir else None)
    slot = f"_savepoint_{app}"
    found: tuple[Who, Core] | None = st.session_state.get(slot)

    def server() -> Server:
        device = device_of(st.context.headers.get("User-Agent") or "")
        return connect(
            base_url,
            app=app,
            token=token,
            headers=headers,
            device_info=device,
            identity=name,
            saver=process.saver,
        )

    core = process.visit(who, found, server, title, debounce, lambda found: _pick(slot, found))
    is_new = found is None or found[1] is not core
    if is_new:
        if found:  # another person has signed in: nothing of the first one stays on the page
            for key in keys:
                st.session_state.pop(key, None)
        st.session_state[slot] = (who, core)
    _connected(process, who, core, core.document.id)
    page = Autosave(core, keys, slot)
    page.restore(is_new)
    return page


class Autosave:
    """The page of one person. Its methods are called in the script."""

    def __init__(self, core: Core, keys: Sequence[str], slot: str) -> None:
        self.core = core
        self.keys = tuple(keys)
        self._slot = slot

    @property
    def notes(self) -> list[str]:
        """What is not saved or could not be restored, by key."""
        return self.core.notes()

    def restore(self, is_new: bool) -> None:
        """Saves what the person has changed, then shows what others saved, and what is not drawn at the moment."""
        if not is_new:
            self._collect(by_person=True)
        shown = () if is_new else [str(key) for key in st.session_state]
        for key, value in self.core.apply(self.keys, shown).items():
            try:
                st.session_state[key] = value
            except StreamlitAPIException as error:
                self.core.unrestored(key, f"call autosave before its widget ({error})")

    def _collect(self, *, by_person: bool) -> None:
        self.core.collect(self._values(), by_person=by_person)

    def _values(self) -> dict[str, Any]:
        """The values of the page that can be saved. What cannot is named in the notes."""
        found = {}
        for key in self.keys:
            if key not in st.session_state:
                continue
            value = st.session_state[key]
            if isinstance(value, dict) and set(value) == {"edited_rows", "added_rows", "deleted_rows"}:
                self.core.refuse(key, "these are changes by position: use table()")
            elif why := _NOT_SAVED.get(_kind(key)):
                self.core.refuse(key, why if value else "")
            else:
                found[key] = value
        return found

    def table(self, key: str, source: Any, draw: Callable[[Any, str], Any] | None = None) -> Any:
        """Draws an editor and saves the resulting table, which replaces `source` when the page is opened again.

        `draw` gets the table and a key, and returns `st.data_editor(table, key=key)`. `key` is none of `keys`.
        """
        slot = f"{self._slot}_{key}"
        count, base, core = st.session_state.get(slot, (0, None, None))
        is_known = core is self.core  # else it is the table of another person, or of a discarded document
        news = self.core.apply([key], [key] if is_known else [])
        is_new = not is_known or bool(news)
        if is_new:  # the changes of an editor are by position, so another table needs another editor
            count, base = count + 1, news.get(key, source)
            st.session_state[slot] = (count, base, self.core)
        result = (draw or _editor)(base, f"{slot}_{count}")
        self.core.collect({key: result}, by_person=not is_new)
        return result

    def light(self) -> None:
        """Draws what is saved. It looks every 2 s while something is not saved, else every 30 s."""
        busy = self.core.light().busy
        st.fragment(self._draw, run_every=BUSY_SECONDS if busy else QUIET_SECONDS)(busy)

    def _draw(self, busy: bool) -> None:
        context = get_script_run_ctx()
        is_tick = bool(context and context.fragment_ids_this_run)
        self._collect(by_person=False)
        light = self.core.light()
        st.markdown(f":{light.color}[●] {light.words}")
        if self.core.document.state.conflict:
            for column, (label, how) in zip(st.columns(3), _DECISIONS, strict=True):
                column.button(label, key=f"{self._slot}_{how}", on_click=self._resolve, args=(how,))
        if is_tick and (self.core.has_news or light.busy != busy):
            st.rerun()

    def _resolve(self, how: Literal["mine", "theirs", "copy"]) -> None:
        try:
            self.core.document.resolve(how, timeout=DECISION_SECONDS)
        except (SavepointError, ValueError):
            pass  # the light says it, or it was decided meanwhile

    def lock(self, title: str | None = None, timeout: float = DECISION_SECONDS) -> None:
        """Saves because the person asked for it: the draft becomes a session. Raises a SavepointError."""
        self.core.touch()
        self._collect(by_person=False)
        self.core.document.save(title, timeout=timeout)

    def discard(self, key: str | None = None) -> None:
        """Removes a key from the document. Without one, moves the document to the trash: a new one begins."""
        if key is None:
            self.core.document.discard(timeout=DECISION_SECONDS)
            del st.session_state[self._slot]
        for each in self.keys if key is None else [key]:
            st.session_state.pop(each, None)
        if key is not None:
            if table := st.session_state.get(f"{self._slot}_{key}"):
                st.session_state[f"{self._slot}_{key}"] = (table[0], None, None)
            self.core.discard(key)

    def __enter__(self) -> "Autosave":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Looks what the script has made of the values. Every exception passes through."""
        if kind is None:
            self._collect(by_person=False)


_DECISIONS: tuple[tuple[str, Literal["mine", "theirs", "copy"]], ...] = (
    ("Keep mine", "mine"),
    ("Keep both", "copy"),
    ("Use theirs", "theirs"),
)


def _editor(table: Any, key: str) -> Any:
    return st.data_editor(table, key=key)


def _leave(connection: tuple[Process, Who, Core]) -> None:
    process, who, core = connection
    process.leave(who, core)


@st.cache_resource(scope="session", show_spinner=False, on_release=_leave)
def _connected(_process: Process, _who: Any, _core: Core, id: str) -> tuple[Process, Any, Core]:
    """Saves soon when the page is gone. It may come back, so nothing is closed."""
    return _process, _who, _core


def _pick(slot: str, found: Sequence[Choice]) -> str | None:
    """Asks which draft to go on with. The script ends here until the person has decided."""
    with st.form(f"{slot}_pick"):
        index = st.radio(
            "Which one do you want to go on with?",
            range(len(found) + 1),
            format_func=lambda n: found[n].words if n < len(found) else "A new one",
            key=f"{slot}_picked",
        )
        if not st.form_submit_button("Go on"):
            st.stop()
    return found[index].id if index < len(found) else None


def _kind(key: str) -> str:
    """How Streamlit sends a widget, such as a button. Empty if it does not say so."""
    try:
        context = get_script_run_ctx()
        state = context.session_state._state  # type: ignore[union-attr]
        return str(state._new_widget_state.widget_metadata[state._get_widget_id(key)].value_type)
    except (AttributeError, KeyError):
        return ""
