"""Fences are off until a company sets one and a person consents; missed punches are decided."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain import ids
from domain.attendance import ATTENDANCE_SHEET, AttendanceRecorded, RecordAttendance
from domain.fence import (
    FenceSet,
    GiveLocationConsent,
    LocationConsentGiven,
    LocationConsentWithdrawn,
    Place,
    RemoveFence,
    SetFence,
    WithdrawLocationConsent,
)
from domain.org_units import CreateOrgUnit, MoveOrgUnit
from domain.time_request import (
    ApproveTimeRequest,
    PunchRequested,
    RejectTimeRequest,
    RequestPunch,
    TimeRequestApproved,
)

DAY = date(2025, 3, 10)
AT = datetime(2025, 3, 10, 1, tzinfo=UTC)
HERE = Place(
    name="总部", latitude=Decimal("31.230416"), longitude=Decimal("121.473701"), radius_m=300
)


def clock(company: Any, **told: Any) -> RecordAttendance:
    return RecordAttendance(
        employment_id=company.employment, on=DAY, at=AT, direction="in", device="phone", **told
    )


def test_no_place_is_kept_before_both_agree(company: Any) -> None:
    world, sheet = company.world, ids.attendance_sheet_id(company.employment, 2025, 3)
    unit = world.states[company.employment].assignments[0].assignment.org_unit_id
    inside, consent = clock(company, place="inside"), ids.location_consent_id(company.seller)
    world.refuses("no-fence", inside, on=sheet, actor=company.seller)
    fence = SetFence(org_unit_id=unit, places=(HERE,))
    (given,) = world.do(fence, on=ids.fence_id(unit))
    assert given == FenceSet(org_unit_id=unit, places=(HERE,))
    world.refuses("no-location-consent", inside, on=sheet, actor=company.seller)
    own = GiveLocationConsent(person_id=company.seller)
    world.refuses("not-own-consent", own, on=consent, actor=company.manager)
    assert world.do(own, on=consent, actor=company.seller) == (
        LocationConsentGiven(person_id=company.seller),
    )
    world.refuses("already-exists", own, on=consent, actor=company.seller)
    (recorded,) = world.do(inside, on=sheet, actor=company.seller)
    assert recorded == AttendanceRecorded(
        employment_id=company.employment,
        on=DAY,
        at=AT,
        direction="in",
        device="phone",
        place="inside",
    )
    # The whole of what is kept: no field could hold where somebody was.
    assert set(AttendanceRecorded.__struct_fields__) == {
        "employment_id",
        "on",
        "at",
        "direction",
        "device",
        "place",
    }
    (record,) = world.state(ATTENDANCE_SHEET, sheet).records
    assert record.place == "inside"
    withdrawn = WithdrawLocationConsent(person_id=company.seller, reason="不再使用")
    assert world.do(withdrawn, on=consent, actor=company.seller) == (
        LocationConsentWithdrawn(person_id=company.seller, reason="不再使用"),
    )
    world.refuses("no-location-consent", withdrawn, on=consent, actor=company.seller)
    later = clock(company, place="outside")
    later = msgspec.structs.replace(later, at=AT + timedelta(hours=1))
    world.refuses("no-location-consent", later, on=sheet, actor=company.seller)
    # Without it one clocks in as ever.
    world.do(msgspec.structs.replace(later, place=None), on=sheet, actor=company.seller)
    world.do(RemoveFence(org_unit_id=unit, reason="取消"), on=ids.fence_id(unit))
    world.refuses("no-fence", RemoveFence(org_unit_id=unit, reason="取消"), on=ids.fence_id(unit))


def test_a_fence_holds_for_those_below(company: Any) -> None:
    world, sheet = company.world, ids.attendance_sheet_id(company.employment, 2025, 3)
    unit = world.states[company.employment].assignments[0].assignment.org_unit_id
    top = ids.org_unit_id("TOP")
    world.do(CreateOrgUnit(code="TOP", name="总公司", parent_id=None, valid_from=date(2020, 1, 1)))
    world.do(MoveOrgUnit(parent_id=top, effective_from=date(2025, 1, 1), reason="合并"), on=unit)
    world.do(SetFence(org_unit_id=top, places=(HERE,)), on=ids.fence_id(top))
    consent = ids.location_consent_id(company.seller)
    world.do(GiveLocationConsent(person_id=company.seller), on=consent, actor=company.seller)
    world.do(clock(company, place="outside"), on=sheet, actor=company.seller)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude": Decimal("90.5")},
        {"longitude": Decimal(-181)},
        {"radius_m": 10},
        {"radius_m": 50_000},
    ],
    ids=str,
)
def test_what_is_no_fence(company: Any, wrong: dict[str, Any]) -> None:
    unit = company.world.states[company.employment].assignments[0].assignment.org_unit_id
    place = msgspec.structs.replace(HERE, **wrong)
    for places in ((), (place,)):
        fence = SetFence(org_unit_id=unit, places=places)
        company.world.refuses("bad-fence", fence, on=ids.fence_id(unit))


def test_a_missed_punch_is_recorded_once_another_approves(company: Any) -> None:
    world, sheet = company.world, ids.attendance_sheet_id(company.employment, 2025, 3)
    stream = ids.time_request_id(company.employment, "punch-out", DAY)
    ask = RequestPunch(
        employment_id=company.employment,
        on=DAY,
        at=datetime(2025, 3, 10, 10, tzinfo=UTC),
        direction="out",
        reason="忘记打卡",
    )
    future = msgspec.structs.replace(ask, on=world.now.date(), at=world.now + timedelta(hours=1))
    world.refuses("bad-date", future, on=stream, actor=company.seller)
    other_day = msgspec.structs.replace(ask, on=date(2025, 3, 14))
    world.refuses("bad-date", other_day, on=stream, actor=company.seller)
    (asked,) = world.do(ask, on=stream, actor=company.seller)
    assert asked == PunchRequested(
        employment_id=company.employment,
        person_id=company.seller,
        manager_id=company.manager,
        on=DAY,
        at=ask.at,
        direction="out",
        reason="忘记打卡",
    )
    world.refuses("own-time-request", ApproveTimeRequest(), on=stream, actor=company.seller)
    world.do(RejectTimeRequest(reason="无记录"), on=stream, actor=company.manager)
    assert world.events(sheet) == []
    world.do(ask, on=stream, actor=company.seller)
    done = world.do(ApproveTimeRequest(), on=stream, actor=company.manager)
    assert done[0] == TimeRequestApproved(person_id=company.seller, comment="")
    (record,) = world.state(ATTENDANCE_SHEET, sheet).records
    assert (record.at, record.direction, record.device) == (ask.at, "out", "request")
    world.refuses("already-exists", ask, on=stream, actor=company.seller)
