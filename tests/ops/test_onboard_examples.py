"""The seven data sets, checked against their mappings: what was found, to the row.

They lie beside the project, not in it; where they are not, this file says so, loudly.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from ops.onboarding.check import check, finished
from ops.onboarding.mapping import load, parse
from ops.onboarding.planning import propose
from ops.onboarding.report import Report

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
EXAMPLES = ROOT / "ops" / "onboarding" / "examples"
SECONDS_MAX = 60
MEMORY_MIB_MAX = 300

# VmHWM and not ru_maxrss, which a process inherits from whoever started it.
CHECKED = """
import re, resource, sys, time
from pathlib import Path
import msgspec
from ops.onboarding.check import check, finished
from ops.onboarding.mapping import load

folder, mapping, out = map(Path, sys.argv[1:])
began = time.process_time()
report = finished(check(folder, load(mapping), out), out)
spent = time.process_time() - began + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
kib = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
sys.stdout.buffer.write(msgspec.json.encode((report, spent, kib)))
"""

needs_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"NOT TRIED: {DATA} is not there, so none of the seven data sets was checked",
)


def checked(name: str, out: Path) -> Report:
    folder = DATA / name.removesuffix("-gb18030")
    return finished(check(folder, load(EXAMPLES / f"{name}.yaml"), out), out)


EXPECTED: dict[str, tuple[tuple[int, int, int, int], dict[str, int], dict[str, int]]] = {
    # (rows, sound, in quarantine, left out), records, findings
    "cn-colirx-10k": (
        (107_803, 17_998, 0, 89_805),
        {"org_unit": 5, "job": 13, "person": 10_000, "employment": 10_000, "termination": 2002,
         "pay_history": 7998},
        {"sum-differs": 1575},
    ),
    "cn-weekly-reports-xlsx": (
        (2140, 682, 0, 1458),
        {"org_unit": 12, "job": 1, "person": 169, "employment": 169, "fact": 675},
        {"maybe-the-same": 70},
    ),
    "inx-performance": (
        (2428, 1022, 0, 1406),
        {"org_unit": 6, "job": 19, "person": 1022, "employment": 1022, "score_history": 1022},
        {},
    ),
    "adventureworks-sales": (
        (1125, 896, 202, 27),
        {"org_unit": 16, "job": 67, "person": 290, "employment": 290, "assignment": 6,
         "pay_structure": 277, "fact": 17},
        {"bad-date": 163, "doubtful-match": 39},
    ),
    "horilla-demo": (
        (1211, 395, 0, 816),
        {"org_unit": 6, "job": 25, "person": 126, "employment": 126, "pay_structure": 126,
         "termination": 1, "fact": 113},
        {"after-leaving": 2},
    ),
}  # fmt: skip


@needs_data
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_data_set_comes_to_what_the_page_says(name: str, tmp_path: Path) -> None:
    report = checked(name, tmp_path)
    counts, records, findings = EXPECTED[name]
    told = report.counts
    assert (told.rows, told.ok, told.quarantined, told.excluded) == counts
    assert report.balanced
    assert report.records == records
    assert Counter({kind.code: kind.times for kind in report.kinds}) == findings


@needs_data
def test_the_encoding_of_a_file_changes_nothing_but_its_bytes(tmp_path: Path) -> None:
    """cn-colirx-10k in UTF-8 and in GB18030: the same records, the same findings."""
    utf8 = checked("cn-colirx-10k", tmp_path / "a")
    gb18030 = checked("cn-colirx-10k-gb18030", tmp_path / "b")
    assert utf8.records == gb18030.records
    assert utf8.kinds == gb18030.kinds
    assert utf8.fixes == gb18030.fixes
    encodings = {f.encoding for f in gb18030.files if f.name.startswith("gb18030/")}
    assert encodings == {"gb18030"}


@needs_data
@pytest.mark.timeout(400)
def test_five_years_without_an_employee_number(tmp_path: Path) -> None:
    """One person is one name and one day of hire; what is doubtful about that is listed."""
    report = checked("baltimore-payroll", tmp_path)
    assert report.balanced
    assert (report.counts.rows, report.counts.quarantined) == (82_002, 244)
    assert report.records["person"] == 28_889
    found = Counter({kind.code: kind.times for kind in report.kinds})
    assert found["doubtful-match"] == 16
    assert found["maybe-the-same"] == 76
    assert found["missing"] == 228


@needs_data
@pytest.mark.timeout(600)
def test_three_hundred_thousand_people_in_a_minute_of_bounded_memory(tmp_path: Path) -> None:
    """The minute is of processor time: this machine may be busy with other tests."""
    name = "employees-db-300k"
    # In a process of its own: of this one all tests before would be told as well.
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHECKED, DATA / name, EXAMPLES / f"{name}.yaml", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report, seconds, kib = msgspec.json.decode(done.stdout, type=tuple[Report, float, int])
    assert report.balanced
    told = report.counts
    assert (told.rows, told.ok, told.quarantined, told.excluded) == (631_667, 536_906, 94_737, 24)
    assert report.records["employment"] == 268_445
    assert seconds < SECONDS_MAX
    assert 0 < kib < MEMORY_MIB_MAX << 10


@needs_data
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_proposal_for_each_can_be_checked_as_it_is(name: str, tmp_path: Path) -> None:
    """Nothing is tuned for them: the proposal finds the people of each by itself."""
    proposal = propose(DATA / name)
    people = {"cn-colirx-10k": 10_000, "cn-weekly-reports-xlsx": 169, "inx-performance": 1200,
              "adventureworks-sales": 290, "horilla-demo": 126}  # fmt: skip
    (tmp_path / "m.yaml").write_text(proposal.text)
    out = tmp_path / "out"
    report = finished(check(DATA / name, load(tmp_path / "m.yaml"), out), out)
    assert report.records["person"] == people[name]
    assert report.balanced
    assert parse(proposal.text).records
