"""What rater groups say together: scored from m responses on, shown on their own from k on.

A group that is scored and not shown could be told from the others and the indicator's total; so
where one must not be shown, none of that indicator is.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from domain.appraisal import Appraisal
from domain.conduct import RaterGroupSuppressed
from domain.explanation import Given, Node
from domain.ids import appraisal_id, peer_rating_id, rater_panel_id
from domain.kernel import Context
from domain.peer_rating import PEER_RATING, PeerRating
from domain.rater_panel import LOOK_AT_RATER_PANEL, RaterPanel, multi_rated
from domain.rules import MultiRater, RaterGroup, SchemeContent

SHOWN_DECIMALS = 2
WITHHELD = "withheld"
"""The rule of a node whose inputs are kept from its reader; such a tree proves nothing."""

Responses = Mapping[str, Mapping[str, Sequence[Given]]]
"""By indicator and rater group."""


class GroupResult(msgspec.Struct, frozen=True, kw_only=True):
    """One perspective on one indicator, as far as it may be shown."""

    indicator: str
    group: str
    weight_bp: int
    """Basis points of the indicator; before what a suppressed group leaves to the others."""
    invited: int
    responses: int
    scored: bool
    shown: bool
    mean: Decimal | None
    """Of its responses, 2 decimals half up; None where it is not shown."""


def panel_of(appraisal_id: UUID, context: Context) -> tuple[RaterPanel | None, list[PeerRating]]:
    """The panel of an appraisal, and what its raters have submitted."""
    panel = context.look(LOOK_AT_RATER_PANEL, rater_panel_id(appraisal_id))
    if panel is None:
        return None, []
    streams = [peer_rating_id(appraisal_id, each.rater_id) for each in panel.approved]
    ratings = context.look.all(PEER_RATING, streams)
    return panel, [each for each in ratings if each is not None]


def responses_of(appraisal_id: UUID, content: SchemeContent, context: Context) -> Responses:
    """What raters gave; nothing is looked at where the scheme asks no groups."""
    asked = multi_rated(content)
    if not asked:
        return {}
    _, ratings = panel_of(appraisal_id, context)
    return {indicator.code: _by_group(indicator.code, ratings) for indicator, _ in asked}


def _by_group(code: str, ratings: Sequence[PeerRating]) -> dict[str, list[Given]]:
    groups: dict[str, list[Given]] = {}
    # By event and not in the panel's order, which would tell whose points these are.
    for rating in sorted(ratings, key=lambda each: each.event_id):
        for each in rating.ratings:
            if each.indicator == code:
                given = Given(each.points, rating.event_id)
                groups.setdefault(rating.group, []).append(given)
    return groups


def suppressed(content: SchemeContent, responses: Responses) -> Iterator[RaterGroupSuppressed]:
    """Every group with weight that too few have answered for."""
    for indicator, rule in multi_rated(content):
        for group in rule.groups:
            answered = len(responses.get(indicator.code, {}).get(group.code, ()))
            if group.weight_bp and answered < group.scored_from:
                yield RaterGroupSuppressed(
                    indicator=indicator.code,
                    group=group.code,
                    responses=answered,
                    scored_from=group.scored_from,
                )


def groups_suppressed(
    appraisal: Appraisal, content: SchemeContent, context: Context
) -> Iterator[RaterGroupSuppressed]:
    """As `suppressed`, of what has been submitted for an appraisal."""
    own_id = appraisal_id(appraisal.cycle_id, appraisal.employment_id, appraisal.segment)
    return suppressed(content, responses_of(own_id, content, context))


def group_results(
    content: SchemeContent, panel: RaterPanel | None, responses: Responses
) -> tuple[GroupResult, ...]:
    """Every group of every 360 indicator, in the scheme's order."""
    invited = [each.group for each in panel.approved] if panel else []
    results = []
    for indicator, rule in multi_rated(content):
        given = responses.get(indicator.code, {})
        hidden = _has_hidden(rule.groups, given)
        for group in rule.groups:
            points = [each.value for each in given.get(group.code, ())]
            shown = bool(points) and not hidden and len(points) >= group.shown_from
            results.append(
                GroupResult(
                    indicator=indicator.code,
                    group=group.code,
                    weight_bp=group.weight_bp,
                    invited=invited.count(group.code),
                    responses=len(points),
                    scored=bool(points) and len(points) >= group.scored_from,
                    shown=shown,
                    mean=_mean(points) if shown else None,
                )
            )
    return tuple(results)


def _has_hidden(groups: Sequence[RaterGroup], given: Mapping[str, Sequence[Given]]) -> bool:
    answered = {group.code: len(given.get(group.code, ())) for group in groups}
    return any(
        answered[group.code] and group.scored_from <= answered[group.code] < group.shown_from
        for group in groups
    )


def _mean(points: Sequence[Decimal]) -> Decimal:
    exact = sum(map(Fraction, points), Fraction(0)) / len(points)
    # Half up on a number that is never negative, for display alone.
    scaled = (exact * 10**SHOWN_DECIMALS * 2 + 1) // 2
    return Decimal(scaled).scaleb(-SHOWN_DECIMALS)


def without_raters(tree: Node, content: SchemeContent) -> Node:
    """A copy of an explanation in which no rater of a 360 can be told from another.

    The value of a group stays where enough have answered, that of an indicator always.
    """
    rules = {indicator.code: rule for indicator, rule in multi_rated(content)}
    return _hide(tree, rules) if rules else tree


def _hide(node: Node, rules: Mapping[str, MultiRater]) -> Node:
    rule = rules.get(node.label)
    # A section may be called as an indicator of it is; the groups below tell them apart.
    if rule and tuple(part.label for part in node.inputs) == tuple(g.code for g in rule.groups):
        answered = [len(part.inputs) for part in node.inputs]
        if any(
            0 < times < group.shown_from for times, group in zip(answered, rule.groups, strict=True)
        ):
            return _withheld(node)
        groups = tuple(_withheld(part) if part.inputs else part for part in node.inputs)
        return msgspec.structs.replace(node, inputs=groups)
    return msgspec.structs.replace(node, inputs=tuple(_hide(part, rules) for part in node.inputs))


def _withheld(node: Node) -> Node:
    return Node(rule=WITHHELD, value=node.value, label=node.label)
