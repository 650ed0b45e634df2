"""Every page in real Chromium, at phone and desktop size: whole, accessible, quiet, light."""

import re
from typing import Any

import pytest

from api.console.catalogue import PAGES

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)
FIRST_PAGE_BYTES_MAX = 200_000

WHO = {
    "": "employee",
    "/progress": "employee",
    "/results": "employee",
    "/appraisals/{appraisal_id}": "employee",
    "/appraisals/{appraisal_id}/history": "employee",
    "/appraisals/{appraisal_id}/receipt": "employee",
    "/appraisals/{appraisal_id}/raters": "hr",
    "/appraisals/{appraisal_id}/appeal": "employee",
    "/appraisals/{appraisal_id}/self-rating": "employee",
    "/appeals": "employee",
    "/appeals/{appeal_id}": "employee",
    "/approvals": "hr",
    "/delegations": "manager",
    "/peer-ratings": "employee",
    "/clock": "employee",
    "/time-off": "manager",
    "/rewards": "manager",
    "/rewards/{reward_id}": "hr",
    "/recognitions": "employee",
    "/team": "manager",
    "/cycles": "hr",
    "/cycles/{cycle_id}": "hr",
    "/calibration": "hr",
    "/calibration/{session_id}": "hr",
    "/appeals-desk": "hr",
    "/appeals-desk/{appeal_id}": "hr",
    "/organisation": "hr",
    "/people/{person_id}": "hr",
    "/schemes": "hr",
    "/schemes/{scheme_id}": "hr",
    "/schemes/{scheme_id}/edit": "hr",
    "/batches": "finance",
    "/batches/{batch_id}": "finance",
    "/payouts/{payout_id}": "finance",
    "/ledger": "finance",
    "/ledger/entries": "finance",
    "/differences": "finance",
    "/appraisals/{appraisal_id}/rating": "manager",
    "/performance": "executive",
    "/audit": "auditor",
    "/audit/events/{position}": "auditor",
    "/audit/compare": "auditor",
    "/audit/proof": "auditor",
    "/audit/reads": "auditor",
    "/audit/permissions": "auditor",
    "/incidents": "hr",
    "/incidents/{incident_id}": "hr",
    "/health": "administrator",
    "/reports": "executive",
    "/imports": "administrator",
    "/imports/{import_id}": "administrator",
    "/imports/trace": "administrator",
}
"""Whose page each is: a new page is to be named here, and so looked at."""

QUARTER = {"/appraisals/{appraisal_id}/self-rating": 2, "/appraisals/{appraisal_id}/rating": 1}
"""Of the appraisal that is looked at, where it is not the paid one."""


NAMED = (
    ("cycle_id", "/cycles", 1),
    ("batch_id", "/payout-batches", 0),
    ("payout_id", "/payouts", 0),
    ("scheme_id", "/schemes", 0),
    ("person_id", "/people", 0),
)
"""Where an id of a path comes from, and which of the rows it is."""


def test_every_page_is_looked_at() -> None:
    assert WHO.keys() == {page.path for page in PAGES}


def address(site: Any, path: str) -> str:
    """The page's address with ids of the demo company."""
    if "{position}" in path:
        return path.replace("{position}", "9")
    if "{appeal_id}" in path:
        return re.sub(r"\{appeal_id\}", _appeal(site), path)
    if "{import_id}" in path:
        return path.replace("{import_id}", _import(site))
    if "{incident_id}" in path:
        return path.replace("{incident_id}", _incident(site))
    if "{session_id}" in path:
        return path.replace("{session_id}", _session(site))
    if "{reward_id}" in path:
        return path.replace("{reward_id}", _reward(site))
    for name, where, at in NAMED:
        if f"{{{name}}}" in path:
            return path.replace(f"{{{name}}}", site.asked("finance", where)["data"][at][name])
    return path.replace("{appraisal_id}", site.own("employee", QUARTER.get(path, 0)))


def _appeal(site: Any) -> str:
    """An appeal of the employee's, filed where there is none yet."""
    found = site.asked("employee", "/appeals")["data"]
    if not found:
        site.did(
            "employee",
            "/appeals",
            {
                "appraisal_id": site.own("employee", 0),
                "lock_version": 1,
                "indicator": "collection",
                "statement": "三月有一笔回款未计入。",
            },
        )
        found = site.asked("employee", "/appeals")["data"]
    return str(found[0]["appeal_id"])


def _import(site: Any) -> str:
    """An import, begun where there is none yet."""
    found = site.asked("administrator", "/imports")["data"]
    if found:
        return str(found[0]["import_id"])
    file = {"name": "people.csv", "sha256": "ab" * 32, "size": 1200}
    body = {"code": "people", "owner": "Li Na", "mapping_digest": "cd" * 32, "files": [file]}
    return str(site.did("administrator", "/imports", body)["id"])


def _incident(site: Any) -> str:
    """An incident, reported where there is none yet."""
    found = site.asked("hr", "/incidents")["data"]
    if not found:
        body = {"code": "INC-1", "title": "查询打不开", "severity": "major", "source": "staff"}
        site.did("hr", "/incidents", body)
        head = site.asked("hr", "/tenants/self")["position"]
        found = site.asked("hr", "/incidents", wait_for=head)["data"]
    return str(found[0]["incident_id"])


def _reward(site: Any) -> str:
    """A reward, proposed where there is none yet."""
    if not site.asked("hr", "/rewards")["data"]:
        employment = site.asked("employee", "/employments")["data"][0]
        money = {"amount": "20000.00", "currency": "CNY"}
        budget = {
            "code": "2025-REWARDS",
            "org_unit_id": employment["org_unit_id"],
            "cost_centre": "CC-100",
            "amount": money,
            "personal_cap": money,
            "starts_on": "2025-01-01",
            "ends_on": "2025-12-31",
        }
        reward = {
            "code": "R-2025-001",
            "budget_id": site.did("finance", "/reward-budgets", budget)["id"],
            "kind": "breakthrough",
            "title": "首个千万级合同",
            "reason": "签下区域首个千万级合同",
            "amount": {"amount": "8000.00", "currency": "CNY"},
            "achieved_on": "2025-03-10",
            "contributors": [{"employment_id": employment["employment_id"]}],
            "on_the_wall": True,
        }
        site.did("manager", "/rewards", reward)
    return str(site.asked("hr", "/rewards")["data"][0]["reward_id"])


def _session(site: Any) -> str:
    """A calibration session over some of the quarter that was compared."""
    found = site.asked("hr", "/calibration-sessions")["data"]
    if not found:
        cycle_id = site.asked("hr", "/cycles")["data"][1]["cycle_id"]
        rows = site.asked("hr", f"/cycles/{cycle_id}/appraisals", limit=20)["data"]
        body = {
            "code": "CAL-1",
            "name": "营销校准会",
            "cycle_id": cycle_id,
            "appraisal_ids": [row["appraisal_id"] for row in rows[5:]],
        }
        site.did("hr", "/calibration-sessions", body)
        found = site.asked("hr", "/calibration-sessions")["data"]
    return str(found[0]["session_id"])


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("path", WHO, ids=lambda path: path or "start")
async def test_a_page_is_whole(path: str, size: tuple[int, int], visit: Any, site: Any) -> None:
    scheme, language = ("light", "zh-CN") if size == PHONE else ("dark", "en-US")
    seen = await visit(WHO[path], size, scheme=scheme, language=language)
    page = await seen.open(address(site, path))
    assert await page.locator("h1").count() == 1
    assert await page.locator("main").count() == 1
    assert await page.get_attribute("html", "lang") == ("zh-CN" if size == PHONE else "en")
    assert await seen.overflow() <= 0
    assert await seen.violations() == []
    assert await seen.accessible() == []
    figures = page.locator("figure[data-chart]")
    for at in range(await figures.count()):
        await figures.nth(at).scroll_into_view_if_needed()
        await page.wait_for_function(
            "at => document.querySelectorAll('figure[data-chart]')[at].dataset.drawn", arg=at
        )
    assert seen.bytes_own < FIRST_PAGE_BYTES_MAX
    assert await page.locator("footer time").count() == 1


@pytest.mark.parametrize("path", ["", "/progress", "/team"], ids=lambda path: path or "start")
async def test_a_page_fits_320_pixels(path: str, visit: Any, site: Any) -> None:
    seen = await visit(WHO[path], (320, 640))
    await seen.open(address(site, path))
    assert await seen.overflow() <= 0
