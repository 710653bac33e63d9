"""Files that were built before, such as the browser module. Open to everyone: they are the same for all."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from functions.http.bodies import HTML, JAVASCRIPT
from functions.http.call import NOT_MODIFIED, Call, Response
from functions.http.content import etag_known
from functions.http.headers import GZIP, etag_of_coding
from functions.http.views import Nothing

MEDIA_TYPES = {".js": JAVASCRIPT, ".css": "text/css", ".html": HTML, ".svg": "image/svg+xml"}
REVALIDATED = "public, no-cache"
FOR_EVER = "public, max-age=31536000, immutable"
_HAS_HASH = re.compile(r"-[A-Z0-9]{8}\.\w+")


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file, its gzipped twin, and the ETag of the file itself."""

    plain: bytes
    gzipped: bytes
    etag: str
    media_type: str
    cache_control: str


class BuiltFiles:
    """The files in a folder. They are read by the first request, and kept: some hundred kilobytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _by_name(self) -> dict[str, BuiltFile]:
        return {path.name: _read(path) for path in sorted(self._folder.glob("*.*")) if path.suffix in MEDIA_TYPES}

    def find(self, name: str) -> BuiltFile | None:
        """Returns the file of this name, or None. The name is never part of a path."""
        return self._by_name.get(name)


def respond(call: Call[Nothing, Nothing], file: BuiltFile, more: Mapping[str, str]) -> Response[bytes]:
    """Returns a file: gzipped for clients that accept that, and as *Not modified* for those that have it."""
    headers = {"Cache-Control": file.cache_control, "Vary": "Accept-Encoding", **more}
    type_ = f"{file.media_type}; charset=utf-8"
    if file.etag in call.if_none_match:
        return Response(None, etag_known(call, file.etag), NOT_MODIFIED, headers, type_)
    if not call.accepts_gzip:
        return Response(file.plain, file.etag, headers=headers, media_type=type_)
    headers["Content-Encoding"] = GZIP
    return Response(file.gzipped, etag_of_coding(file.etag, GZIP), headers=headers, media_type=type_)


def _read(path: Path) -> BuiltFile:
    plain = path.read_bytes()
    return BuiltFile(
        plain,
        path.with_name(f"{path.name}.gz").read_bytes(),
        f'"{hashlib.sha256(plain).hexdigest()[:16]}"',
        MEDIA_TYPES[path.suffix],
        FOR_EVER if _HAS_HASH.search(path.name) else REVALIDATED,
    )
