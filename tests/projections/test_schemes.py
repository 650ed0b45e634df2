"""The views of schemes and of what happens beside the indicators."""

from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec

from domain.cycle import SchemeBound
from domain.ids import employment_id, occurrence_sheet_id
from domain.lint import Finding
from domain.occurrences import OccurrenceWithdrawn, VetoApplied, VetoProposed
from domain.scheme import (
    SchemeApproved,
    SchemeDrafted,
    SchemeLinted,
    SchemeRetired,
    SchemeVersionPublished,
    WeightsChanged,
)
from domain.scheme_change import SchemeVersionChanged, WholeCycle
from domain.scheme_diff import Change
from projections import occurrences, planning, schemes


async def test_each_version_has_its_standing(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.units())
    finding = Finding(code="cliff", severity="warning", where="calls", detail="x")
    change = Change(path="p", before="1", after="2")
    effect = WholeCycle(cycle_id=story.CYCLE)
    async with company.view() as view:
        (before,) = (await schemes.schemes(view)).items
    content = before.versions[0].content
    renamed = msgspec.structs.replace(content, name="新方案")
    story_of = [
        SchemeDrafted(code="MKT", version=2, content=renamed, template="t"),
        SchemeLinted(version=2, findings=(finding,)),
        SchemeApproved(version=2, effect=effect, accepted_faults=("x",), reason="y"),
        SchemeVersionPublished(version=2, reason="z", effect=effect),
        WeightsChanged(version=2, before=1, changes=(change,), reason="z"),
        SchemeRetired(version=1, reason="旧"),
    ]
    await company.tell((story.SCHEME, event) for event in story_of)
    async with company.view() as view:
        scheme = await schemes.scheme(view, story.SCHEME)
        assert scheme is not None
        first, second = scheme.versions
    assert scheme.name == "新方案"
    assert (first.standing, first.published, first.content) == ("retired", True, content)
    assert (second.standing, second.effect, second.reason) == ("published", effect, "z")
    assert (second.findings, second.weights_changed) == ((finding,), (change,))
    assert second.accepted_faults == ("x",)
    assert second.published_by == second.approved_by == second.drafted_by


async def test_the_library_and_the_simulations(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.units())
    async with company.view() as view:
        (calls,) = (await schemes.indicators(view, nature="economic")).items
        assert (calls.code, calls.retired, len(calls.versions)) == ("calls", False, 1)
        assert (await schemes.indicators(view, nature="duty")).items == ()
        told = await schemes.simulations(view, story.SCHEME)
        assert told is not None
        assert [each.version for each in told.newest] == [1]


async def test_a_cycle_tells_its_bindings_and_changes(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.units())
    unit = uuid4()
    bound = SchemeBound(
        scheme_id=story.SCHEME, scheme_version=1, family="marketing", level=3, org_unit_id=unit
    )
    split = SchemeVersionChanged(
        scheme_id=story.SCHEME, before=1, after=2, effective_from=date(2026, 2, 1)
    )
    whole = SchemeVersionChanged(scheme_id=story.SCHEME, before=1, after=3)
    await company.tell((story.CYCLE, event) for event in (bound, split, whole))
    async with company.view() as view:
        cycle = await planning.cycle(view, story.CYCLE)
    assert cycle is not None
    assert cycle.schemes[-1].org_unit_id == unit
    assert {each.scheme_version for each in cycle.schemes} == {3}
    assert [each.effective_from for each in cycle.changes] == [date(2026, 2, 1), None]


async def test_occurrences_count_wait_or_were_withdrawn(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(1))
    sheet_id = occurrence_sheet_id(story.CYCLE, employment_id("E0"))
    async with company.view() as view:
        (row,) = (await occurrences.sheets(view, cycle_id=story.CYCLE)).items
        (late,) = row.occurrences
        assert await occurrences.reasons(view, row) == {late.event_id: "迟交三次"}
    proposed = VetoProposed(
        cycle_id=row.cycle_id,
        employment_id=row.employment_id,
        person_id=row.person_id,
        item="breach",
        occurred_on=date(2026, 2, 3),
        reason="虚报",
    )
    withdrawn = OccurrenceWithdrawn(person_id=row.person_id, occurrence=late.event_id)
    await company.tell([(sheet_id, proposed), (sheet_id, withdrawn)])
    async with company.view() as view:
        found = await occurrences.sheet(view, sheet_id)
    assert found is not None
    assert [each.state for each in found.occurrences] == ["withdrawn", "proposed"]
    veto = found.occurrences[1]
    applied = VetoApplied(proposal=veto.event_id, item="breach", occurred_on=veto.occurred_on)
    await company.tell([(sheet_id, applied)])
    async with company.view() as view:
        found = await occurrences.sheet(view, sheet_id)
    assert found is not None
    assert (found.occurrences[1].state, found.occurrences[1].kind) == ("counts", "veto")
    assert found.occurrences[1].event_id != veto.event_id
