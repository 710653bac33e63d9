"""Which document a page goes on with: what is not saved yet, the active session, or a draft that is picked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from savepoint_client.document import Document
from savepoint_client.errors import SavepointError
from savepoint_client.server import Server
from savepoint_client.widgets.core import MEDIA_TYPE, Core
from savepoint_client.wire import DraftMetadata

FLUSH_SECONDS = 3.0


@dataclass(frozen=True)
class Choice:
    """A document to go on with. `words` are for people."""

    id: str
    words: str


def choices(server: Server) -> list[Choice]:
    """Returns what a person of this app may go on with: one if it is clear, several drafts, or nothing."""
    server.flush(FLUSH_SECONDS)  # of another page, which would be missing
    try:
        left = [each for each in server.recoverable() if not each.aside]
    except OSError:
        left = []  # without a journal, there is only what the server has
    if left:
        newest = max(left, key=lambda each: each.at)
        return [Choice(newest.id, newest.title)]
    found = server.drafts.restorable(server.app)
    if found.active:
        return [Choice(found.active.id, found.active.title)]
    return [Choice(each.id, words(each)) for each in found.drafts]


def words(draft: DraftMetadata, now: datetime | None = None) -> str:
    device = f" on {draft.device_info}" if draft.device_info else ""
    return f"{draft.title}, saved {ago((now or datetime.now(UTC)) - draft.updated_at)}{device}"


def ago(since: object) -> str:
    minutes = int(since.total_seconds() // 60)  # type: ignore[attr-defined]
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def device_of(agent: str) -> str | None:
    """Returns a label such as `Firefox on Linux`, from the header User-Agent."""
    browser, system = (
        next((name for name in names.split() if name in agent), None)
        for names in ("Edg OPR Firefox Chrome Safari", "Windows Android iPhone iPad Mac CrOS Linux")
    )
    return f"{browser} on {system}" if browser and system else browser


def begin(server: Server, title: str, debounce: float, pick: Callable[[Sequence[Choice]], str | None]) -> Core:
    """Opens what the page goes on with. `pick` returns the id of one of several, or None for a new document."""
    try:
        found = choices(server)
    except SavepointError:
        found = []  # the light says what is wrong
    id = found[0].id if len(found) == 1 else pick(found) if found else None
    core = Core()
    core.document = _open(server, core, id, title, debounce)
    return core


def go_on(server: Server, core: Core, title: str, debounce: float) -> None:
    """Opens the document of a page again that another page has taken over. What both changed, both have."""
    core.document = _open(server, core, core.document.id, title, debounce)
    core.has_left = False


def _open(server: Server, core: Core, id: str | None, title: str, debounce: float) -> Document:
    def opened(id: str | None) -> Document:
        return server.open(
            id, title=title, apply=core.take, media_type=MEDIA_TYPE, wait=debounce, max_wait=max(30.0, debounce)
        )

    try:
        return opened(id)
    except (SavepointError, ValueError, KeyError):
        if id is None:
            raise
        return opened(None)  # it was deleted meanwhile, or is no page of values: that stays as it is
