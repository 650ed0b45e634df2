"""Who could see or change a score at a time, and who did."""

from datetime import UTC, datetime, timedelta
from typing import Any

from api import examples

APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"


def _now() -> str:
    return datetime.now(UTC).isoformat()


async def _key(company: Any, name: str, role: str, **more: Any) -> str:
    admin = await company.client("admin")
    told = await admin.did("/keys", {"name": name, "roles": [role], **more})
    return str(told["id"])


async def _asked(company: Any, on: str) -> dict[str, Any]:
    auditor = await company.client("auditor")
    told: dict[str, Any] = await auditor.saw(
        "/audit/permissions", subject=examples.APPRAISAL_ID, on=on
    )
    return told


def _could(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in told["could"]}


async def test_rights_come_and_go(company: Any) -> None:
    await company.locked()
    begun = _now()
    hr_key = await _key(company, "hr", "hr")
    await _key(company, "clerk", "integration")
    await _key(company, "boss", "manager", person_id=examples.MANAGER_ID)
    await _key(company, "wang", "employee", person_id=examples.PERSON_ID)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    await _key(company, "guest", "auditor", expires_at=soon)
    granted = _now()
    admin = await company.client("admin")
    await admin.did(f"/keys/{hr_key}/revoke", {"reason": "left"})
    revoked = _now()

    assert _could(await _asked(company, begun)) == {}
    could = _could(await _asked(company, granted))
    assert could.keys() == {"hr", "boss", "wang", "guest"}
    assert could["hr"]["stands"] == ["company"]
    assert could["boss"]["stands"] == ["manager"]
    assert could["wang"]["stands"] == ["ratee"]
    assert could["hr"]["granted_by"] == (await admin.saw("/tenants/self"))["key_id"]
    assert (could["hr"]["sees_score"], could["wang"]["sees_score"]) == (True, False)
    assert "/appraisals/{appraisal_id}/lock" in could["hr"]["may_change"]
    assert "/appraisals/{appraisal_id}/lock" not in could["boss"]["may_change"]
    assert "/appraisals/{appraisal_id}/manager-rating" in could["boss"]["may_change"]
    assert could["guest"]["may_change"] == []
    assert "/appraisals/{appraisal_id}/explanation" in could["guest"]["may_read"]
    assert _could(await _asked(company, revoked)).keys() == {"boss", "wang", "guest"}
    later = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    assert _could(await _asked(company, later)).keys() == {"boss", "wang"}

    hr = await company.client("hr")
    await hr.did(f"{APPRAISAL}/publish")
    assert _could(await _asked(company, _now()))["wang"]["sees_score"]
    assert not _could(await _asked(company, revoked))["wang"]["sees_score"]


async def test_what_they_did(company: Any) -> None:
    await company.locked()
    locked = _now()
    hr = await company.client("hr")
    answer = await hr.get(APPRAISAL)
    read = _now()
    before, after = await _asked(company, locked), await _asked(company, read)
    assert before["read"] == []
    assert [each["request_id"] for each in after["read"]] == [answer.headers["request-id"]]
    assert before["changed"] == after["changed"]
    topics = [each["topic"] for each in after["changed"]]
    assert topics[:2] == ["appraisal.receipt-issued", "appraisal.score-locked"]
    assert {"goal-sheet.proposed", "appraisal.manager-rating-submitted"} <= set(topics)
    (rated,) = (
        each for each in after["changed"] if each["topic"] == "appraisal.manager-rating-submitted"
    )
    assert rated["actor"] == examples.MANAGER_ID
    assert after["manager_id"] == examples.MANAGER_ID


async def test_the_answer_is_about_an_appraisal_that_was_there(company: Any) -> None:
    early = _now()
    await company.locked()
    auditor = await company.client("auditor")
    for subject, on in ((examples.APPRAISAL_ID, early), (examples.PERSON_ID, _now())):
        answer = await auditor.get("/audit/permissions", params={"subject": subject, "on": on})
        assert answer.status_code == 404
    for query in ("on=2026-01-01T00:00:00Z", f"subject={examples.APPRAISAL_ID}"):
        assert (await auditor.get(f"/audit/permissions?{query}")).status_code == 400
