"""Reads local.settings.json: the app's settings, the address to listen on, and the allowed origins."""

import json
import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devhost import StartError

DEFAULT_PORT = 7071
SETTINGS_FILES = ("local.settings.json", "local.settings.sample.json")
TRUSTING = frozenset({"local", "easyauth", "swa"})
"""Values of AUTH_MODE that trust an identity header. Without a platform in front, any client can send it."""
ORIGIN = re.compile(r"https?://[^/\s,]+")


@dataclass(frozen=True, slots=True)
class Cors:
    """Origins whose pages may call. `*` as the only origin allows all, `loopback` also every loopback origin."""

    origins: tuple[str, ...]
    credentials: bool
    loopback: bool = False

    @property
    def is_for_all(self) -> bool:
        """Whether every page may call."""
        return self.origins == ("*",)


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How the app is served. `loopback_only` is the reason why other addresses are refused, or None."""

    host: str
    port: int
    cors: Cors | None
    loopback_only: str | None


def load(directory: Path, environ: MutableMapping[str, str]) -> HostSettings:
    """Adds the file's `Values` to `environ` and returns its `Host` section.

    Variables that are already set win. The sample is read if there is no local.settings.json. Call this before
    function_app is imported, because the app reads its settings then. Raises StartError if a value is not valid.
    """
    path = next((directory / name for name in SETTINGS_FILES if (directory / name).exists()), None)
    document = read_json_object(path) if path else {}
    name = path.name if path else SETTINGS_FILES[0]
    if document.get("IsEncrypted"):
        raise StartError(f"{name} is encrypted; only Core Tools can read it")
    for key, value in _section(document, "Values", name).items():
        if not isinstance(value, str):
            raise StartError(f'{name}: "Values"."{key}" must be a string')
        environ.setdefault(key, value)
    host = _section(document, "Host", name)
    cors = _cors(host, name)
    if cors and not cors.is_for_all and not environ.get("LOCAL_ORIGINS"):
        environ["LOCAL_ORIGINS"] = ",".join(cors.origins)
    auth_mode = environ.get("AUTH_MODE", "").strip().lower()
    if auth_mode == "local" and not (cors and cors.is_for_all):
        # The list by which the app identifies callers. Otherwise a page would pass the preflight and then get 403.
        named = tuple(each for each in _origins(environ.get("LOCAL_ORIGINS", "")) if each != "*")
        cors = Cors(named, credentials=bool(cors and cors.credentials), loopback=True)
    return HostSettings(
        host=environ.get("HOST") or "127.0.0.1",
        port=_port(environ.get("PORT"), host.get("LocalHttpPort"), name),
        cors=cors,
        loopback_only=f"AUTH_MODE={auth_mode} trusts every caller here" if auth_mode in TRUSTING else None,
    )


def read_json_object(path: Path) -> dict[str, Any]:
    """Returns the JSON object in the file. Raises StartError if the file cannot be read or is no JSON object."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise StartError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise StartError(f"{path.name} must contain a JSON object")
    return document


def _section(document: dict[str, Any], key: str, file: str) -> dict[str, Any]:
    section = document.get(key, {})
    if not isinstance(section, dict):
        raise StartError(f'{file}: "{key}" must be an object')
    return section


def _port(from_environment: str | None, from_file: object, file: str) -> int:
    if from_environment:
        source, value = "PORT", from_environment
    elif from_file is not None:
        source, value = f'{file}: "Host"."LocalHttpPort"', str(from_file)
    else:
        return DEFAULT_PORT
    if not (value.isascii() and value.isdigit() and int(value) <= 65535):
        raise StartError(f"{source} must be a port number, not {value!r}")
    return int(value)


def _cors(host: dict[str, Any], file: str) -> Cors | None:
    """Returns None if the file names no origin. Raises StartError for a value that browsers do not accept."""
    value = host.get("CORS") or ""
    if not isinstance(value, str):
        raise StartError(f'{file}: "Host"."CORS" must be a string of origins, separated by commas')
    origins = _origins(value)
    credentials = str(host.get("CORSCredentials", "")).lower() == "true"
    if "*" in origins:
        if len(origins) > 1 or credentials:
            raise StartError(f'{file}: "CORS": "*" cannot be combined with other origins or with CORSCredentials')
    for origin in origins:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            raise StartError(f'{file}: "CORS": {origin!r} is not an origin; write scheme://host[:port]')
    return Cors(origins, credentials) if origins else None


def _origins(text: str) -> tuple[str, ...]:
    return tuple(origin.strip() for origin in text.split(",") if origin.strip())
