"""Shows what only a deployment can show, against its address, and names what it skips.

make verify-cloud URL=https://...        TOKEN=... or COOKIE=... sign the calls in

It makes one session, and deletes it for good at the end.
"""

import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.deltas import delta_of
from functions.health import build_of
from functions.http.bodies import FOSSIL_DELTA

ME, SESSIONS, CONFIG = "/api/persistence/me", "/api/persistence/sessions", "/api/client/config"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
CONTENT = "naïve \u2028 text 😀 " * 40
JSON = {"Content-Type": "application/json"}
_FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"


class Skip(Exception):
    """A check cannot show anything here. The message is the reason."""


@dataclass(frozen=True)
class Reply:
    """A response, byte for byte. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """An address, and the headers that sign calls in. The checks share one session: its path and its ETag."""

    url: str
    signed_in: Mapping[str, str]
    session: str = ""
    etag: str = ""
    notes: list[str] = field(default_factory=list)

    def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """Sends one request as it is, signed in."""
        return self.anonymous(method, path, {**self.signed_in, **(headers or {})}, body)

    def anonymous(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.netloc, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    @property
    def is_local(self) -> bool:
        """Whether it checks nobody, because it serves one machine. Raises AssertionError if it serves others."""
        if self.anonymous("GET", CONFIG).json["authMode"] != "local":
            return False
        host = urlsplit(self.url).hostname
        assert host in LOOPBACK, f"AUTH_MODE=local at {host}: everybody can be anybody"
        return True


def forged() -> list[dict[str, str]]:
    """Returns headers that only the platform may set."""
    principals: list[dict[str, Any]] = [
        {"auth_typ": "aad", "claims": [{"typ": "oid", "val": "forged"}]},
        {"identityProvider": "aad", "userId": "forged", "userDetails": "", "userRoles": ["authenticated"]},
    ]
    encoded = [base64.b64encode(json.dumps(one).encode()).decode() for one in principals]
    return [
        *({"X-MS-CLIENT-PRINCIPAL": one} for one in encoded),
        {"X-MS-CLIENT-PRINCIPAL-ID": "forged", "X-MS-CLIENT-PRINCIPAL-IDP": "aad"},
    ]


def which_version_answers(site: Site) -> None:
    build = site.anonymous("GET", "/api/health/live").json["build"]
    if build is None:
        raise Skip("this is no deployment: it has no build id")
    site.notes.append(f"build {build}")
    ours = build_of(_FUNCTIONS)
    assert ours in (None, build), f"the package here is {ours}, the one that answers {build}"


def the_database_responds(site: Site) -> None:
    reply = site.anonymous("GET", "/api/health/ready")
    assert reply.status == 200, f"/api/health/ready: {reply.status} {reply.body[:200]!r}"


def the_role_is_limited_to_the_database(site: Site) -> None:
    group, az = os.environ.get("AZURE_RESOURCE_GROUP"), shutil.which("az")
    if not group or az is None:
        raise Skip("needs AZURE_RESOURCE_GROUP and the Azure CLI")
    accounts = [one["name"] for one in _az(az, "cosmosdb", "list", "-g", group)]
    assert accounts, f"{group} has no Cosmos DB account"
    for account in accounts:  # also a restored one, and the one before it
        for role in _az(az, "cosmosdb", "sql", "role", "assignment", "list", "-g", group, "-a", account):
            assert "/dbs/" in role["scope"], f"{role['principalId']} has a role on {role['scope']}"


def nobody_is_known_without_an_identity(site: Site) -> None:
    _skip_if_local(site)
    reply = site.anonymous("GET", ME)
    assert reply.status == 401, f"401 expected, not {reply.status}"
    assert reply.headers["content-type"].startswith("application/"), "the 401 is a page, not JSON"


def forged_headers_are_ignored(site: Site) -> None:
    _skip_if_local(site)
    for headers in forged():
        assert site.anonymous("GET", ME, headers).status in (401, 403), f"{list(headers)} was believed"


def forged_headers_are_ignored_beside_an_identity(site: Site) -> None:
    before = site.call("GET", ME).json
    for headers in forged():
        reply = site.call("GET", ME, headers)
        assert reply.status == 200 and reply.json == before, f"{list(headers)} changed the owner"


def forged_headers_are_ignored_on_excluded_paths(site: Site) -> None:
    _skip_if_local(site)
    for path in (
        "/api/client/../persistence/me",
        "/api/client/%2e%2e/persistence/me",
        "/api/health/live/../../persistence/me",
    ):
        for headers in forged():
            assert b"forged" not in site.anonymous("GET", path, headers).body, f"{path} believed {list(headers)}"


def a_gzipped_body_arrives_byte_for_byte(site: Site) -> None:
    new = {"title": "verify-cloud", "description": None, "content": CONTENT}
    body = gzip.compress(json.dumps(new).encode())
    sent = {**JSON, "Content-Encoding": "gzip", "Prefer": "return=representation"}
    reply = site.call("POST", SESSIONS, sent, body)
    assert reply.status == 201, f"{reply.status} {reply.body[:200]!r}"
    metadata = reply.json["metadata"]
    site.session, site.etag = f"{SESSIONS}/{metadata['id']}", metadata["etag"]
    assert metadata["contentHash"] == hashlib.sha256(CONTENT.encode()).hexdigest()


def content_comes_back_byte_for_byte_with_its_digest(site: Site) -> None:
    for coding in ("identity", "gzip"):
        reply = site.call("GET", f"{site.session}/content", {"Accept-Encoding": coding})
        assert reply.status == 200, reply.status
        digest = base64.b64encode(hashlib.sha256(reply.body).digest()).decode()
        assert reply.headers.get("repr-digest") == f"sha-256=:{digest}:", (
            f"Repr-Digest is of other bytes ({coding})"
        )
        is_gzip = reply.headers.get("content-encoding") == "gzip"
        assert (gzip.decompress(reply.body) if is_gzip else reply.body).decode() == CONTENT


def etags_and_conditions_get_through(site: Site) -> None:
    current = site.call("GET", site.session)
    assert current.headers.get("etag"), "the front drops the ETag"
    same = site.call("GET", site.session, {"If-None-Match": current.headers["etag"]})
    assert same.status == 304, f"If-None-Match: {same.status}"
    title = json.dumps({"title": "verify-cloud again"}).encode()
    stale = site.call("PUT", site.session, {**JSON, "If-Match": '"0-0000000000000000"'}, title)
    assert stale.status == 412, f"a stale If-Match: {stale.status}"
    saved = site.call("PUT", site.session, {**JSON, "If-Match": site.etag}, title)
    assert saved.status == 200, f"If-Match: {saved.status}"
    site.etag = saved.headers["etag"]


def head_gets_through(site: Site) -> None:
    reply = site.call("HEAD", site.session)
    assert (reply.status, reply.body) == (200, b""), f"HEAD: {reply.status}, {len(reply.body)} bytes"
    assert reply.headers.get("etag") == site.etag, "HEAD has no ETag"


def patch_gets_through(site: Site) -> None:
    base = CONTENT.encode()
    target = base + b"and more"
    delta = delta_of(target, (len(base), 0), b"and more")
    digest = base64.b64encode(hashlib.sha256(target).digest()).decode()
    headers = {"Content-Type": FOSSIL_DELTA[0], "If-Match": site.etag, "Patched-Digest": f"sha-256=:{digest}:"}
    reply = site.call("PATCH", f"{site.session}/content", headers, delta)
    assert reply.status == 200, f"PATCH: {reply.status} {reply.body[:200]!r}"
    assert reply.json["contentHash"] == hashlib.sha256(target).hexdigest()


def what_it_made_is_gone(site: Site) -> None:
    """The last check, also if others failed."""
    if not site.session:
        raise Skip("nothing was made")
    reply = site.call("DELETE", f"{site.session}?purge=true")
    assert reply.status == 204, f"{site.session} is left: {reply.status}"


CHECKS: tuple[Callable[[Site], None], ...] = (
    which_version_answers,
    the_database_responds,
    the_role_is_limited_to_the_database,
    nobody_is_known_without_an_identity,
    forged_headers_are_ignored,
    forged_headers_are_ignored_beside_an_identity,
    forged_headers_are_ignored_on_excluded_paths,
    a_gzipped_body_arrives_byte_for_byte,
    content_comes_back_byte_for_byte_with_its_digest,
    etags_and_conditions_get_through,
    head_gets_through,
    patch_gets_through,
)


def verify(site: Site) -> int:
    """Runs all checks, and prints a line for each. Returns the number of those that failed."""
    return sum(_fails(check, site) for check in (*CHECKS, what_it_made_is_gone))


def _fails(check: Callable[[Site], None], site: Site) -> bool:
    name = check.__name__.replace("_", " ")
    try:
        check(site)
        print(f"ok       {name}{''.join(f' ({note})' for note in site.notes)}")
    except Skip as reason:
        print(f"SKIPPED  {name}: {reason}")
    except (AssertionError, KeyError, TypeError, ValueError, OSError, HTTPException) as fault:
        print(f"FAILED   {name}: {fault!r}")
        return True
    finally:
        site.notes.clear()
    return False


def _skip_if_local(site: Site) -> None:
    if site.is_local:
        raise Skip("here, callers are not checked (AUTH_MODE=local)")


def _az(az: str, *arguments: str) -> Any:
    done = subprocess.run([az, *arguments, "--output", "json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.strip()
    return json.loads(done.stdout)


def main() -> int:
    url, token, cookie = (os.environ.get(name, "") for name in ("URL", "TOKEN", "COOKIE"))
    if not url:
        print("Name the deployment: make verify-cloud URL=https://...", file=sys.stderr)
        return 2
    signed_in = {"Authorization": f"Bearer {token}"} if token else {"Cookie": cookie} if cookie else {}
    return min(1, verify(Site(url.rstrip("/"), signed_in)))


if __name__ == "__main__":
    sys.exit(main())
