"""Serves the workbench, the page that `clients/workbench` builds. Open to everyone: it has no data of its own."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from functions.files import BuiltFiles, respond
from functions.http.bodies import HTML
from functions.http.call import Call, Response
from functions.http.endpoint import PathParameter, Route, Routes
from functions.http.errors import UnknownPath
from functions.http.views import Nothing

FOLDER = Path(__file__).resolve().parent / "workbench_files"

NAME = r"^[a-z]+(-[a-z]+)*(-[A-Z0-9]{8})?(\.(js|css|svg))?$"
PAGE = PathParameter("page", "A page, such as `race-prep`, or a file.", {"type": "string", "pattern": NAME})
routes = Routes(
    "workbench",
    "A page for all that a person can do. Open to everyone. See docs/workbench.md.",
    PAGE,
    prefix="",
)


@dataclass(frozen=True, slots=True)
class Workbench:
    """The pages. `issuer` is where they sign people in, if they do."""

    files: BuiltFiles
    issuer: str | None = None

    def security(self) -> dict[str, str]:
        """Everything comes from this server, except tokens. No other page can look into it.

        Style attributes are allowed: browsers write them while a person types over highlighted text.
        """
        tokens = f"; connect-src 'self' {_origin(self.issuer)}" if self.issuer else ""
        return {
            "Content-Security-Policy": "default-src 'self'; style-src-attr 'unsafe-inline'; base-uri 'none'; "
            f"form-action 'self'; frame-ancestors 'none'{tokens}",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
        }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@routes.serve(Route("GET", "workbench", reads=("If-None-Match",), produces=HTML, public=True))
async def get_workbench(call: Call[Nothing, Nothing], pages: Workbench) -> Response[bytes]:
    """Returns the workbench."""
    return _file(call, pages, "workbench.html")


@routes.serve(Route("GET", "workbench/{page}", reads=("If-None-Match",), produces=HTML, public=True))
async def get_workbench_file(call: Call[Nothing, Nothing], pages: Workbench) -> Response[bytes]:
    """Returns another page, such as `race-prep`, or a file that a page loads.

    A file with a hash in its name never changes. The others are revalidated by their ETag.
    """
    name = call.path["page"]
    return _file(call, pages, name if "." in name else f"{name}.html")


def _file(call: Call[Nothing, Nothing], pages: Workbench, name: str) -> Response[bytes]:
    file = pages.files.find(name)
    if file is None:
        raise UnknownPath("The workbench has no file of this name.")
    return respond(call, file, pages.security())
