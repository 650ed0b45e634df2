"""A company suspends itself, takes all along, and is ended by two people after three days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain import ids
from domain.tenant_life import (
    CancelTenantErasure,
    ConfirmTenantErasure,
    FinishTenantExport,
    RequestTenantErasure,
    RequestTenantExport,
    ResumeTenant,
    SuspendTenant,
    TenantErasureConfirmed,
    TenantErasureRequested,
    TenantExportFinished,
    TenantExportRequested,
    TenantResumed,
    TenantSuspended,
    kept_until,
)

ASKS, CONFIRMS = ids.person_id("asks"), ids.person_id("confirms")
BUNDLE = UUID(int=17, version=4)
SUSPEND = SuspendTenant(reason="合同到期")


@pytest.fixture
def leaving(world: Any) -> Any:
    world.now = datetime(2025, 6, 2, 9, tzinfo=UTC)
    return Leaving(world)


class Leaving:
    """The one stream of a company's own life."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def did(self, command: Any, actor: UUID = ASKS) -> Any:
        return self.world.do(command, on=ids.TENANT_ID, actor=actor)

    def refused(self, code: str, command: Any, actor: UUID = ASKS) -> Any:
        return self.world.refuses(code, command, on=ids.TENANT_ID, actor=actor)

    def exported(self, export_id: UUID = BUNDLE) -> None:
        self.did(RequestTenantExport(export_id=export_id))
        self.did(FinishTenantExport(export_id=export_id, position=7, sha256="00"))


def test_suspended_once_and_resumed(leaving: Leaving) -> None:
    leaving.refused("tenant-not-suspended", ResumeTenant(reason="x"))
    leaving.refused("reason-missing", SuspendTenant(reason=" "))
    assert leaving.did(SUSPEND) == (TenantSuspended(reason="合同到期"),)
    leaving.refused("already-suspended", SUSPEND)
    assert leaving.did(ResumeTenant(reason="续签"), CONFIRMS) == (TenantResumed(reason="续签"),)
    leaving.refused("tenant-not-suspended", ResumeTenant(reason="x"))


def test_an_export_is_asked_for_and_finished(leaving: Leaving) -> None:
    finish = FinishTenantExport(export_id=BUNDLE, position=7, sha256="ab")
    leaving.refused("unknown-export", finish)
    asked = leaving.did(RequestTenantExport(export_id=BUNDLE))
    assert asked == (TenantExportRequested(export_id=BUNDLE),)
    leaving.refused("already-exists", RequestTenantExport(export_id=BUNDLE))
    assert leaving.did(finish) == (TenantExportFinished(export_id=BUNDLE, position=7, sha256="ab"),)


def test_two_people_and_three_days_end_a_company(leaving: Leaving) -> None:
    request, confirm = RequestTenantErasure(reason="合同终止"), ConfirmTenantErasure()
    leaving.refused("unknown-tenant-erasure", confirm)
    leaving.refused("tenant-not-suspended", request)
    leaving.did(SUSPEND)
    asked_at = leaving.world.now
    assert leaving.did(request) == (TenantErasureRequested(reason="合同终止"),)
    leaving.refused("tenant-erasure-requested", request, CONFIRMS)
    leaving.refused("tenant-erasure-requested", ResumeTenant(reason="x"))
    leaving.refused("same-actor", confirm)
    told = leaving.refused("erasure-waits", confirm, CONFIRMS)
    assert told == "Not before 2025-06-05T09:00Z."
    leaving.world.now = asked_at + timedelta(days=3, microseconds=-1)
    leaving.refused("erasure-waits", confirm, CONFIRMS)
    leaving.world.now += timedelta(microseconds=1)
    leaving.refused("same-actor", confirm)
    assert leaving.did(confirm, CONFIRMS) == (TenantErasureConfirmed(),)
    for command in (confirm, SUSPEND, ResumeTenant(reason="x"), CancelTenantErasure(reason="x")):
        leaving.refused("tenant-ended", command, CONFIRMS)


def test_whoever_cancels_it_begins_the_days_anew(leaving: Leaving) -> None:
    request = RequestTenantErasure(reason="合同终止")
    leaving.refused("unknown-tenant-erasure", CancelTenantErasure(reason="x"))
    leaving.did(SUSPEND)
    leaving.did(request)
    leaving.did(CancelTenantErasure(reason="续签"), CONFIRMS)
    leaving.world.now += timedelta(days=9)
    leaving.refused("unknown-tenant-erasure", ConfirmTenantErasure(), CONFIRMS)
    leaving.did(request)
    leaving.refused("erasure-waits", ConfirmTenantErasure(), CONFIRMS)


def test_what_the_law_keeps_is_exported_first_and_whole(leaving: Leaving) -> None:
    """A bundle of before the suspension lacks what was written after it."""
    other = UUID(int=18, version=4)
    leaving.exported(other)
    leaving.did(SUSPEND)
    until = date(2027, 6, 1)
    blocked = RequestTenantErasure(reason="x", kept_until=until)
    leaving.refused("erasure-blocked-by-retention", blocked)
    for export_id in (other, BUNDLE):
        wrong = RequestTenantErasure(reason="x", kept_until=until, export_id=export_id)
        leaving.refused("unknown-export", wrong)
    leaving.exported()
    kept = RequestTenantErasure(reason="x", kept_until=until, export_id=BUNDLE)
    (done,) = leaving.did(kept)
    assert (done.export_id, done.kept_until) == (BUNDLE, until)


def test_what_the_law_has_let_go_of_needs_no_export(leaving: Leaving) -> None:
    leaving.did(SUSPEND)
    leaving.did(RequestTenantErasure(reason="x", kept_until=date(2025, 6, 2)))


def test_kept_until_the_last_of_all_employments() -> None:
    assert kept_until([], 24) is None
    assert kept_until([date(2025, 4, 30), date(2023, 12, 31)], 24) == date(2027, 5, 1)
    assert kept_until([date(2025, 4, 30), None], 24) == date.max
