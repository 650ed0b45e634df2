"""Logs, traces and metrics: structured, joined by their trace ids, and free of people's data."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import msgspec
import structlog
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tenancy.lines import Lines
from tenancy.metrics import VIEWS
from tenancy.settings import Settings

FRAMES_MAX = 20
_CONTEXT = TraceContextTextMapPropagator()
Entry = MutableMapping[str, Any]


def configure(settings: Settings, *, service: str) -> None:
    """Set up logging, tracing and metrics of this process; once, at its start.

    Args:
        settings: format and level of the log, and the collector.
        service: which process this is, such as "api" or "worker".
    """
    resource = Resource.create({"service.name": f"meritledger-{service}"})
    # Without a collector there are ids for the log and no more: recording takes 30 us a request.
    sampler = ALWAYS_OFF if settings.otlp_endpoint is None else None
    tracer_provider = TracerProvider(resource=resource, sampler=sampler)
    readers: list[MetricReader] = [PrometheusMetricReader()]
    if settings.otlp_endpoint is not None:
        readers.append(_export(tracer_provider, settings.otlp_endpoint))
    _configure_logs(settings)
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(
        MeterProvider(metric_readers=readers, resource=resource, views=VIEWS)
    )


def acting(*, tenant: UUID, actor: UUID | None = None) -> AbstractContextManager[Any]:
    """Within this context every log line says for which tenant and on whose behalf."""
    named = {"tenant": str(tenant)} | ({} if actor is None else {"actor": str(actor)})
    return structlog.contextvars.bound_contextvars(**named)


def traceparent() -> str | None:
    """Names the current span to whoever goes on with its work; None where nobody records it."""
    span = trace.get_current_span()
    if not span.is_recording() or not span.get_span_context().trace_flags.sampled:
        return None
    carrier: dict[str, str] = {}
    _CONTEXT.inject(carrier)
    return carrier.get("traceparent")


def within(named: str) -> Context:
    """The trace that `traceparent` has named, to go on with it."""
    return _CONTEXT.extract({"traceparent": named})


def records_traces() -> bool:
    """Whether this process hands its spans to a collector."""
    sampler = getattr(trace.get_tracer_provider(), "sampler", None)
    return sampler is not None and sampler is not ALWAYS_OFF


def _configure_logs(settings: Settings) -> None:
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
        tell_exception,
    ]
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    lines = Lines(sys.stderr)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    # What libraries say through the standard library takes the same shape.
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


def add_trace(_logger: object, _method: str, entry: Entry) -> Entry:
    """The ids under which the collector knows what this line is part of."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        entry.setdefault("trace_id", format(context.trace_id, "032x"))
        entry.setdefault("span_id", format(context.span_id, "016x"))
    return entry


def tell_exception(_logger: object, _method: str, entry: Entry) -> Entry:
    """An exception's kind and its way, without its words: those may quote what people entered."""
    given = entry.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else None
    if given and error is None:
        error = given[1] if isinstance(given, tuple) else sys.exc_info()[1]
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
        entry["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        if sqlstate := getattr(error, "sqlstate", None):
            entry["sqlstate"] = sqlstate
        entry["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return entry


def _json(entry: Any, **_: Any) -> str:
    return msgspec.json.encode(entry, enc_hook=str).decode()


def _export(tracer_provider: TracerProvider, endpoint: str) -> MetricReader:
    base = endpoint.rstrip("/")
    spans = OTLPSpanExporter(f"{base}/v1/traces")
    tracer_provider.add_span_processor(BatchSpanProcessor(spans))
    return PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics"))
