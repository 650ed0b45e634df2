"""One request is one trace: HTTP, command, append, and what the views make of it later.

A collector on loopback takes what a real `merit up` exports.
"""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class Collector:
    """Takes OTLP over HTTP; keeps the spans, ignores the metrics."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        """(service, span) in the order of arrival."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            said = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(said["service.name"], span) for span in scope.spans]

    def of(self, trace_id: str) -> dict[str, tuple[str, Any]]:
        """The spans of one trace, by their names."""
        return {
            span.name: (service, span)
            for service, span in list(self.spans)
            if span.trace_id.hex() == trace_id
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attributes(span: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }


def test_one_trace_joins_the_request_the_command_the_append_and_the_views(
    collector: Collector, start: Any, merit: Any, eventually: Callable[..., bool]
) -> None:
    running = start(MERIT_OTLP_ENDPOINT=collector.address, OTEL_BSP_SCHEDULE_DELAY="200")
    here = ("--data-dir", str(running.data_dir))
    made = merit.json("tenant", "create", "traced", *here)
    headers = {
        "Authorization": f"Bearer {made['administrator']['secret']}",
        "Idempotency-Key": str(uuid4()),
        "traceparent": f"00-{TRACE}-{PARENT}-01",
    }
    pool = {"code": "Q", "name": "季度", "starts_on": "2025-01-01", "ends_on": "2025-03-31"}
    with httpx.Client(base_url=running.address, headers=headers, timeout=30) as client:
        answer = client.post("/api/v1/cycles", json=pool)
        assert answer.is_success, answer.text
        position = answer.json()["position"]
        # The same caller asks without wanting it recorded: that is followed as well.
        unsampled = "11111111111111111111111111111111"
        client.headers["traceparent"] = f"00-{unsampled}-{PARENT}-00"
        client.headers["Idempotency-Key"] = str(uuid4())
        assert client.post("/api/v1/cycles", json=pool | {"code": "R"}).is_success

    names = {"POST /cycles", "command PlanCycle", "append", "project"}
    assert eventually(lambda: names <= collector.of(TRACE).keys()), collector.of(TRACE).keys()
    found = collector.of(TRACE)
    (api, request), (_, command) = found["POST /cycles"], found["command PlanCycle"]
    (appending, append), (worker, project) = found["append"], found["project"]
    assert (api, appending, worker) == ("meritledger-api", "meritledger-api", "meritledger-worker")
    assert request.parent_span_id.hex() == PARENT
    assert command.parent_span_id == request.span_id
    assert append.parent_span_id == command.span_id
    assert project.parent_span_id == request.span_id
    assert append.end_time_unix_nano <= project.end_time_unix_nano
    assert attributes(append)["merit.outcome"] == "written"
    assert attributes(append)["merit.position"] == position
    assert attributes(project)["merit.position"] == position
    views = [each.string_value for each in attributes(project)["merit.views"].values]
    assert "audit_trail_v1" in views
    assert collector.of(unsampled) == {}
