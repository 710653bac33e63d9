"""A request runs in the trace of its caller, and its log lines and its reference have the id of that."""

import re

import pytest
from opentelemetry import context, trace

from functions.http.traces import trace_id, traced
from persistence import stores_over
from persistence.storage.engine import Engine, Stored
from tests.conftest import SETTINGS
from tests.support.engines import Around
from tests.support.http import SESSIONS, Client, assert_problem

pytestmark = pytest.mark.one_engine

ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Broken(Around):
    async def read(self, *_: object) -> Stored:
        raise RuntimeError("a bug")


async def test_the_reference_of_an_unexpected_error_is_the_id_of_the_callers_trace(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(stores_over(Broken(engine), SETTINGS.store_rules()), SETTINGS)
    path = f"{SESSIONS}/session-0001"
    response = await client.get(path, {"traceparent": f"00-{ID}-{SPAN}-01"})
    assert assert_problem(response, 500, "internal")["reference"] == ID
    assert [one for one in caplog.messages if f"reference {ID}" in one]
    own = assert_problem(await client.get(path), 500, "internal")["reference"]
    assert re.fullmatch(r"[0-9a-f]{32}", own) and own != ID


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "00",
        f"ff-{ID}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID.upper()}-{SPAN}-01",
    ],
)
def test_a_malformed_traceparent_is_as_none(sent: str) -> None:
    with traced({"traceparent": sent}):
        assert trace_id() not in (None, ID)
    assert trace_id() is None


def test_a_caller_cannot_have_a_trace_recorded() -> None:
    with traced({"traceparent": f"00-{ID}-{SPAN}-01"}):
        current = trace.get_current_span().get_span_context()
        assert trace_id() == ID and current.is_remote and not current.trace_flags.sampled


def test_the_trace_that_the_host_has_begun_wins() -> None:
    begun = trace.SpanContext(7, 7, is_remote=True)
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(begun)))
    with traced({"traceparent": f"00-{ID}-{SPAN}-01"}):
        assert trace_id() == f"{7:032x}"
    context.detach(token)
