"""What is counted and timed, and how the processes of one installation tell it together.

Instruments are OpenTelemetry's; a collector gets them by OTLP. For Prometheus each process writes
its figures to a file every few seconds, and any API process answers `/metrics` with all of them,
each series under the process that it comes from: a scrape reaches one worker only, by chance.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import structlog
from opentelemetry import metrics
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

WRITE_EVERY_S: Final = 5.0
SECONDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0
)  # fmt: skip
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SUFFIX: Final = ".prom"

VIEWS: Final = tuple(
    View(
        # Gauges are told in seconds as well, and have no buckets.
        instrument_type=Histogram,
        instrument_unit=unit,
        aggregation=ExplicitBucketHistogramAggregation(buckets),
    )
    for unit, buckets in (("s", SECONDS), ("{command}", SIZES))
)
"""The SDK's own buckets are made for milliseconds."""

_METER = metrics.get_meter("meritledger")
_log = structlog.get_logger(__name__)

REQUEST_SECONDS = _METER.create_histogram(
    "http.server.request.duration", unit="s", description="time from request to answer"
)
APPEND_SECONDS = _METER.create_histogram(
    "merit.append.duration", unit="s", description="time of one flush to the log"
)
FLUSH_COMMANDS = _METER.create_histogram(
    "merit.append.flush", unit="{command}", description="commands written by one flush"
)
APPENDED = _METER.create_counter(
    "merit.events.appended", unit="{event}", description="events written to the log"
)
REFUSED = _METER.create_counter(
    "merit.problems", unit="{problem}", description="requests answered by a problem, by its code"
)
SEALED = _METER.create_counter(
    "merit.checkpoints.signed", unit="{checkpoint}", description="checkpoints signed"
)
REWRITTEN = _METER.create_counter(
    "merit.history.rewritten", unit="{tenant}", description="histories found to be rewritten"
)
WEBHOOK_ATTEMPTS = _METER.create_counter(
    "merit.webhook.attempts", unit="{event}", description="attempts to deliver an event, by outcome"
)
WEBHOOKS_GIVEN_UP = _METER.create_counter(
    "merit.webhook.given_up", unit="{event}", description="events given up after days of attempts"
)

Reading = tuple[float, dict[str, str]]


class Gauges:
    """Figures that somebody measures now and then, and that are told until the next time."""

    def __init__(self) -> None:
        self._read: dict[str, list[Reading]] = {}

    def gauge(self, name: str, unit: str, description: str) -> Callable[[list[Reading]], None]:
        """A gauge, and how to set all of its series at once."""

        def tell(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            return [
                metrics.Observation(value, attributes)
                for value, attributes in self._read.get(name, [])
            ]

        _METER.create_observable_gauge(name, [tell], unit=unit, description=description)

        def set_to(readings: list[Reading]) -> None:
            self._read[name] = readings

        return set_to


GAUGES = Gauges()
set_view_lag_events = GAUGES.gauge(
    "merit.projection.lag.events", "{event}", "events that a view has not applied yet"
)
set_view_lag_seconds = GAUGES.gauge(
    "merit.projection.lag", "s", "age of the oldest event that a view has not applied yet"
)
set_views_stuck = GAUGES.gauge(
    "merit.projection.stuck", "{tenant}", "tenants whose view cannot apply its next event"
)
set_seal_lag_events = GAUGES.gauge(
    "merit.seal.lag.events", "{event}", "events that no signed checkpoint covers yet"
)
set_seal_lag_seconds = GAUGES.gauge(
    "merit.seal.lag", "s", "age of the oldest event that no signed checkpoint covers yet"
)
set_reactions_lag_seconds = GAUGES.gauge(
    "merit.process_manager.lag", "s", "age of the oldest event that a process manager has before it"
)
set_reactions_stuck = GAUGES.gauge(
    "merit.process_manager.stuck", "{tenant}", "tenants whose events it cannot answer"
)
set_reactions_passed_over = GAUGES.gauge(
    "merit.process_manager.passed_over", "{tenant}", "tenants of whom events were passed over"
)
set_webhooks_waiting = GAUGES.gauge(
    "merit.webhook.waiting", "{event}", "events that receivers have not taken yet"
)
set_webhooks_dead = GAUGES.gauge(
    "merit.webhook.dead", "{event}", "events given up that are in the delivery log"
)
set_webhook_oldest_seconds = GAUGES.gauge(
    "merit.webhook.undelivered", "s", "age of the oldest event that a receiver was not told of"
)
set_webhook_lag_seconds = GAUGES.gauge(
    "merit.webhook.lag", "s", "age of the oldest event nobody tried to deliver, the receiver well"
)
set_disk_free_ratio = GAUGES.gauge(
    "merit.disk.free.ratio", "1", "part of the disk below the data folder that is free"
)


class Figures:
    """This process's file among those of the installation, and all of them together.

    Args:
        folder: where the files lie.
        process: what this one is called, such as "api-1234".
    """

    def __init__(self, folder: Path, process: str) -> None:
        self._folder = folder
        self._own = folder / f"{process}{SUFFIX}"

    def write(self) -> None:
        """Tell how things are now."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._own.with_suffix(".new")
        fresh.write_bytes(generate_latest())
        fresh.replace(self._own)

    async def keep_writing(self, stop: asyncio.Event) -> None:
        """Every few seconds until `stop` is set; then take the file away."""
        try:
            while not stop.is_set():
                try:
                    await asyncio.to_thread(self.write)
                except OSError as error:
                    _log.warning("figures-not-written", error=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), WRITE_EVERY_S)
        finally:
            self._own.unlink(missing_ok=True)

    def all(self) -> bytes:
        """Every process's figures in Prometheus' text format, those of the dead left out."""
        self.write()
        registry = CollectorRegistry()
        registry.register(_Merged(self._folder))
        return generate_latest(registry)


class _Merged:
    """All files as one set of families, each series with the process that it comes from."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            process = path.name.removesuffix(SUFFIX)
            if not _alive(process):
                path.unlink(missing_ok=True)
                continue
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:
                continue  # it has just ended
            for family in text_string_to_metric_families(text):
                merged = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type, family.unit)
                )
                for sample in family.samples:
                    labels = {**sample.labels, "process": process}
                    merged.add_sample(sample.name, labels, sample.value, sample.timestamp)
        yield from families.values()


def _alive(process: str) -> bool:
    try:
        os.kill(int(process.rpartition("-")[2]), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass  # it lives, and belongs to somebody else
    return True


def figures_of(folder: Path, service: str) -> Figures:
    """The figures of this process."""
    return Figures(folder / "figures", f"{service}-{os.getpid()}")


def attributes(**given: Any) -> dict[str, str]:
    """Labels, as text."""
    return {name.replace("_", "."): str(value) for name, value in given.items()}
