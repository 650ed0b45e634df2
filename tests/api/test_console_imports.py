"""An import is worked on in the console: what is in quarantine is mended or left out there."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from api import examples
from api.examples_migration import IMPORT_ID
from api.sessions import COOKIE_HERE, csrf_of
from domain.migration import FoundInRow, Place, QuarantineRows
from domain.migration_decisions import IMPORT
from tenancy.records import Stamp

AT = f"/imports/{IMPORT_ID}"


async def test_a_row_is_mended_and_another_left_out(
    company: Any, app: Any, http: httpx.AsyncClient
) -> None:
    admin = await company.client("admin")
    await admin.did("/imports", examples.EXAMPLES["StartImport"])
    store = await app.state.services.histories.of(company.tenant_id)
    findings = tuple(
        FoundInRow(
            place=Place(file=0, row=row),
            column="hired_on",
            rule="date",
            message="不是日期",
            value=value,
            suggestion="2024-02-29",
        )
        for row, value in ((3, "2024/2/29"), (4, "?"))
    )
    stamp = Stamp(now=datetime.now(UTC), actor=uuid4())
    await store.execute(IMPORT, UUID(IMPORT_ID), QuarantineRows(findings=findings), stamp)
    await admin.saw(AT, wait_for=await company.head())
    token = await admin.session()
    cookie = {"Cookie": f"{COOKIE_HERE}={token}"}
    page = await http.get(f"/console{AT}", headers=cookie)
    assert page.status_code == 200
    assert 'value="2024-02-29"' in page.text

    async def send(path: str, **fields: str) -> None:
        data = {"_do": f"{AT}/{path}", "_key": str(uuid4()), "_csrf": csrf_of(token), **fields}
        answer = await http.post(f"/console{AT}", data=data, headers=cookie)
        assert answer.status_code == 303, answer.text

    place = {"file": "0", "sheet": ""}
    await send(
        "fixes",
        **{f"fixes.0.place.{name}": value for name, value in {**place, "row": "3"}.items()},
        **{
            "fixes.0.column": "hired_on",
            "fixes.0.old": "2024/2/29",
            "fixes.0.new": "2024-02-29",
            "fixes.0.rule": "console",
        },
    )
    await send(
        "exclusions",
        **{f"places.0.{name}": value for name, value in {**place, "row": "4"}.items()},
        reason="无法确认",
    )
    rows = (await admin.saw(f"{AT}/rows", wait_for=await company.head()))["data"]
    assert {row["row"]: row["state"] for row in rows if row["row"] in {3, 4}} == {
        3: "fixed",
        4: "excluded",
    }
