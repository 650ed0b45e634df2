"""What the worker measures of the room there is, in the history and in the month's report."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

from api.reports import collect
from domain.health_report import ZONE
from domain.ids import person_id
from domain.organisation import PERSON, RegisterPerson
from ops.reporting.capacity import Measuring, Processor
from ops.reporting.pages import html, pdf
from tenancy.records import Stamp
from tenancy.registry import Registry, TenantRecord


async def test_a_day_that_is_over_is_told_once(
    company: Any, new_company: Any, app: Any, tmp_path: Path
) -> None:
    services = app.state.services

    def measuring(of: Any) -> Measuring:
        class Only(Registry):
            async def tenants(self) -> list[TenantRecord]:
                return [await self.tenant(of.tenant_id)]

        registry = Only(services.database)
        return Measuring(services.database, registry, services.histories, tmp_path)

    now = datetime.now(UTC)
    assert await measuring(company).tell(now) == 0, "nothing has happened here yet"
    young = await new_company("young")
    await (await young.client("hr")).did("/people", {"number": "P-1", "name": "王晓明"})
    assert await measuring(young).tell(now) == 0, "it was not there yesterday"

    store = await services.histories.of(company.tenant_id)
    stamp = Stamp(now=now - timedelta(days=3), actor=uuid4())
    person = RegisterPerson(number="P-1", name="王晓明")
    await store.execute(PERSON, person_id("P-1"), person, stamp)
    worker = measuring(company)
    assert await worker.tell(now) == 1
    assert await worker.tell(now + timedelta(seconds=1)) == 0
    await measuring(company).tell(now)  # another worker, which does not know
    (event,) = [each.event for each in await store.log() if each.topic == "capacity.measured"]
    assert await store.head() == 2
    assert event.day == now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
    assert event.database_bytes > 1_000_000
    assert 0 < event.connections <= event.connections_max
    assert 0 < event.disk_free_bytes <= event.disk_bytes
    report = await collect(store, f"{event.day:%Y-%m}")
    assert report.capacity.measured == 1
    assert report.capacity.database_bytes == event.database_bytes
    titles: tuple[tuple[Literal["en", "zh"], str], ...] = (("en", "Capacity"), ("zh", "容量"))
    for language, title in titles:
        page = html(report, "x", language)
        assert f"<h2>{title}</h2>" in page
        assert f"{event.database_bytes // 1024 // 1024} MiB" in page
        assert pdf(report, "x", language) == pdf(report, "x", language)


def test_how_busy_the_processor_was(tmp_path: Path) -> None:
    path = tmp_path / "stat"

    def now(busy: int, idle: int) -> None:
        path.write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3\n")

    now(0, 0)
    processor = Processor(path)
    assert processor.p95() is None
    now(25, 75)
    processor.sample()
    assert processor.p95() == 250
    now(25 + 90, 75 + 10)
    processor.sample()
    assert processor.p95() == 900
    for turn in range(200):
        now(115 + turn, 85 + 1000 * (turn + 1))
        processor.sample()
    assert (processor.p95() or 0) < 10, "a day of spans and no more"
    path.unlink()
    processor.sample()
    assert processor.p95() is not None
    assert Processor(path).p95() is None
