"""A company comes on board over HTTP alone: uploaded, checked, compared, committed, taken back."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain.ids import employment_id, import_id

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("up")]

PEOPLE = """工号,姓名,部门,入职日期,应发
K001,王一,外贸部,2020/3/1,"1,234.56元"
K002,李二,外贸部,2021/2/30,2000.00
K003,张三,外贸部,2019/7/15,1500.44
"""
MAPPING = (Path(__file__).parents[1] / "files" / "small-mapping.yaml").read_text(encoding="utf-8")
CODE = "K1"
BATCH = str(import_id(CODE))


class Caller:
    """Somebody with a key."""

    def __init__(self, address: str, secret: str) -> None:
        self._client = httpx.Client(
            base_url=f"{address}/api/v1",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=60,
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, status: int | None = None) -> Any:
        answer = self._client.post(path, json=body or {}, headers=_key())
        assert answer.is_success if status is None else answer.status_code == status, answer.text
        return answer.json()

    def upload(self, name: str, content: str) -> Any:
        answer = self._client.post(
            "/imports/uploads",
            params={"code": CODE, "name": name},
            content=(part for part in (content.encode(),)),
            headers={**_key(), "Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def job(self, **job: Any) -> Any:
        """What came of a job."""
        asked = self.post("/imports/jobs", {"code": CODE, "job": job})
        while True:
            found = self.get(f"/imports/{BATCH}/jobs")["data"]
            (mine,) = (each for each in found if each["number"] == asked["number"])
            if mine["state"] in {"done", "failed"}:
                return mine
            time.sleep(0.2)


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


@pytest.fixture(scope="module")
def callers(up: Any) -> Iterator[dict[str, Caller]]:
    admin = next(each for each in up.answer["logins"] if "admin" in each["roles"])
    first = Caller(up.address, admin["secret"])
    made = {"admin": first}
    for name in ("engineer", "ann", "ben"):
        role = "onboarding" if name == "engineer" else "hr"
        key = {"name": name, "roles": [role]}
        if role == "onboarding":
            first.post("/keys", key, status=422)
            key["expires_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 9e5))
        made[name] = Caller(up.address, first.post("/keys", key)["secret"])
    yield made
    for caller in made.values():
        caller.close()


def test_from_files_to_history_and_back(callers: dict[str, Caller]) -> None:
    engineer, ann, ben = callers["engineer"], callers["ann"], callers["ben"]
    assert engineer.job(kind="check", owner="陈工")["state"] == "failed", "there is no mapping"
    engineer.upload("people.csv", PEOPLE)
    engineer.upload("mapping.yaml", MAPPING)
    assert {each["name"] for each in engineer.get(f"/imports/{BATCH}/files")["data"]} == {
        "people.csv",
        "mapping.yaml",
    }
    checked = engineer.job(kind="check", owner="陈工")
    assert checked["state"] == "done", checked
    counts = checked["answer"]["counts"]
    assert (counts["rows"], counts["ok"], counts["quarantined"]) == (3, 2, 1)
    (row,) = engineer.get(f"/imports/{BATCH}/rows", state="quarantined")["data"]
    assert (row["file_name"], row["row"]) == ("people.csv", 3)
    (finding,) = (each for each in row["findings"] if each["value"])
    assert finding["value"] == "2021/2/30"

    fix = {
        "place": {"file": row["file"], "sheet": row["sheet"], "row": row["row"]},
        "column": finding["column"],
        "old": finding["value"],
        "new": "2021/2/28",
        "rule": "by-hand",
    }
    engineer.post(f"/imports/{BATCH}/fixes", {"fixes": [fix]})
    engineer.post(f"/imports/{BATCH}/commit", status=409)
    again = engineer.job(kind="check", owner="陈工")["answer"]["counts"]
    assert (again["rows"], again["ok"], again["quarantined"]) == (3, 3, 0)
    rehearsed = engineer.job(kind="dry-run")["answer"]
    assert rehearsed["refused"] == []
    sample = engineer.job(kind="sample", seed=7)["answer"]
    compared = {
        "sample_digest": sample["sample_digest"],
        "matched": sample["size"],
        "mismatched": 0,
    }
    ann.post(f"/imports/{BATCH}/comparisons", compared)
    engineer.post(f"/imports/{BATCH}/sign-off", {"note": "x"}, status=409)
    ben.post(f"/imports/{BATCH}/comparisons", compared)
    engineer.post(f"/imports/{BATCH}/sign-off", {"note": "三重校验通过"})
    done = engineer.job(kind="commit")
    assert done["state"] == "done", done
    assert done["answer"]["committed"]["committed"] == 3
    assert done["answer"]["reconciled"]["differing"] == 0
    assert done["events"] == done["answer"]["committed"]["events"] == rehearsed["events"]

    stream = str(employment_id("K002"))
    (traced,) = engineer.get("/imports/trace", stream=stream, field="hired_on")["values"]
    assert (traced["value"], traced["row"], traced["column"]) == ("2021-02-28", 3, "入职日期")
    assert [(each["old"], each["new"]) for each in traced["fixes"]] == [("2021/2/30", "2021/2/28")]
    figures = engineer.get("/historical-records", subject_id=stream)["data"]
    assert [each["amount"] for each in figures] == [{"amount": "2000.00", "currency": "CNY"}]

    back = engineer.job(kind="compensate", reason="错误的年度")
    assert back["state"] == "done", back
    assert back["answer"]["residual"] == 0
    told = engineer.get(f"/imports/{BATCH}")
    assert told["stage"] == "compensated"
    assert engineer.get("/historical-records", subject_id=stream)["data"] == []


def test_what_is_no_file_name_is_refused(callers: dict[str, Caller]) -> None:
    for name in ("../x.csv", ".hidden", "a/b.csv", ""):
        answer = callers["engineer"]._client.post(
            "/imports/uploads",
            params={"code": CODE, "name": name},
            content=b"x",
            headers={**_key(), "Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 400, name
