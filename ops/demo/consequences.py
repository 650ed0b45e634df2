"""What the aftermath of the quarter must have shown: appeal, reward, pool, panel, and the books."""

from decimal import Decimal
from typing import Any

from ops.client import Api
from ops.demo.aftermath import Told
from ops.demo.findings import Findings
from ops.demo.model import Company
from ops.demo.quarter import Quarter


def consequences(findings: Findings, told: Told) -> None:
    """Each claim about what came after the quarter was paid."""
    _appeal(findings, told)
    _reward(findings, told)
    _pool(findings, told)
    _panel(findings, told)


def _appeal(findings: Findings, told: Told) -> None:
    versions = [(each["version"], each["score"]) for each in told.appealed["versions"]]
    findings.check(
        "worked case 10: the appeal, upheld after payment, makes version 2 of the score",
        holds=versions == [(1, "89.76"), (2, "91.36")] and told.first["score"] == "89.76",
        detail=" -> ".join(score for _, score in versions) + ", version 1 stays readable",
    )
    amounts = [_amount(line) for line in told.delta]
    findings.check(
        "worked case 10: the difference is paid, and a second run posts nothing",
        holds=amounts == [Decimal("480.00")] and told.delta_again == "already-paid",
        detail=f"+{amounts[0]}, then {told.delta_again}",
    )


def _reward(findings: Findings, told: Told) -> None:
    amounts = sorted(_amount(line) for line in told.reward)
    findings.check(
        "an instant reward of 8000.00 is shared by its team to the cent, outside every score",
        holds=amounts == [Decimal("2666.67"), Decimal("5333.33")]
        and all(line["appraisal_id"] is None for line in told.reward),
        detail=" + ".join(map(str, amounts)),
    )
    findings.check(
        "no reward goes beyond its budget",
        holds=told.beyond_budget == "budget-exceeded",
        detail=told.beyond_budget,
    )


def _pool(findings: Findings, told: Told) -> None:
    shares = [_amount(share) for share in told.pool["shares"]]
    lines = [_amount(line) for line in told.pool_lines]
    findings.check(
        "the shares of a pool, and what is paid of it, are the pool exactly",
        holds=sum(shares) == sum(lines) == Decimal("100000.00") and len(shares) > 1,
        detail=" + ".join(map(str, shares)),
    )


def _panel(findings: Findings, told: Told) -> None:
    groups = {each["group"]: each for each in told.groups}
    peers = groups["peer"]
    findings.check(
        "a 360 panel answers in groups: three peers are shown as one mean, nobody alone",
        holds=peers["shown"] and Decimal(peers["mean"]) == Decimal(85),
        detail=f"peers {peers['mean']}",
    )
    findings.check(
        "no lock while a calibration session has the appraisal",
        holds=told.session_lock == "calibration-session-open",
        detail=told.session_lock,
    )
    # 80 % of 80, 20 % of the panel (86 x 62.5 % + 85 x 37.5 % = 85.625), rounded; the session.
    findings.check(
        "judgement, panel and calibration session make the score",
        holds=told.panel["score"] == "81.63" and told.panel["calibration"] == "0.50",
        detail=f"81.13 + {told.panel['calibration']} = {told.panel['score']}",
    )


async def books(
    findings: Findings, api: Api, company: Company, quarter: Quarter, told: Told
) -> int:
    """The books after all of it; how many lines were paid beside the quarter's.

    The trial balance is still zero, and what left the bank is what people were paid.
    """
    auditor = quarter.auditor
    paid, lines = Decimal(0), 0
    for batch in (quarter.batch, *told.batches):
        async for row in api.pages(auditor, "/payouts", batch_id=str(batch)):
            paid += _amount(row)
            lines += batch != quarter.batch
    found = await api.get(auditor, "/ledger/trial-balance")
    out = Decimal(0)
    async for row in api.pages(auditor, "/ledger/accounts"):
        if row["account"].startswith("clearing:bank:"):
            out -= Decimal(row["balance"]["amount"])
    findings.check(
        "after all of it the books balance, and what left the bank is what people were paid",
        holds=found["balanced"] and out == paid,
        detail=f"{paid} {company.currency}",
    )
    return lines


def _amount(row: dict[str, Any]) -> Decimal:
    return Decimal(row["amount"]["amount"])
