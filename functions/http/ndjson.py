"""Pages of newline-delimited JSON."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from functions.http.call import to_json
from persistence.call_time import CallTime
from persistence.errors import StoreUnavailable

PAGE_BYTES = 7_990_000
"""A page stops before it has more bytes, unless its first lines are larger. An import takes a page."""
PAGE_LINES = 1_000
"""A page stops after this many lines too, because some need a read, and the response must be in time."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and the cursor that continues after it. None if a page must not end there."""

    value: object
    cursor: str | None


def as_file(name: str) -> dict[str, str]:
    """Returns the header with which a browser saves the response under this name."""
    return {"Content-Disposition": f'attachment; filename="{name}.ndjson"'}


async def page_of_lines(lines: AsyncIterator[Line], call_time: CallTime) -> bytes:
    """Returns a page, which ends early if the time is over.

    Its last line is `{"kind": "end"}` with the token of the next page, or null. Raises StoreUnavailable if the
    time ends before there is anything.
    """
    page, size = list[bytes](), 0
    kept, token = 0, None
    try:
        async with call_time.limit():
            async for line in lines:
                page.append(_one_line(line.value))
                size += len(page[-1]) + 1
                if size > PAGE_BYTES and kept:
                    del page[kept:]
                    break
                if line.cursor is not None:
                    kept, token = len(page), line.cursor
                    if kept >= PAGE_LINES or size > PAGE_BYTES or call_time.is_over:
                        break
            else:
                token = None
    except TimeoutError:
        if not kept:
            raise StoreUnavailable from None
        del page[kept:]
    page.append(_one_line({"kind": "end", "pageToken": token}))
    return b"\n".join(page) + b"\n"


def _one_line(value: object) -> bytes:
    """Returns JSON that no reader cuts. Many readers of lines take these three characters for line breaks."""
    line = to_json(value)
    for character in ("\x85", "\u2028", "\u2029"):
        line = line.replace(character.encode(), b"\\u%04x" % ord(character))
    return line
