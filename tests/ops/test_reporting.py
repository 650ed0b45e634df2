"""The report as files, byte for byte; and the prober against the real API."""

import asyncio
import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.health_report import ZONE, Collecting, HealthReport
from ops.prober import Prober
from ops.reporting.monthly import month_before
from ops.reporting.pages import html, pdf
from ops.reporting.words import WORDS

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("cli")]
HOSTILE = '<script>alert("x")</script> #set text(red) $x$ _a_ *b* \\ @c'


@pytest.fixture(scope="module")
def report() -> HealthReport:
    return Collecting("2025-02").report()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_are_whole_and_have_no_script(report: HealthReport, language: Any) -> None:
    page = html(report, HOSTILE, language)
    assert "<script" not in page
    assert WORDS["no-data"][language == "zh"] in page
    assert page.count("<h2>") == 7
    assert len(re.findall("<rect ", page[: page.index("</svg>")])) == 28


@pytest.mark.parametrize("language", ["en", "zh"])
def test_papers_are_the_same_byte_for_byte(
    report: HealthReport, language: Any, tmp_path: Path
) -> None:
    first, second = pdf(report, HOSTILE, language), pdf(report, HOSTILE, language)
    assert first == second
    (tmp_path / "r.pdf").write_bytes(first)
    text = subprocess.run(
        ["pdftotext", "-layout", "r.pdf", "-"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    title = WORDS["title"][language == "zh"]
    assert title in text
    assert "#set text(red)" in text


def test_every_word_is_there_twice() -> None:
    for name, (english, chinese) in WORDS.items():
        assert english.strip(), name
        assert chinese.strip(), name


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (datetime(2025, 3, 1, 12, tzinfo=UTC), "2025-02"),
        (datetime(2025, 1, 1, 12, tzinfo=UTC), "2024-12"),
        # In Shanghai it is the first of the month eight hours earlier.
        (datetime(2025, 2, 28, 15, 59, tzinfo=UTC), "2025-01"),
        (datetime(2025, 2, 28, 16, 0, tzinfo=UTC), "2025-02"),
    ],
)
def test_the_last_month_that_is_over(now: datetime, month: str) -> None:
    assert month_before(now) == month


async def test_a_prober_tells_what_it_saw_also_after_an_outage(
    merit: Any, up: Any, tmp_path: Path
) -> None:
    place = ("--data-dir", str(up.data_dir))
    tenant = merit.json("tenant", "create", "探测", *place)["tenant"]["tenant_id"]
    key = merit.json(
        "key", "create", "prober", "--tenant", tenant, "--role", "integration", *place
    )["secret"]
    spool = tmp_path / "probes.ndjson"
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    prober = Prober(up.address, key, "p1", spool)
    assert (await prober.probe(minute)).write_ok
    away = Prober("http://127.0.0.1:9", key, "p1", spool)
    seen = await away.probe(minute + timedelta(minutes=1))
    assert (seen.read_ok, seen.write_ok) == (False, False)
    back = Prober(up.address, key, "p1", spool)
    assert (await back.probe(minute + timedelta(minutes=2))).write_ok
    assert (await back.probe(minute + timedelta(minutes=3))).write_ok
    month = f"{minute.astimezone(ZoneInfo(ZONE)):%Y-%m}"
    [written] = merit.json(
        "report", "monthly", "--month", month, "--tenant", tenant, "--out", str(tmp_path),
        "--issue", *place,
    )  # fmt: skip
    content = await asyncio.to_thread(Path(written["files"][0]).read_bytes)
    assert hashlib.sha256(content).hexdigest() == written["sha256"]
    writes = json.loads(content)["writes"]
    assert (writes["measured"], writes["good"], writes["bad"]) == (3, 2, 1)
    assert not written["issued"]  # the month is not over
    assert {Path(name).suffix for name in written["files"]} == {".json", ".html", ".pdf"}


def test_a_month_that_is_none_is_one_line(merit: Callable[..., Any]) -> None:
    done = merit("report", "monthly", "--month", "2025-13")
    assert done.returncode == 2
    assert done.stderr == "merit: --month 2025-13: as in 2025-03\n"
