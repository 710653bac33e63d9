"""The trace of a request: its id is in the lines of the log and is the reference of an unexpected error."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_UNSAMPLED = trace.TraceFlags(trace.TraceFlags.DEFAULT)


@contextmanager
def traced(headers: Mapping[str, str]) -> Iterator[None]:
    """Runs the block in the trace that the host has begun, or in that of the caller's `traceparent` (W3C), or in a
    new one. A caller cannot ask for the trace to be recorded: whether it is sampled is not taken over."""
    if trace.get_current_span().get_span_context().is_valid:
        yield
        return
    span = trace.NonRecordingSpan(_of_the_caller(headers.get("traceparent", "")))
    token = context.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        context.detach(token)


def trace_id() -> str | None:
    """Returns the id of the current trace, 32 hexadecimal digits. None outside requests."""
    current = trace.get_current_span().get_span_context()
    return trace.format_trace_id(current.trace_id) if current.is_valid else None


def _of_the_caller(traceparent: str) -> trace.SpanContext:
    match = _TRACEPARENT.fullmatch(traceparent)
    ids = (int(match[1], 16), int(match[2], 16)) if match else (0, 0)
    if not all(ids):
        ids = secrets.randbits(128) or 1, secrets.randbits(64) or 1
    return trace.SpanContext(*ids, is_remote=True, trace_flags=_UNSAMPLED)
