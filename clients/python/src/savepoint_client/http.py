"""Requests to the server. `send` sends once; `repeat` and `ask` repeat what does no harm."""

import gzip
import json
import logging
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from savepoint_client.deadline import limit, within
from savepoint_client.errors import Offline, error_of

Headers = Mapping[str, str]

SECONDS = 60.0
"""For one request, unless the caller has less."""
GZIP_FROM_BYTES = 1024
TRIES = 4

_asking: ContextVar[bool] = ContextVar("savepoint_client_asking", default=False)


def _is_of_others(record: logging.LogRecord) -> bool:
    """httpx2 logs each URL, and httpcore2 each Location. Ours may be a share link."""
    return not _asking.get()


for _name in ("httpx2", "httpcore2.connection", "httpcore2.http11", "httpcore2.http2", "httpcore2.proxy"):
    logging.getLogger(_name).addFilter(_is_of_others)


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: Headers
    body: bytes | None = None

    def packed(self) -> "Call":
        """Returns the same request with a gzipped body, if that is worth it: always the same bytes."""
        if self.body is None or len(self.body) < GZIP_FROM_BYTES or "Content-Encoding" in self.headers:
            return self
        headers = {**self.headers, "Content-Encoding": "gzip"}
        return Call(self.method, self.path, headers, gzip.compress(self.body, 6, mtime=0))


@dataclass(frozen=True)
class Reply:
    """`status` is 0 if nobody knows whether the server did it: no response, or not one of ours."""

    status: int
    body: Any = None

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


def json_call(method: str, path: str, headers: Headers, body: object = None) -> Call:
    if body is None:
        return Call(method, path, headers)
    return Call(method, path, {**headers, "Content-Type": "application/json"}, json.dumps(body).encode())


def new_client() -> httpx2.Client:
    """A client without cookies: people may share it."""
    client = httpx2.Client(
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx2.Limits(max_connections=None, keepalive_expiry=4),
        headers={"User-Agent": "savepoint-client"},
    )
    limit(client)
    return client


class Http:
    """One server. The client that is given may be shared."""

    def __init__(self, base_url: str, client: httpx2.Client) -> None:
        self.base_url = base_url.rstrip("/")
        self.client = client

    def send(self, call: Call, headers: Headers, seconds: float = SECONDS) -> Reply:
        """Sends once. Raises nothing if the network fails. A response that drips is over in time, too."""
        call = call.packed()
        try:
            with (
                _quietly(),
                within(seconds),
                self.client.stream(
                    call.method,
                    self.base_url + call.path,
                    headers={**headers, **call.headers},
                    content=call.body,
                    timeout=_timeout(seconds),
                ) as response,
            ):
                return _read(response, response.read())
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
            return Reply(0)

    def repeat(self, call: Call, headers: Headers, seconds: float = SECONDS, tries: int = TRIES) -> Reply:
        """Sends, and repeats what may not have arrived or may be done later, if that does no harm.

        That is true of reads, and of writes that have an Idempotency-Key. The first repetition comes at once: the
        server may have dropped a connection that was idle.
        """
        end = time.monotonic() + seconds
        can_repeat = call.method == "GET" or "Idempotency-Key" in call.headers
        reply = self.send(call, headers, seconds)
        for count in range(1, tries if can_repeat else 1):
            error = error_of(reply.status, reply.body)
            if reply.is_ok or not isinstance(error, Offline):
                break
            wait = (error.problem or {}).get("retryAfter") or random.uniform(
                0, 0.1 if count == 1 else 0.5 * 2**count
            )
            if time.monotonic() + wait > end:
                break
            time.sleep(wait)
            reply = self.send(call, headers, max(0.1, end - time.monotonic()))
        return reply

    def ask(self, call: Call, headers: Headers, seconds: float = SECONDS) -> Any:
        """Returns the body of the response, see `repeat`. Raises a SavepointError."""
        reply = self.repeat(call, headers, seconds)
        if reply.is_ok:
            return reply.body
        raise error_of(reply.status, reply.body)

    @contextmanager
    def stream(self, path: str, headers: Headers) -> Iterator[httpx2.Response]:
        """Yields a response whose body is read piece by piece."""
        request = self.client.build_request("GET", self.base_url + path, headers=headers, timeout=SECONDS)
        try:
            with _quietly():
                with within(SECONDS):
                    response = self.client.send(request, stream=True)
                with closing(response):
                    if not response.is_success:
                        with within(SECONDS):
                            reply = _read(response, response.read())
                        raise error_of(reply.status, reply.body)
                    yield response
        except httpx2.HTTPError as error:
            raise Offline(f"No response: {error}") from error


@contextmanager
def _quietly() -> Iterator[None]:
    token = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(token)


def _timeout(seconds: float) -> httpx2.Timeout:
    """To connect, to write and to wait for the response take a third each, so that all is over in time."""
    if seconds >= SECONDS:
        return httpx2.Timeout(SECONDS, connect=10.0)
    third = max(0.05, seconds / 3)
    return httpx2.Timeout(third, connect=third, pool=third)


def _read(response: httpx2.Response, body: bytes) -> Reply:
    """The page of a portal or of a proxy is not a response of the server, whatever its status."""
    status = response.status_code
    if status in (204, 304):
        return Reply(status)
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type in ("application/json", "application/problem+json"):
        return Reply(status, json.loads(body))
    if media_type == "application/x-ndjson":
        return Reply(status, body.decode())
    # Platforms that check who is signed in have pages of their own for it.
    return Reply(401 if status == 401 else 0)
