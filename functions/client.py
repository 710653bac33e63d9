"""Serves the browser module, which `clients/browser` builds. Open to everyone: the files are the same for all."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from functions.http.bodies import JAVASCRIPT
from functions.http.call import NOT_MODIFIED, Call, Response
from functions.http.content import etag_known
from functions.http.endpoint import PathParameter, Route, Routes
from functions.http.errors import UnknownPath
from functions.http.headers import GZIP, etag_of_coding
from functions.http.views import Nothing

FOLDER = Path(__file__).resolve().parent / "browser_files"

NAME = r"^[a-z]+(-[A-Z0-9]{8})?\.js$"
FILE = PathParameter("file", "The name of a file, such as `savepoint.js`.", {"type": "string", "pattern": NAME})
routes = Routes(
    "browser module",
    "The module for pages, and the parts that it loads. Open to everyone. See docs/browser.md.",
    FILE,
    prefix="",
)

REVALIDATED = "public, no-cache"
FOR_EVER = "public, max-age=31536000, immutable"
_HAS_HASH = re.compile(r"-[A-Z0-9]{8}\.js")


@dataclass(frozen=True, slots=True)
class BrowserFile:
    """A file, its gzipped twin, and the ETag of the file itself."""

    plain: bytes
    gzipped: bytes
    etag: str
    cache_control: str


class BrowserFiles:
    """The files in a folder. They are read by the first request, and kept: a few kilobytes."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    @cached_property
    def _by_name(self) -> dict[str, BrowserFile]:
        return {path.name: _read(path) for path in sorted(self._folder.glob("*.js"))}

    def find(self, name: str) -> BrowserFile | None:
        """Returns the file of this name, or None. The name is never part of a path."""
        return self._by_name.get(name)


@routes.serve(Route("GET", "client/{file}", reads=("If-None-Match",), produces=JAVASCRIPT, public=True))
async def get_client_file(call: Call[Nothing, Nothing], files: BrowserFiles) -> Response[bytes]:
    """Returns a file of the browser module: `savepoint.js`, `react.js`, or a part that they load.

    A file with a hash in its name never changes. The others are revalidated by their ETag.
    """
    file = files.find(call.path["file"])
    if file is None:
        raise UnknownPath("The browser module has no file of this name.")
    type_ = f"{JAVASCRIPT}; charset=utf-8"
    headers = {
        "Cache-Control": file.cache_control,
        "Vary": "Accept-Encoding",
        # Pages that isolate themselves from other origins may load it, too.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if file.etag in call.if_none_match:
        return Response(None, etag_known(call, file.etag), NOT_MODIFIED, headers, type_)
    if not call.accepts_gzip:
        return Response(file.plain, file.etag, headers=headers, media_type=type_)
    headers["Content-Encoding"] = GZIP
    return Response(file.gzipped, etag_of_coding(file.etag, GZIP), headers=headers, media_type=type_)


def _read(path: Path) -> BrowserFile:
    plain = path.read_bytes()
    return BrowserFile(
        plain,
        path.with_name(f"{path.name}.gz").read_bytes(),
        f'"{hashlib.sha256(plain).hexdigest()[:16]}"',
        FOR_EVER if _HAS_HASH.search(path.name) else REVALIDATED,
    )
