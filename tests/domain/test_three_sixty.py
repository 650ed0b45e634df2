"""360 ratings: who is asked, what groups say, what is suppressed, what nobody may tell apart."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ids
from domain.appraisal import LockScore
from domain.conduct import RaterGroupSuppressed
from domain.cycle import OpenCycle
from domain.explanation import Node, leaves
from domain.goals import AgreeGoals, ProposeGoals, Target
from domain.kernel import Context
from domain.leave_one_out import without_rater
from domain.peer_rating import PEER_RATING, PeerRatingSubmitted, SubmitPeerRating
from domain.rater_groups import group_results, responses_of, without_raters
from domain.rater_panel import (
    ApproveRater,
    DeclineRater,
    NominateRater,
    RaterApproved,
    RaterDeclined,
    RaterNominated,
    RaterReplaced,
    ReplaceRater,
)
from domain.rater_panel_decisions import RATERS_MAX
from domain.ratings import ExplainDeviation, ReviseManagerRating
from domain.rules import (
    Band,
    Banded,
    Indicator,
    Manual,
    MultiRater,
    RaterGroup,
    Ratio,
    SchemeContent,
    Section,
)
from domain.standing import standing

BANDS = Banded(
    bands=tuple(
        Band(from_score=Decimal(edge), coefficient=Decimal(coefficient))
        for edge, coefficient in ((0, "0"), (60, "0.6"), (70, "0.8"), (85, "1.0"), (95, "1.2"))
    )
)


def groups(*, shown_from: int = 3) -> tuple[RaterGroup, ...]:
    return (
        RaterGroup(code="superior", weight_bp=5000, scored_from=1, shown_from=1),
        RaterGroup(code="peer", weight_bp=3000, shown_from=shown_from),
        RaterGroup(code="subordinate", weight_bp=2000, shown_from=shown_from),
    )


def function_scheme(missing: Any = "renormalise", **options: Any) -> SchemeContent:
    """FUN-v1: KPI 60, KCI 20 (innovation, support), 360 20."""
    half = [
        Indicator(code=code, name=code, weight_bp=5000, rule=Manual())
        for code in ("innovation", "support")
    ]
    around = MultiRater(groups=groups(**options), missing=missing)

    def section(code: str, weight: int, *indicators: Indicator) -> Section:
        return Section(code=code, name=code, weight_bp=weight, indicators=indicators)

    return SchemeContent(
        name="FUN-v1",
        sections=(
            section("kpi", 6000, Indicator(code="kpi", name="KPI", weight_bp=10000, rule=Ratio())),
            section("kci", 2000, *half),
            section("raters", 2000, Indicator(code="360", name="x", weight_bp=10000, rule=around)),
        ),
        coefficient=BANDS,
    )


class Around:
    """A function's appraisal with a superior and peers who can be asked."""

    def __init__(self, company: Any, content: SchemeContent | None = None) -> None:
        self.company, self.world = company, company.world
        self.company.define_job("clerk", "function")
        self.employment = company.hire("clerk", job="clerk", manager_id=company.manager)
        self.person = ids.person_id("clerk")
        self.boss = company.manager
        company.hire("manager", job="clerk", manager_id=company.head)
        self.peers = [self.colleague(f"peer-{n}") for n in range(1, 6)]
        scheme = company.publish(content or function_scheme(), "FUN")
        company.plan()
        company.bind(scheme, "function")
        company.world.do(OpenCycle(), on=company.cycle)
        self.appraisal = company.create_appraisal(self.employment)
        self.panel = ids.rater_panel_id(self.appraisal)
        target = Target(indicator="kpi", target=Decimal(100))
        self.world.do(ProposeGoals(appraisal_id=self.appraisal, targets=(target,)), actor=self.boss)
        self.world.do(AgreeGoals(), on=ids.goal_sheet_id(self.appraisal), actor=self.person)
        company.record(self.employment, kpi="88")

    def colleague(self, number: str) -> UUID:
        self.company.hire(number, job="clerk", manager_id=self.company.manager)
        return ids.person_id(number)

    def ask(self, rater: UUID, group: str) -> None:
        nomination = NominateRater(appraisal_id=self.appraisal, rater_id=rater, group=group)
        self.world.do(nomination, actor=self.person)
        self.world.do(ApproveRater(rater_id=rater), on=self.panel)

    def rating(self, rater: UUID, points: str, comment: str = "") -> SubmitPeerRating:
        return SubmitPeerRating(
            appraisal_id=self.appraisal,
            rater_id=rater,
            ratings=self.company.ratings(**{"360": points}),
            comment=comment,
        )

    def answer(self, rater: UUID, points: str) -> None:
        self.world.do(self.rating(rater, points), actor=rater)

    def to_rating(self) -> None:
        self.company.advance("rating")
        self.company.score(self.appraisal)

    def rated(self, *, innovation: str = "70", support: str = "80") -> None:
        self.company.rate_self(self.appraisal, innovation="90", support="85")
        self.company.rate_as_manager(self.appraisal, innovation=innovation, support=support)
        self.explain()

    def explain(self) -> None:
        for of in self.world.states[self.appraisal].unexplained:
            reason = ExplainDeviation(of=of, reason="项目延期")
            self.world.do(reason, on=self.appraisal, actor=self.boss)

    def standing(self) -> Any:
        context = Context(now=self.world.now, actor=self.boss, look=self.world)
        return standing(self.world.states[self.appraisal], context)

    def lock(self) -> tuple[Any, ...]:
        self.company.advance("calibration")
        found: tuple[Any, ...] = self.company.lock(self.appraisal)
        return found


@pytest.fixture
def around(company: Any) -> Around:
    return Around(company)


def found(node: Node, label: str, rule: str = "weighted-mean") -> Node:
    """The one node of a tree with this label and rule."""
    inside = [node] if (node.label, node.rule) == (label, rule) else []
    for part in node.inputs:
        try:
            inside.append(found(part, label, rule))
        except LookupError:
            continue
    if len(inside) != 1:
        raise LookupError(label)
    return inside[0]


# -- worked cases


def test_case_5c_a_revised_rating_crosses_an_edge(around: Around) -> None:
    """84.60 -> 0.8; innovation revised from 70 to 75 -> 85.10 -> 1.0; both warn of the edge."""
    around.ask(around.boss, "superior")
    around.to_rating()
    around.answer(around.boss, "84")
    around.rated()
    now = around.standing()
    assert (now.score, now.coefficient) == (Decimal("84.60"), Decimal("0.8000"))
    assert now.near_edge == Decimal(85)

    revision = ReviseManagerRating(
        ratings=around.company.ratings(innovation="75", support="80"), reason="补充证据"
    )
    revised, compared, flagged = around.world.do(revision, on=around.appraisal, actor=around.boss)
    assert revised.reason == "补充证据"
    assert [each.of for each in compared.compared] == ["innovation", "support", "total"]
    assert [each.of for each in flagged.flagged] == ["innovation"]
    around.explain()
    *_, locked, receipt = around.lock()
    assert (locked.score, locked.coefficient) == (Decimal("85.10"), Decimal("1.0000"))
    assert around.standing().near_edge == Decimal(85)
    assert receipt.score == locked.score


def test_case_6_a_missing_rater_is_not_zero(around: Around, evaluate: Any) -> None:
    """Superior 86; peers 90, 81 and one missing; no subordinates: 85.8125, and 17.1625 at 20 %."""
    around.ask(around.boss, "superior")
    for peer in around.peers[:3]:
        around.ask(peer, "peer")
    around.to_rating()
    around.answer(around.boss, "86")
    for peer, points in zip(around.peers, ("90", "81"), strict=False):
        around.answer(peer, points)
    around.rated()
    suppressed, locked, _ = around.lock()
    assert suppressed == RaterGroupSuppressed(
        indicator="360", group="subordinate", responses=0, scored_from=2
    )
    node = found(locked.explanation, "360")
    assert Fraction(node.value) == Fraction("85.8125")
    assert Fraction(node.value) * Fraction("0.2") == Fraction("17.1625")
    assert node.params["weights"] == "5000 3000 0"
    assert evaluate(locked.explanation) == Fraction(locked.coefficient)


def test_case_6_a_single_peer_is_not_scored(around: Around) -> None:
    """360 = 86.00, contributes 17.20."""
    around.ask(around.boss, "superior")
    for peer in around.peers[:3]:
        around.ask(peer, "peer")
    around.to_rating()
    around.answer(around.boss, "86")
    around.answer(around.peers[0], "10")
    around.rated()
    peers, subordinates, locked, _ = around.lock()
    assert (peers.group, peers.responses, peers.scored_from) == ("peer", 1, 2)
    assert subordinates.group == "subordinate"
    assert found(locked.explanation, "360").value == "86"
    assert "10" not in {leaf.value for leaf in leaves(locked.explanation)}


@pytest.mark.parametrize(
    ("missing", "expected"), [("renormalise", "86"), ("zero", "43"), ("block", None)]
)
def test_missing_raters_by_policy(company: Any, missing: str, expected: str | None) -> None:
    around = Around(company, function_scheme(missing))
    around.ask(around.boss, "superior")
    around.to_rating()
    around.answer(around.boss, "86")
    around.rated()
    around.company.advance("calibration")
    if expected is None:
        company.world.refuses("rater-group-missing", LockScore(), on=around.appraisal)
        return
    *_, locked, _ = company.lock(around.appraisal)
    assert found(locked.explanation, "360").value == expected


def test_without_any_answer_there_is_no_score(around: Around) -> None:
    around.to_rating()
    around.rated()
    around.company.advance("calibration")
    around.world.refuses("responses-missing", LockScore(), on=around.appraisal)


# -- the panel


def test_one_names_and_another_approves(around: Around) -> None:
    peer = around.peers[0]
    nomination = NominateRater(appraisal_id=around.appraisal, rater_id=peer, group="peer")
    assert around.world.do(nomination, actor=around.person) == (
        RaterNominated(appraisal_id=around.appraisal, rater_id=peer, group="peer"),
    )
    around.world.refuses("already-nominated", nomination)
    approval = ApproveRater(rater_id=peer)
    for actor in (around.person, peer):
        around.world.refuses("same-actor", approval, on=around.panel, actor=actor)
    assert around.world.do(approval, on=around.panel, actor=around.boss) == (
        RaterApproved(rater_id=peer),
    )
    around.world.refuses("rater-already-approved", approval, on=around.panel)
    decline = DeclineRater(rater_id=peer, reason="太忙")
    around.world.refuses("rater-already-approved", decline, on=around.panel)


def test_the_nominator_does_not_approve(around: Around) -> None:
    peer = around.peers[0]
    nomination = NominateRater(appraisal_id=around.appraisal, rater_id=peer, group="peer")
    around.world.do(nomination, actor=around.boss)
    around.world.refuses(
        "same-actor", ApproveRater(rater_id=peer), on=around.panel, actor=around.boss
    )


def test_who_cannot_be_named(around: Around) -> None:
    def nomination(rater: UUID, group: str = "peer") -> NominateRater:
        return NominateRater(appraisal_id=around.appraisal, rater_id=rater, group=group)

    around.world.refuses("rater-is-ratee", nomination(around.person))
    around.world.refuses("unknown-rater-group", nomination(around.peers[0], "self"))
    around.world.refuses("unknown-person", nomination(uuid4()))
    around.world.refuses("rater-not-employed", nomination(around.company.head))
    stranger = NominateRater(appraisal_id=uuid4(), rater_id=around.peers[0], group="peer")
    around.world.refuses("unknown-appraisal", stranger)
    approval = ApproveRater(rater_id=around.peers[0])
    around.world.refuses("unknown-rater-panel", approval, on=around.panel)
    around.world.do(nomination(around.peers[1]))
    around.world.refuses("not-nominated", approval, on=around.panel)


def test_people_rate_themselves_in_their_own_group_alone(company: Any) -> None:
    own = RaterGroup(code="self", weight_bp=10000, scored_from=1, shown_from=1)
    indicator = Indicator(code="360", name="360", weight_bp=10000, rule=MultiRater(groups=(own,)))
    content = SchemeContent(
        name="self",
        sections=(Section(code="s", name="s", weight_bp=10000, indicators=(indicator,)),),
        coefficient=BANDS,
    )
    company.open(content)
    appraisal = company.create_appraisal()
    panel = ids.rater_panel_id(appraisal)
    company.hire("peer", manager_id=company.manager)
    for rater, code in ((ids.person_id("peer"), "rater-is-ratee"), (company.seller, None)):
        nomination = NominateRater(appraisal_id=appraisal, rater_id=rater, group="self")
        if code:
            company.world.refuses(code, nomination)
        else:
            company.world.do(nomination)
    company.world.do(ApproveRater(rater_id=company.seller), on=panel, actor=company.manager)
    company.advance("rating")
    company.world.do(
        SubmitPeerRating(
            appraisal_id=appraisal,
            rater_id=company.seller,
            ratings=company.ratings(**{"360": "72.5"}),
        ),
        actor=company.seller,
    )
    company.advance("calibration")
    locked, _ = company.lock(appraisal)
    assert locked.score == Decimal("72.50")


def test_a_panel_has_room_for_a_hundred(around: Around) -> None:
    for number in range(RATERS_MAX):
        around.world.append(
            around.panel,
            RaterNominated(appraisal_id=around.appraisal, rater_id=UUID(int=number), group="peer"),
        )
    nomination = NominateRater(
        appraisal_id=around.appraisal, rater_id=around.peers[0], group="peer"
    )
    around.world.refuses("too-many-raters", nomination)


def test_raters_are_declined_and_replaced_before_they_rate(around: Around) -> None:
    first, second, third = around.peers[:3]
    nomination = NominateRater(appraisal_id=around.appraisal, rater_id=first, group="peer")
    around.world.do(nomination, actor=around.person)
    around.world.refuses(
        "reason-missing", DeclineRater(rater_id=first, reason=" "), on=around.panel
    )
    decline = DeclineRater(rater_id=first, reason="亲属")
    assert around.world.do(decline, on=around.panel) == (
        RaterDeclined(rater_id=first, reason="亲属"),
    )
    around.ask(second, "peer")
    replace = ReplaceRater(rater_id=second, by_id=third, reason="调离")
    assert around.world.do(replace, on=around.panel) == (
        RaterReplaced(rater_id=second, by_id=third, reason="调离"),
    )
    around.to_rating()
    for rater in (second, third):  # the one is out, the other not approved yet
        around.world.refuses("not-a-rater", around.rating(rater, "80"), actor=rater)
    around.world.do(ApproveRater(rater_id=third), on=around.panel, actor=around.boss)
    around.answer(third, "80")
    again = ReplaceRater(rater_id=third, by_id=second, reason="低分")
    around.world.refuses("already-rated", again, on=around.panel)


# -- ratings


def test_each_rater_rates_once_for_themselves_and_in_time(around: Around) -> None:
    peer, other = around.peers[:2]
    around.ask(peer, "peer")
    command = around.rating(peer, "81", "很配合")
    around.world.refuses("wrong-stage", command, actor=peer)
    around.to_rating()
    around.world.refuses("not-a-rater", command, actor=other)
    around.world.refuses("not-a-rater", around.rating(other, "81"), actor=other)
    around.world.refuses("points-out-of-range", around.rating(peer, "100.5"), actor=peer)
    unknown = SubmitPeerRating(
        appraisal_id=around.appraisal,
        rater_id=peer,
        ratings=around.company.ratings(innovation="81"),
    )
    around.world.refuses("indicators-mismatch", unknown, actor=peer)
    (submitted,) = around.world.do(command, actor=peer)
    assert submitted == PeerRatingSubmitted(
        appraisal_id=around.appraisal,
        person_id=around.person,
        rater_id=peer,
        group="peer",
        ratings=command.ratings,
        comment="很配合",
    )
    around.world.refuses("already-rated", command, actor=peer)
    around.ask(other, "peer")
    around.company.advance("calibration")
    around.world.refuses("wrong-stage", around.rating(other, "20"), actor=other)


def test_raters_do_not_wait_for_each_other(around: Around) -> None:
    """Each decision writes to a stream of its own and reads no stream that another writes to."""
    for peer in around.peers[:3]:
        around.ask(peer, "peer")
    around.to_rating()
    decided = [
        around.world.decide(around.rating(peer, "80"), actor=peer) for peer in around.peers[:3]
    ]
    written = [stream for events in decided for stream, _ in events]
    assert len(set(written)) == len(written) == 3
    for events, peer in zip(decided, around.peers, strict=False):
        for stream, event in events:
            around.world.append(stream, event, peer)
    submitted = [around.world.state(PEER_RATING, stream) for stream in written]
    assert [each.rater_id for each in submitted] == around.peers[:3]


# -- what may be shown


def results(around: Around, content: SchemeContent) -> Any:
    context = Context(now=around.world.now, actor=around.boss, look=around.world)
    responses = responses_of(around.appraisal, content, context)
    panel = around.world.states[around.panel]
    return {each.group: each for each in group_results(content, panel, responses)}


@pytest.mark.parametrize(("answers", "shown"), [(1, True), (2, False), (3, True)])
def test_groups_are_shown_from_k_on(around: Around, answers: int, shown: bool) -> None:
    """Two are scored and not shown; then the others are not either, or they would tell."""
    around.ask(around.boss, "superior")
    for peer in around.peers[:3]:
        around.ask(peer, "peer")
    around.to_rating()
    around.answer(around.boss, "86")
    for peer, points in zip(around.peers[:answers], ("90", "81", "60"), strict=False):
        around.answer(peer, points)
    told = results(around, function_scheme())
    assert (told["peer"].invited, told["peer"].responses) == (3, answers)
    assert told["peer"].scored == (answers >= 2)
    assert told["superior"].mean == (Decimal("86.00") if shown else None)
    assert told["peer"].mean == (Decimal("77.00") if answers == 3 else None)
    assert told["subordinate"].mean is None


@settings(max_examples=25)
@given(points=st.lists(st.integers(0, 100).map(str), min_size=1, max_size=5))
def test_no_single_answer_is_in_what_is_shown(
    found_company: Callable[[], Any], points: list[str]
) -> None:
    around = Around(found_company())
    around.ask(around.boss, "superior")
    for peer in around.peers:
        around.ask(peer, "peer")
    around.to_rating()
    around.answer(around.boss, "86")
    for peer, each in zip(around.peers, points, strict=False):
        around.answer(peer, each)
    around.rated()
    *_, locked, _ = around.lock()
    told = without_raters(locked.explanation, function_scheme())
    events = {
        happening.event_id
        for happening in around.world.log
        if isinstance(happening.event, PeerRatingSubmitted)
    }
    assert not events & {leaf.source for leaf in leaves(told)}
    assert events & {leaf.source for leaf in leaves(locked.explanation)}
    assert told.value == locked.explanation.value
    labels = {leaf.label for leaf in leaves(told)}
    assert ("peer" in labels) == (len(points) != 2)
    # A tree without groups is told as it is.
    assert without_raters(locked.explanation, around.company.judged_scheme(a=10000)) == (
        locked.explanation
    )


# -- without one of them


def test_without_a_rater_the_others_decide(around: Around) -> None:
    """Case 6 without the second peer: the first is not scored either, and 84.96 becomes 85.00."""
    around.ask(around.boss, "superior")
    for peer in around.peers[:2]:
        around.ask(peer, "peer")
    around.to_rating()
    around.answer(around.boss, "86")
    for peer, points in zip(around.peers, ("90", "81"), strict=False):
        around.answer(peer, points)
    around.rated()
    context = Context(now=around.world.now, actor=around.boss, look=around.world)
    told = without_rater(around.appraisal, around.peers[1], context)
    assert (told.score, told.score_without) == (Decimal("84.96"), Decimal("85.00"))
    assert (told.coefficient, told.coefficient_without) == (Decimal("0.8000"), Decimal("1.0000"))
    assert told.coefficient_changes
    same = without_rater(around.appraisal, around.peers[4], context)
    assert same.score == same.score_without
    assert not same.coefficient_changes


def test_without_the_only_rater_there_is_no_score(around: Around) -> None:
    around.ask(around.boss, "superior")
    around.to_rating()
    around.answer(around.boss, "86")
    around.rated()
    context = Context(now=around.world.now, actor=around.boss, look=around.world)
    told = without_rater(around.appraisal, around.boss, context)
    assert (told.score_without, told.missing) == (None, "responses-missing")
    assert told.coefficient_changes


# -- laws


@settings(max_examples=25)
@given(
    answers=st.dictionaries(st.integers(0, 4), st.integers(0, 100).map(str), max_size=5),
    data=st.data(),
)
def test_groups_count_from_m_and_show_from_k_whatever_the_order(
    found_company: Callable[[], Any], answers: dict[int, str], data: st.DataObject
) -> None:
    """Invariant 14; and neither the order of the answers nor that of the panel matters."""
    told = []
    for order in (sorted(answers), data.draw(st.permutations(sorted(answers)))):
        around = Around(found_company())
        around.ask(around.boss, "superior")
        for peer in around.peers:
            around.ask(peer, "peer")
        around.to_rating()
        around.answer(around.boss, "86")
        for index in order:
            around.answer(around.peers[index], answers[index])
        around.rated()
        found_groups = results(around, function_scheme())
        *_, locked, _ = around.lock()
        told.append((locked.score, locked.coefficient, found_groups))
    assert told[0] == told[1]
    peers = told[0][2]["peer"]
    assert peers.responses == len(answers)
    assert peers.scored == (len(answers) >= 2)
    assert peers.shown == (len(answers) >= 3)
    score = Fraction("52.8") + 15 + Fraction("0.2") * _around(list(answers.values()))
    assert told[0][0] == Decimal((score * 100 * 2 + 1) // 2) / 100


def _around(peers: list[str]) -> Fraction:
    """The 360 of a superior's 86 and these peers, worked out by hand."""
    if len(peers) < 2:
        return Fraction(86)
    mean = Fraction(sum(map(int, peers)), len(peers))
    return (5000 * Fraction(86) + 3000 * mean) / 8000
