"""A function's quarter over HTTP: 360 raters, a stand-in, calibration sessions."""

import asyncio
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pytest

from api import examples
from api.sessions import COOKIE_HERE, csrf_of
from domain import ids

CYCLE = f"/cycles/{ids.cycle_id('2025Q1')}"
BANDS = [("0", "0"), ("60", "0.6"), ("70", "0.8"), ("85", "1.0"), ("95", "1.2")]


def _indicator(code: str, weight_bp: int, rule: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "name": code, "weight_bp": weight_bp, "rule": rule}


def _section(code: str, weight_bp: int, *indicators: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "name": code, "weight_bp": weight_bp, "indicators": list(indicators)}


def _scheme(*sections: dict[str, Any]) -> dict[str, Any]:
    bands = [{"from_score": edge, "coefficient": factor} for edge, factor in BANDS]
    return {
        "name": "FUN-v1",
        "sections": list(sections),
        "coefficient": {"kind": "banded", "bands": bands},
    }


def _function_scheme() -> dict[str, Any]:
    """KPI 60, KCI 20 (innovation, support), 360 20 (superior 50, peer 30, subordinate 20)."""
    groups = [
        {"code": "superior", "weight_bp": 5000, "scored_from": 1, "shown_from": 1},
        {"code": "peer", "weight_bp": 3000},
        {"code": "subordinate", "weight_bp": 2000},
    ]
    manual = {"kind": "manual"}
    return _scheme(
        _section("kpi", 6000, _indicator("kpi", 10000, {"kind": "ratio"})),
        _section(
            "kci",
            2000,
            _indicator("innovation", 5000, manual),
            _indicator("support", 5000, manual),
        ),
        _section("360", 2000, _indicator("360", 10000, {"kind": "multi-rater", "groups": groups})),
    )


class Office:
    """One department of a function: a manager, and staff who know each other."""

    def __init__(self, company: Any) -> None:
        self.company = company

    async def opened(self, scheme: dict[str, Any], *staff: str) -> None:
        company, made = self.company, examples.EXAMPLES
        hr = await company.client("hr")
        await hr.did("/org-units", made["CreateOrgUnit"])
        await hr.did("/jobs", {**made["DefineJob"], "code": "CLERK", "family": "function"})
        await hr.did("/people", {"number": "boss", "name": "李总"})
        for number in ("boss", *staff):
            if number != "boss":
                await hr.did("/people", {"number": number, "name": number})
            await hr.did(
                "/employments",
                {
                    "number": number,
                    "person_id": str(ids.person_id(number)),
                    "hired_on": "2024-01-01",
                    "assignment": {
                        "org_unit_id": examples.UNIT_ID,
                        "job_id": str(ids.job_id("CLERK")),
                        "cost_centre": "CC-200",
                        "manager_id": None if number == "boss" else str(ids.person_id("boss")),
                    },
                },
            )
        scheme_id = ids.scheme_id("FUN")
        await hr.did("/schemes", {"code": "FUN", "content": scheme})
        executive = await company.client("executive")
        await executive.did(f"/schemes/{scheme_id}/approve", made["ApproveScheme"])
        await hr.did(f"/schemes/{scheme_id}/publish", made["PublishScheme"])
        await hr.did("/cycles", made["PlanCycle"])
        await hr.did(
            f"{CYCLE}/schemes",
            {"scheme_id": str(scheme_id), "scheme_version": 1, "family": "function"},
        )
        await hr.did(f"{CYCLE}/open")

    async def who(self, number: str) -> Any:
        role = "manager" if number == "boss" else "employee"
        return await self.company.client(role, ids.person_id(number))

    async def appraisal(self, number: str) -> str:
        hr = await self.company.client("hr")
        body = {"employment_id": str(ids.employment_id(number))}
        created = await hr.did(f"{CYCLE}/appraisals", body)
        return f"/appraisals/{created['id']}"

    async def advance(self, *stages: str) -> None:
        hr = await self.company.client("hr")
        for stage in stages:
            await hr.did(f"{CYCLE}/advance", {"to": stage})

    async def ask(self, appraisal: str, rater: str, group: str) -> None:
        hr, boss = await self.company.client("hr"), await self.who("boss")
        rater_id = str(ids.person_id(rater))
        await (hr if rater != "boss" else await self.who("clerk")).did(
            f"{appraisal}/raters", {"rater_id": rater_id, "group": group}
        )
        await (hr if rater == "boss" else boss).did(
            f"{appraisal}/raters/approve", {"rater_id": rater_id}
        )

    async def answer(self, appraisal: str, rater: str, points: str) -> None:
        body = {
            "rater_id": str(ids.person_id(rater)),
            "ratings": [{"indicator": "360", "points": points}],
        }
        await (await self.who(rater)).did(f"{appraisal}/peer-ratings", body)

    async def clerk_rated(self, **answers: str) -> str:
        """The clerk's quarter up to both ratings of case 5c, with these answers of the panel."""
        await self.opened(_function_scheme(), "clerk", "peer1", "peer2", "peer3")
        hr, boss, clerk = (
            await self.company.client("hr"),
            await self.who("boss"),
            await self.who("clerk"),
        )
        pay = {**examples.EXAMPLES["SetPayStructure"], "performance_share": "0.15"}
        await hr.did(f"/employments/{ids.employment_id('clerk')}/pay-structure", pay)
        appraisal = await self.appraisal("clerk")
        targets = [{"indicator": "kpi", "target": "100"}]
        await boss.did(f"{appraisal}/goals", {"targets": targets})
        await clerk.did(f"{appraisal}/goals/agree")
        for rater, group in {"boss": "superior", "peer1": "peer", "peer2": "peer"}.items():
            await self.ask(appraisal, rater, group)
        await self.ask(appraisal, "peer3", "peer")
        await self.advance("data-intake")
        actual = {
            **examples.EXAMPLES["RecordActual"],
            "employment_id": str(ids.employment_id("clerk")),
            "indicator": "kpi",
            "value": "88",
        }
        await (await self.company.client("integration")).did("/actuals", actual)
        await self.advance("rating")
        await hr.did(f"{CYCLE}/score")
        # All of them at once: none has to wait for another, and none is told to try again.
        await asyncio.gather(
            *(self.answer(appraisal, rater, points) for rater, points in answers.items())
        )
        await clerk.did(f"{appraisal}/self-rating", _ratings(innovation="90", support="85"))
        await boss.did(f"{appraisal}/manager-rating", _ratings(innovation="70", support="80"))
        return appraisal


def _ratings(**points: str) -> dict[str, Any]:
    return {"ratings": [{"indicator": code, "points": each} for code, each in points.items()]}


@pytest.fixture
def office(company: Any) -> Office:
    return Office(company)


def _found(node: dict[str, Any], label: str) -> dict[str, Any]:
    """The node of an indicator in an explanation: the innermost with this label."""
    for part in node.get("inputs", ()):
        if inside := _found(part, label):
            return inside
    return node if node.get("label") == label else {}


def _sources(node: dict[str, Any]) -> set[str]:
    own = {node["source"]} if "source" in node else set()
    return own.union(*map(_sources, node.get("inputs", ())))


@pytest.mark.parametrize(
    ("revised", "score", "coefficient", "amount"),
    [(None, "84.60", "0.8000", "7200.00"), ("75", "85.10", "1.0000", "9000.00")],
    ids=["explained", "revised"],
)
async def test_case_5c_near_an_edge_a_revision_decides(
    office: Office, company: Any, *, revised: str | None, score: str, coefficient: str, amount: str
) -> None:
    """84.60 -> 0.8, warned of 85: 7,200.00; innovation revised to 75: 85.10 -> 1.0: 9,000.00."""
    appraisal = await office.clerk_rated(boss="84")
    boss, clerk = await office.who("boss"), await office.who("clerk")
    standing = await boss.saw(f"{appraisal}/standing", wait_for=boss.position)
    assert standing == {"score": "84.60", "coefficient": "0.8000", "near_edge": "85"}
    told = await clerk.get(f"{appraisal}/standing")
    assert told.status_code == 403

    reply = {"of": "innovation", "reply": "专利已受理"}
    await clerk.did(f"{appraisal}/deviation/reply", reply)
    if revised is not None:
        revision = {**_ratings(innovation=revised, support="80"), "reason": "补充专利证明"}
        await boss.did(f"{appraisal}/manager-rating/revise", revision)
    row = await boss.saw(appraisal, wait_for=boss.position)
    flagged = [each["of"] for each in row["compared"] if each["flagged"]]
    assert flagged[0] == "innovation"
    for of in flagged:
        await boss.did(f"{appraisal}/deviation", {"of": of, "reason": "成果尚未应用"})
    await office.advance("comparison", "calibration")
    hr = await company.client("hr")
    assert await hr.did(f"{CYCLE}/lock") == {"done": 1, "refused": []}
    row = await hr.saw(appraisal, wait_for=hr.position)
    assert (row["score"], row["coefficient"]) == (score, coefficient)

    await office.advance("locked", "paying")
    body = {
        "code": "B1",
        "cycle_id": str(ids.cycle_id("2025Q1")),
        "appraisal_ids": [appraisal.rpartition("/")[2]],
    }
    finance = await company.client("finance")
    await finance.did("/payout-batches", body)
    batch = await finance.saw(f"/payout-batches/{ids.batch_id('B1')}", wait_for=finance.position)
    (line,) = batch["lines"]
    assert line["amount"] == {"amount": amount, "currency": "CNY"}
    # What a payout is explained by does not tell what a rater said either.
    auditor = await company.client("auditor")
    events = (await auditor.saw("/audit/events", limit=500))["data"]
    said = {e["event_id"] for e in events if e["topic"] == "peer-rating.submitted"}
    paid = await finance.saw(f"/payouts/{line['payout_id']}/explanation")
    assert said
    assert not said & _sources(paid["explanation"])


async def test_who_waits_for_approval_is_told_to_those_who_approve(
    office: Office, company: Any
) -> None:
    await office.opened(_function_scheme(), "clerk", "peer1", "peer2")
    appraisal = await office.appraisal("clerk")
    own = await office.appraisal("boss")
    hr, boss, clerk = (
        await company.client("hr"),
        await office.who("boss"),
        await office.who("clerk"),
    )
    other = await company.client("manager", ids.person_id("peer1"))
    for at, rater in ((appraisal, "peer1"), (appraisal, "peer2"), (own, "peer1")):
        body = {"rater_id": str(ids.person_id(rater)), "group": "peer"}
        await hr.did(f"{at}/raters", body)

    async def told(client: Any, **more: Any) -> list[tuple[str, str]]:
        rows = (await client.saw("/rater-nominations", **more))["data"]
        return [(row["person_id"], row["rater_id"]) for row in rows]

    def pairs(*named: tuple[str, str]) -> list[tuple[str, str]]:
        return [(str(ids.person_id(of)), str(ids.person_id(by))) for of, by in named]

    assert await told(boss) == pairs(("clerk", "peer1"), ("clerk", "peer2")), "not of the own one"
    assert await told(other) == []
    everybody = pairs(("clerk", "peer1"), ("clerk", "peer2"), ("boss", "peer1"))
    assert await told(hr) == everybody
    (first,) = (await hr.saw("/rater-nominations", limit=1))["data"]
    (second, *_) = (await boss.saw("/rater-nominations", limit=1))["data"]
    assert first == second
    assert first["group"] == "peer"
    assert (await clerk.get("/rater-nominations")).status_code == 403
    await boss.did(f"{appraisal}/raters/approve", {"rater_id": str(ids.person_id("peer1"))})
    await boss.did(
        f"{appraisal}/raters/decline",
        {"rater_id": str(ids.person_id("peer2")), "reason": "亲属关系"},
    )
    assert await told(hr) == pairs(("boss", "peer1"))
    # Replaced: who stands in waits anew.
    body = {
        "rater_id": str(ids.person_id("peer1")),
        "by_id": str(ids.person_id("peer2")),
        "reason": "已调离",
    }
    await boss.did(f"{appraisal}/raters/replace", body)
    assert await told(hr) == pairs(("boss", "peer1"), ("clerk", "peer2"))


async def test_case_6_missing_raters_and_what_may_be_shown(office: Office, company: Any) -> None:
    """Superior 86; peers 90 and 81, one missing: 85.8125; two peers are scored, and not shown."""
    appraisal = await office.clerk_rated(boss="86", peer1="90", peer2="81")
    hr, boss = await company.client("hr"), await office.who("boss")
    panel = await hr.saw(f"{appraisal}/raters", wait_for=boss.position)
    assert {each["rater_id"]: each["submitted"] for each in panel["raters"]} == {
        str(ids.person_id(number)): number != "peer3"
        for number in ("boss", "peer1", "peer2", "peer3")
    }
    hidden = (await boss.saw(f"{appraisal}/raters"))["raters"]
    assert {each["submitted"] for each in hidden} == {None}
    peer = await office.who("peer3")
    (task,) = (await peer.saw("/peer-ratings", wait_for=boss.position))["ratings"]
    assert (task["group"], task["state"]) == ("peer", "approved")
    assert task["person_id"] == str(ids.person_id("clerk"))
    assert (await peer.get(appraisal)).status_code == 404

    for of in ("innovation", "total"):
        await boss.did(f"{appraisal}/deviation", {"of": of, "reason": "项目延期"})
    await office.advance("comparison", "calibration")
    assert (await hr.did(f"{CYCLE}/lock"))["done"] == 1
    groups = (await hr.saw(f"{appraisal}/rater-groups", wait_for=hr.position))["groups"]
    by_code = {each["group"]: each for each in groups}
    assert (by_code["peer"]["scored"], by_code["peer"]["shown"]) == (True, False)
    assert (by_code["superior"]["mean"], by_code["peer"]["mean"]) == (None, None)

    whole = (await hr.saw(f"{appraisal}/explanation"))["explanation"]
    assert Decimal(1373) / 16 == Decimal("85.8125")
    assert _found(whole, "360")["value"] == "1373/16"
    history = (await hr.saw(f"{appraisal}/history"))["data"]
    (suppressed,) = [e for e in history if e["topic"] == "appraisal.rater-group-suppressed"]
    assert suppressed["content"]["group"] == "subordinate"

    cycle = f"{CYCLE}/without-rater/{ids.person_id('peer2')}"
    without = await hr.saw(cycle, wait_for=hr.position)
    (one,) = without["appraisals"]
    # Without the second peer there is one, who is not scored: 360 = 86, 52.8 + 15 + 17.2.
    assert (one["score"], one["score_without"]) == ("84.96", "85.00")
    assert (one["coefficient"], one["coefficient_without"]) == ("0.8000", "1.0000")
    assert without["coefficients_changed"] == 1
    other = await hr.saw(f"{CYCLE}/without-rater/{ids.person_id('peer3')}")
    assert other["appraisals"] == []

    # Nobody in the line can tell what a single rater said: not from the tree, not from the events.
    auditor = await company.client("auditor")
    events = (await auditor.saw("/audit/events", limit=500))["data"]
    said = {e["event_id"] for e in events if e["topic"] == "peer-rating.submitted"}
    assert len(said) == 3
    assert said <= _sources(whole)
    await hr.did(f"{appraisal}/publish")
    clerk = await office.who("clerk")
    for reader in (boss, clerk):
        tree = (await reader.saw(f"{appraisal}/explanation", wait_for=hr.position))["explanation"]
        assert not said & _sources(tree)
        assert _found(tree, "360") == {"rule": "withheld", "label": "360", "value": "1373/16"}
        for event in (await reader.saw(f"{appraisal}/history"))["data"]:
            if event["topic"] == "appraisal.score-locked":
                assert not said & _sources(event["content"]["explanation"])


async def test_a_colleague_is_rated_on_a_page(
    office: Office, company: Any, http: httpx.AsyncClient
) -> None:
    appraisal = await office.clerk_rated(boss="86")
    peer = await office.who("peer1")
    (task,) = (await peer.saw("/peer-ratings", wait_for=await company.head()))["ratings"]
    assert task["indicators"] == [{"code": "360", "name": "360"}]
    token = await peer.session()
    cookie = {"Cookie": f"{COOKIE_HERE}={token}"}
    page = await http.get("/console/peer-ratings", headers=cookie)
    assert f'value="{appraisal}/peer-ratings"' in page.text
    answer = await http.post(
        "/console/peer-ratings",
        data={
            "_do": f"{appraisal}/peer-ratings",
            "_key": "peer-1",
            "_csrf": csrf_of(token),
            "rater_id": str(ids.person_id("peer1")),
            "ratings.0.indicator": "360",
            "ratings.0.points": "90",
        },
        headers=cookie,
    )
    assert answer.status_code == 303, answer.text
    (task,) = (await peer.saw("/peer-ratings", wait_for=await company.head()))["ratings"]
    assert task["state"] == "submitted"


@pytest.mark.parametrize(
    ("peers", "of_360", "contributes", "score", "suppressed"),
    [
        ({"peer1": "90", "peer2": "81"}, "85.8125", "17.1625", "84.96", ["subordinate"]),
        ({"peer1": "10"}, "86", "17.20", "85.00", ["peer", "subordinate"]),
    ],
    ids=["two-peers", "one-peer"],
)
async def test_case_6_row_by_row(
    office: Office,
    company: Any,
    *,
    peers: dict[str, str],
    of_360: str,
    contributes: str,
    score: str,
    suppressed: list[str],
) -> None:
    """52.80 and 15.00 and what 360 contributes; of peers one alone is not scored."""
    appraisal = await office.clerk_rated(boss="86", **peers)
    hr, boss = await company.client("hr"), await office.who("boss")
    row = await boss.saw(appraisal, wait_for=boss.position)
    for of in (each["of"] for each in row["compared"] if each["flagged"]):
        await boss.did(f"{appraisal}/deviation", {"of": of, "reason": "项目延期"})
    await office.advance("comparison", "calibration")
    assert (await hr.did(f"{CYCLE}/lock"))["done"] == 1
    whole = (await hr.saw(f"{appraisal}/explanation", wait_for=hr.position))["explanation"]
    points = Fraction(_found(whole, "360")["value"])
    assert (points, points / 5) == (Fraction(of_360), Fraction(contributes))
    assert (await hr.saw(appraisal))["score"] == score
    history = (await hr.saw(f"{appraisal}/history"))["data"]
    assert suppressed == [
        each["content"]["group"]
        for each in history
        if each["topic"] == "appraisal.rater-group-suppressed"
    ]


async def test_case_6_a_stand_in_and_a_waiver(office: Office, company: Any) -> None:
    await office.opened(
        _scheme(
            _section("kpi", 6000, _indicator("kpi", 10000, {"kind": "ratio"})),
            _section("kci", 4000, _indicator("care", 10000, {"kind": "manual"})),
        ),
        "clerk",
        "second",
    )
    hr, boss = await company.client("hr"), await office.who("boss")
    found = [await office.appraisal(number) for number in ("clerk", "second")]
    for appraisal, number in zip(found, ("clerk", "second"), strict=True):
        await boss.did(f"{appraisal}/goals", {"targets": [{"indicator": "kpi", "target": "100"}]})
        await (await office.who(number)).did(f"{appraisal}/goals/agree")
    await office.advance("data-intake")
    for number in ("clerk", "second"):
        actual = {
            **examples.EXAMPLES["RecordActual"],
            "employment_id": str(ids.employment_id(number)),
            "indicator": "kpi",
            "value": "77",
        }
        await hr.did("/actuals", actual)
    await office.advance("rating")
    await hr.did(f"{CYCLE}/score")
    # The one is rated by another, the other by nobody.
    await hr.did("/people", {"number": "board", "name": "董事"})
    reassigned = {"rater_id": str(ids.person_id("board")), "reason": "上级离职"}
    await hr.did(f"{found[0]}/rater", reassigned)
    board = await company.client("manager", ids.person_id("board"))
    assert (await board.saw(found[0], wait_for=hr.position))["manager_id"] == reassigned["rater_id"]
    assert (await boss.get(found[0])).status_code == 404
    await board.did(f"{found[0]}/manager-rating", _ratings(care="92"))
    await office.advance("comparison", "calibration")
    done = await hr.did(f"{CYCLE}/lock")
    assert (done["done"], [each["code"] for each in done["refused"]]) == (
        1,
        ["manager-rating-missing"],
    )
    await hr.did(f"{found[1]}/waiver", {"reason": "上级与隔级均离职"})
    assert (await hr.post(f"{found[1]}/waiver/approve")).status_code == 403
    await (await company.client("executive")).did(f"{found[1]}/waiver/approve")
    await hr.did(f"{found[1]}/lock")
    scores = [(await hr.saw(each, wait_for=hr.position))["score"] for each in found]
    assert scores == ["83.00", "77.00"]  # 0.6 x 77 + 0.4 x 92; the waived one by its KPI alone


async def test_case_16_and_19_a_session_of_23(office: Office, company: Any) -> None:
    """2/5/9/5/2 of 23 people; 84.995 is 85.00 and earns 1.0, 84.994999 is 84.99 and earns 0.8."""
    points = {"97": 3, "90": 5, "84.995": 1, "84.994999": 1, "75": 6, "65": 5, "50": 2}
    given = [each for each, times in points.items() for _ in range(times)]
    staff = [f"s{n:02}" for n in range(len(given))]
    assert len(staff) == 23
    await office.opened(
        _scheme(_section("kci", 10000, _indicator("care", 10000, {"kind": "manual"}))), *staff
    )
    hr, boss = await company.client("hr"), await office.who("boss")
    found = [await office.appraisal(number) for number in staff]
    await office.advance("data-intake", "rating")
    for appraisal, each in zip(found, given, strict=True):
        await boss.did(f"{appraisal}/manager-rating", _ratings(care=each))
    await office.advance("comparison", "calibration")
    target = [
        {"code": code, "from_score": edge, "share": share}
        for code, edge, share in (
            ("A", "95", "10"),
            ("B", "85", "20"),
            ("C", "70", "40"),
            ("D", "60", "20"),
            ("E", "0", "10"),
        )
    ]
    session = f"/calibration-sessions/{ids.calibration_session_id('CAL')}"
    appraisal_ids = [each.rpartition("/")[2] for each in found]
    opening = {
        "code": "CAL",
        "name": "校准会",
        "cycle_id": str(ids.cycle_id("2025Q1")),
        "appraisal_ids": appraisal_ids,
        "target": target,
    }
    await hr.did("/calibration-sessions", opening)
    refused = (await hr.did(f"{CYCLE}/lock"))["refused"]
    assert {each["code"] for each in refused} == {"calibration-session-open"}
    await hr.did(f"{session}/distribution")
    told = await hr.saw(session, wait_for=hr.position)
    wanted = [band["wanted"] for band in told["distribution"]]
    assert wanted == [2, 5, 9, 5, 2]
    assert [band["found"] for band in told["distribution"]] == [3, 6, 7, 5, 2]

    for index, adjustment in ((0, "-7.01"), (3, "-15.01"), (4, "-15.01")):
        change = {
            "appraisal_id": appraisal_ids[index],
            "adjustment": adjustment,
            "reason_code": "peer-comparison",
            "reason": "同级对比",
        }
        await boss.did(f"{session}/changes", change)
    decision = {"accepted": True, "reason_code": "agreed", "reason": "一致同意"}
    executive = await company.client("executive")
    for proposal in (1, 2, 3):
        await executive.did(f"{session}/changes/decide", {**decision, "proposal": proposal})
    await executive.did(f"{session}/distribution")
    told = await hr.saw(session, wait_for=executive.position)
    assert (told["fits"], [band["found"] for band in told["distribution"]]) == (True, wanted)
    assert [change["accepted"] for change in told["changes"]] == [True, True, True]
    await hr.did(f"{session}/close")
    assert (await hr.did(f"{CYCLE}/lock"))["done"] == 23
    rows = [await hr.saw(found[index], wait_for=hr.position) for index in (0, 8, 9)]
    assert [(row["score"], row["coefficient"]) for row in rows] == [
        ("89.99", "1.0000"),
        ("85.00", "1.0000"),
        ("84.99", "0.8000"),
    ]
    assert rows[0]["calibration"] == "-7.01"
    listed = await hr.saw("/calibration-sessions", cycle_id=str(ids.cycle_id("2025Q1")))
    assert [each["closed"] for each in listed["data"]] == [True]


async def test_an_adjustment_needs_two(company: Any) -> None:
    await company.appraising()
    made, appraisal = examples.EXAMPLES, f"/appraisals/{examples.APPRAISAL_ID}"
    hr = await company.client("hr")
    manager = await company.client("manager", examples.MANAGER_ID)
    await manager.did(f"{appraisal}/manager-rating", made["SubmitManagerRating"])
    for stage in ("comparison", "calibration"):
        await hr.did(f"/cycles/{examples.CYCLE_ID}/advance", {"to": stage})
    await manager.did(f"{appraisal}/adjustment", made["ProposeAdjustment"])
    assert (await hr.post(f"{appraisal}/lock")).json()["type"] == "/problems/adjustment-undecided"
    await hr.did(f"{appraisal}/adjustment/reject", made["RejectAdjustment"])
    await manager.did(f"{appraisal}/adjustment", made["ProposeAdjustment"])
    employee = await company.client("employee", examples.PERSON_ID)
    history = (await employee.saw(f"{appraisal}/history", wait_for=manager.position))["data"]
    withheld = {each["topic"] for each in history if each["withheld"]}
    # The deadline has passed: what the manager said is not sealed any longer, the rest is.
    assert withheld == {"appraisal.adjustment-proposed", "appraisal.adjustment-rejected"}
    await hr.did(f"{appraisal}/adjustment/approve")
    await hr.did(f"{appraisal}/lock")
    row = await hr.saw(appraisal, wait_for=hr.position)
    assert (row["score"], row["calibration"]) == ("91.26", "1.50")
