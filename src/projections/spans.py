"""What the views do with events is told in the traces of the requests that have written them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from opentelemetry import trace

from tenancy.records import Recorded
from tenancy.telemetry import records_traces, within

TRACER = trace.get_tracer("meritledger.projections")

AGE_MAX: Final = timedelta(minutes=10)
"""A rebuild goes through years: the traces of those requests are long closed."""
TRACES_MAX: Final = 100
"""Of one batch; more would tell the same again and again."""


def tell(
    tenant_id: UUID,
    batch: Sequence[Recorded],
    moved: Mapping[str, int],
    began: datetime,
    ended: datetime,
) -> None:
    """A span `project` for each request whose events these views have just taken in.

    Args:
        tenant_id: whose events.
        batch: in the order of the log.
        moved: views, and the positions that they have reached.
        began: when the batch was taken up.
        ended: when its transaction was committed.
    """
    if not moved or not records_traces():
        return
    reached = max(moved.values())
    last: dict[str, int] = {}
    for recorded in batch:
        if recorded.position > reached or len(last) >= TRACES_MAX:
            break
        if ended - recorded.recorded_at <= AGE_MAX and (named := recorded.metadata.traceparent):
            last[named] = recorded.position
    for named, position in last.items():
        span = TRACER.start_span(
            "project",
            context=within(named),
            kind=trace.SpanKind.CONSUMER,
            start_time=_nanoseconds(began),
            attributes={
                "merit.tenant_id": str(tenant_id),
                "merit.position": position,
                "merit.views": sorted(view for view, at in moved.items() if at >= position),
            },
        )
        span.end(_nanoseconds(ended))


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1_000


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
