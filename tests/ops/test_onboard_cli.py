"""A company comes in by the command line: every step of the how-to, on data of other people too."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ops.cli import main
from projections.catalogue import PROJECTIONS
from projections.kernel import install

EXAMPLES = Path(__file__).parents[2] / "ops" / "onboarding" / "examples"
DATA = Path(__file__).parents[2].parent / "shared" / "data"
PEOPLE = """工号,姓名,部门,入职日期
K001,王一,外贸部,2020/3/1
K002,李二,外贸部,2021/2/30
K003,测试,外贸部,2019/7/15
"""
MAPPING = """
version: 1
name: small
opening: "2000-01-01"
dates: [YYYY/M/D]
sources: {people: {files: people.csv}}
records:
  - {entity: org_unit, from: people, merge: same, fields: {code: 部门, name: 部门}}
  - entity: job
    from: people
    merge: same
    fields: {code: {constant: 外贸}, title: {constant: 外贸}}
  - {entity: person, from: people, fields: {number: 工号, name: 姓名}}
  - entity: employment
    from: people
    fields: {number: 工号, person: 工号, hired_on: 入职日期, org_unit: 部门, job: {constant: 外贸}}
"""

Onboard = Callable[..., Any]


@pytest.fixture
def onboard(  # noqa: PLR0917 - fixtures
    database_url: str,
    owner_url: str,
    tenant_id: UUID,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Onboard:
    """`merit onboard ...` in this process; what it answers with --json."""
    asyncio.run(install(owner_url, PROJECTIONS))
    monkeypatch.setenv("MERIT_DATABASE_URL", database_url)
    monkeypatch.setenv("MERIT_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    work = ("--work", str(tmp_path / "work"))
    tenant = ("--tenant", str(tenant_id))

    def run(command: str, *arguments: str, code: int = 0) -> Any:
        given = [*arguments, "--json"]
        if command != "check":
            given += tenant
        if command in {"check", "clean", "dry-run", "sample", "commit"}:
            given += work
        done = main(["onboard", command, *given])
        out, err = capsysbinary.readouterr()
        assert done == code, err.decode()
        return json.loads(out) if out else err.decode()

    return run


def _signed(onboard: Onboard, code: str) -> None:
    """Compared by two people and signed off."""
    sample = onboard("sample", code, "--seed", "7")
    for who in ("E-0007", "E-0008"):
        onboard("sign", code, "--matched", str(sample["size"]), "--as", who)
    signed = onboard("sign", code, "--note", "三重校验通过", "--as", "E-0009")
    assert signed == {"code": code, "agreed": True, "signed_off": True}


@pytest.mark.timeout(120)
def test_the_whole_way_and_back(onboard: Onboard, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "people.csv").write_text(PEOPLE)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    onboard("check", str(files), "--mapping", str(tmp_path / "mapping.yaml"), code=1)
    assert "--owner" in onboard("clean", "K1", code=2)
    begun = onboard("clean", "K1", "--owner", "陈工")
    assert (begun["rows"], begun["ready"], begun["quarantined"]) == (3, 2, 1)
    assert begun["by_rule"] == {"bad-date": 1}
    mended = onboard("clean", "K1", "--fix", "people.csv::3:入职日期=2021/2/28", "--as", "E-0009")
    assert (mended["ready"], mended["quarantined"], mended["fixed"]) == (3, 0, 1)
    left = onboard("clean", "K1", "--exclude", "people.csv::4", "--reason", "测试数据")
    assert (left["rows"], left["ready"], left["excluded"]) == (3, 2, 1)
    rehearsed = onboard("dry-run", "K1", "--out", str(tmp_path / "events.ndjson"))
    assert rehearsed["events"] == 2 + 2 * 3
    assert len((tmp_path / "events.ndjson").read_text().splitlines()) == rehearsed["events"]
    _signed(onboard, "K1")
    done = onboard("commit", "K1")
    assert done["committed"]["events"] == rehearsed["events"]
    assert (done["committed"]["committed"], done["committed"]["excluded"]) == (2, 1)
    assert done["reconciled"]["differing"] == 0
    (status,) = onboard("status", "K1")
    assert (status["stage"], status["committed"], status["excluded"]) == ("committed", 2, 1)
    assert status["reconciliation"]["reconciled"]
    (traced,) = onboard("trace", "employment:K002.hired_on")
    assert (traced["value"], traced["row"], traced["column"]) == ("2021-02-28", 3, "入职日期")
    assert [each["new"] for each in traced["fixes"]] == ["2021/2/28"]
    assert "wrong-import-stage" in onboard("commit", "K1", code=1)
    back = onboard("compensate", "K1", "--reason", "错误的年度")
    assert back["residual"] == 0
    (status,) = onboard("status", "K1")
    assert status["stage"] == "compensated"


def test_what_the_domain_refuses_is_held_back(onboard: Onboard, tmp_path: Path) -> None:
    """The unit is younger than one of its people: what rests on the refused is refused, too."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "people.csv").write_text(PEOPLE.replace("2021/2/30", "1999/1/1"))
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    onboard("check", str(files), "--mapping", str(tmp_path / "mapping.yaml"))
    onboard("clean", "K1", "--owner", "陈工")
    rehearsed = onboard("dry-run", "K1", "--quarantine")
    assert [each["code"] for each in rehearsed["refused"]] == ["org-unit-not-in-force"]
    _signed(onboard, "K1")
    done = onboard("commit", "K1")["committed"]
    assert (done["rows"], done["committed"], done["quarantined"]) == (3, 2, 1)
    assert done["refused"] == []


@pytest.mark.timeout(120)
@pytest.mark.skipif(
    not DATA.is_dir(), reason=f"NOT TRIED: {DATA} is not there, so nothing of it was committed"
)
@pytest.mark.parametrize(
    "name", ["adventureworks-sales", "cn-weekly-reports-xlsx", "horilla-demo", "inx-performance"]
)
def test_other_peoples_data_come_in_whole(onboard: Onboard, name: str) -> None:
    folder = DATA / name
    mapping = str(EXAMPLES / f"{name}.yaml")
    errors = 1 if name == "adventureworks-sales" else 0
    report = onboard("check", str(folder), "--mapping", mapping, code=errors)
    begun = onboard("clean", "K1", "--owner", "陈工")
    assert begun["rows"] == report["counts"]["rows"]
    onboard("dry-run", "K1", "--quarantine")
    _signed(onboard, "K1")
    done = onboard("commit", "K1")
    counts = done["committed"]
    assert counts["rows"] == counts["committed"] + counts["quarantined"] + counts["excluded"]
    assert counts["rows"] == report["counts"]["rows"]
    same = done["reconciled"]
    assert (same["differing"], same["source_digest"]) == (0, same["views_digest"])
    assert same["source_sums"] == same["view_sums"]
