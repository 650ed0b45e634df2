"""A number with its reasons: a tree of named rules whose leaves are event ids.

Every step below makes the value and its reason in one go, so the two cannot drift apart. A node's
value follows from its inputs and its params by its rule alone; whoever knows this table can
recompute a score or a payout from the tree and needs nothing else:

==================  ======================  =======================================================
rule                params                  value
==================  ======================  =======================================================
given                                       a leaf: what the event `source` says
excused                                     a leaf, "n/a": excused by the event `source`
not-applicable                              a leaf, "n/a": has no weight and nothing to count
suppressed                                  a leaf, "n/a": too few raters answered
missing-is-zero                             a leaf, 0: too few raters answered, and that counts as 0
sum                                         all inputs added up
product                                     all inputs multiplied
quotient                                    first input / second
percent                                     first input / second x 100
inverse-percent     at_zero                 second input / first x 100; `at_zero` for first <= 0
clamp               min, max                the input, within min..max (either may be absent)
level               levels "threshold:p"    p of the highest threshold <= input; 0 below the lowest
level-linear        levels                  as level, interpolated up to the next threshold
grade               grades "p1 p2 ..."      p of the input, which is 1, 2, ...
mean                                        sum of the inputs / their number
weighted-mean       weights "w1 w2 ..."     sum of w x input / sum of w; weight 0 may be n/a
veto                                        0; the first input is what it would have been without
forfeit                                     0; the first input is what it would have been without
round-score                                 R1: two decimals, halves away from zero
score-percent                               input / 100
band                bands "from:c"          c of the highest from <= input
round-base                                  R3: whole minor units, halves away from zero
exchange            from_digits, to_digits  first input x second (the rate) x 10^(to - from)
shown               digits                  so many decimals, halves away from zero; pays nothing
floor               at_most                 the whole units below the input, at most `at_most`
split               order, cap, parts       R5: the first input shared out by the others; their sum
round-payout        currency                R4: whole minor units, halves away from zero
==================  ======================  =======================================================

A split is by largest remainder: its `parts` are the shares, one for each weight, which are all
inputs but the first. Where remainders tie, the weights take turns in `order` (numbers from 1).
Nobody gets more than `cap` x the first input, if there is a cap: what that leaves is shared out
among the rest by their weights.

The root's param ``leaves`` is `seal_of` the tree: arithmetic alone would not notice a leaf that
happens not to matter (an item of weight 0), nor an exchanged event id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import prod
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from domain.exact import exact, round_half_away

NOT_APPLICABLE = "n/a"
SCORE_DIGITS = 2


class Node(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """One step: `value` follows from `inputs` by `rule` and `params` alone.

    Exact values are written as fractions ("2244/25") or integers, never as floats.
    """

    UNREAD_BY_VIEWS: ClassVar[bool] = True
    """Views tell results; whoever asks why reads the event itself."""

    rule: str
    value: str
    label: str = ""
    params: dict[str, str] = {}
    inputs: tuple["Node", ...] = ()
    source: UUID | None = None
    """Of a leaf: the event that this value was read from. Of a step: the event that its params
    were read from."""


class Given(msgspec.Struct, frozen=True, gc=False):
    """A number as an event states it."""

    value: Decimal
    source: UUID
    """The event's id."""


class Explained(msgspec.Struct, frozen=True):
    """An exact number and the reasons for it."""

    value: Fraction
    node: Node


# -- leaves


def given(label: str, stated: Given) -> Explained:
    """A leaf: what an event states.

    Raises:
        Refused: the number is not one that may come in (`domain.exact.exact`).
    """
    return given_exact(label, exact(stated.value, label), stated.source)


def given_exact(label: str, value: Fraction | int, source: UUID) -> Explained:
    """A leaf whose value is exact already: days, minor units."""
    return _step("given", Fraction(value), (), label=label, source=source)


def blank(rule: str, label: str, source: UUID | None = None) -> Node:
    """A leaf without a value: excused, not applicable, suppressed."""
    return Node(rule=rule, value=NOT_APPLICABLE, label=label, source=source)


def missing_is_zero(label: str, source: UUID) -> Explained:
    """A leaf that counts as zero because the scheme says so."""
    return _step("missing-is-zero", Fraction(0), (), label=label, source=source)


# -- steps


def total(parts: Sequence[Explained], label: str = "") -> Explained:
    """The sum; a single part is its own sum and gets no step of its own."""
    if len(parts) == 1:
        return parts[0]
    return _step("sum", sum((part.value for part in parts), Fraction(0)), parts, label=label)


def product(parts: Sequence[Explained], label: str = "") -> Explained:
    """All parts multiplied."""
    return _step("product", prod((part.value for part in parts), start=Fraction(1)), parts, label)


def quotient(part: Explained, whole: Explained, label: str = "") -> Explained:
    """`part` / `whole`, which must not be zero."""
    return _step("quotient", part.value / whole.value, (part, whole), label)


def percent(part: Explained, whole: Explained, label: str = "") -> Explained:
    """`part` / `whole` x 100; `whole` must not be zero."""
    return _step("percent", part.value * 100 / whole.value, (part, whole), label)


def inverse_percent(
    actual: Explained, target: Explained, at_zero: Fraction, source: UUID
) -> Explained:
    """`target` / `actual` x 100, or `at_zero` where there is no actual or less."""
    value = target.value * 100 / actual.value if actual.value > 0 else at_zero
    return _step(
        "inverse-percent", value, (actual, target), source=source, params={"at_zero": str(at_zero)}
    )


def clamp(
    part: Explained,
    least: Fraction | None,
    most: Fraction | None,
    *,
    label: str = "",
    source: UUID | None = None,
) -> Explained:
    """`part`, but not below `least` nor above `most`; None is no bound."""
    value = part.value
    params = {}
    if most is not None:
        value, params["max"] = min(value, most), str(most)
    if least is not None:
        value, params["min"] = max(value, least), str(least)
    return _step("clamp", value, (part,), label, params=params, source=source)


def level(
    reached: Explained, levels: Sequence[tuple[Fraction, Fraction]], points: Fraction, source: UUID
) -> Explained:
    """The `points` of the level that `reached` (percent) is in."""
    return _step("level", points, (reached,), params={"levels": pairs(levels)}, source=source)


def level_linear(
    reached: Explained, levels: Sequence[tuple[Fraction, Fraction]], points: Fraction, source: UUID
) -> Explained:
    """As `level`, with points interpolated inside it."""
    return _step(
        "level-linear", points, (reached,), params={"levels": pairs(levels)}, source=source
    )


def grade(of: Explained, grades: Sequence[Fraction], source: UUID) -> Explained:
    """The points of grade 1, 2, ...; `of` must be one of them."""
    written = " ".join(map(str, grades))
    points = grades[of.value.numerator - 1]
    return _step("grade", points, (of,), params={"grades": written}, source=source)


def mean(parts: Sequence[Explained], label: str = "") -> Explained:
    """The plain mean of at least one part."""
    value = sum((part.value for part in parts), Fraction(0)) / len(parts)
    return _step("mean", value, parts, label)


def weighted_mean(
    parts: Sequence[tuple[int, Explained | Node]], label: str = "", source: UUID | None = None
) -> Explained:
    """The mean by weight; a blank may stand only where the weight is 0. Weights sum to > 0."""
    weighed = Fraction(0)
    for weight, part in parts:
        if isinstance(part, Explained):
            weighed += weight * part.value
        elif weight:
            raise ValueError(f"{part.label} has weight {weight} but no value")
    weights = [weight for weight, _ in parts]
    return Explained(
        weighed / sum(weights),
        Node(
            rule="weighted-mean",
            value=str(weighed / sum(weights)),
            label=label,
            params={"weights": " ".join(map(str, weights))},
            inputs=tuple(part.node if isinstance(part, Explained) else part for _, part in parts),
            source=source,
        ),
    )


def nullified(rule: str, part: Explained, by: Sequence[Explained], label: str = "") -> Explained:
    """Zero by `rule` ("veto", "forfeit"); what it would have been stays readable below."""
    return _step(rule, Fraction(0), (part, *by), label)


def shown(part: Explained, digits: int, label: str = "") -> Explained:
    """A mean that is only shown, of so many decimals; nothing is paid or looked up by it."""
    value = Fraction(round_half_away(part.value * 10**digits), 10**digits)
    return _step("shown", value, (part,), label, params={"digits": str(digits)})


def score_percent(score: Explained) -> Explained:
    """The linear coefficient: score / 100."""
    return _step("score-percent", score.value / 100, (score,), "coefficient")


def band(
    score: Explained,
    bands: Sequence[tuple[Fraction, Fraction]],
    coefficient: Fraction,
    source: UUID,
) -> Explained:
    """The `coefficient` of the band that `score` falls into."""
    return _step(
        "band", coefficient, (score,), "coefficient", params={"bands": pairs(bands)}, source=source
    )


def exchange(amount: Explained, rate: Explained, from_digits: int, to_digits: int) -> Explained:
    """Minor units of one currency in minor units of another, not yet rounded."""
    return _step(
        "exchange",
        amount.value * rate.value * Fraction(10) ** (to_digits - from_digits),
        (amount, rate),
        params={"from_digits": str(from_digits), "to_digits": str(to_digits)},
    )


# -- the rounding points (R2 is exact)


def round_score(part: Explained, label: str = "score") -> Explained:
    """R1: a score of two decimals, halves away from zero."""
    scale = 10**SCORE_DIGITS
    value = Fraction(round_half_away(part.value * scale), scale)
    return _step("round-score", value, (part,), label)


def round_base(part: Explained, label: str = "") -> Explained:
    """R3: the performance part of pay in whole minor units, halves away from zero."""
    return _step("round-base", Fraction(round_half_away(part.value)), (part,), label)


def round_payout(part: Explained, currency: str, label: str = "") -> Explained:
    """R4: a payout in whole minor units, halves away from zero."""
    value = Fraction(round_half_away(part.value))
    return _step("round-payout", value, (part,), label, params={"currency": currency})


def floor(part: Explained, at_most: int | None = None, label: str = "") -> Explained:
    """The whole units below `part`, at most so many."""
    units, params = part.value.numerator // part.value.denominator, {}
    if at_most is not None:
        units, params["at_most"] = min(units, at_most), str(at_most)
    return _step("floor", Fraction(units), (part,), label, params=params)


def split(  # noqa: PLR0917  what is shared out, by what, and what came of it
    whole: Explained,
    weights: Sequence[Explained],
    precedence: Sequence[Any],
    parts: Sequence[int],
    cap: Fraction | None = None,
    label: str = "",
) -> Explained:
    """R5: how `whole` was shared out into `parts`, one for each weight.

    Args:
        whole: in minor units.
        weights: none below 0.
        precedence: a sortable key for each weight; where remainders tie the smallest goes first.
        parts: what came of it.
        cap: the most that one gets, of the whole.
        label: of the step.
    """
    order = sorted(range(len(weights)), key=precedence.__getitem__)
    params = {
        "order": " ".join(str(index + 1) for index in order),
        "parts": " ".join(map(str, parts)),
    }
    if cap is not None:
        params["cap"] = str(cap)
    return _step("split", Fraction(sum(parts)), (whole, *weights), label, params=params)


def _step(
    rule: str,
    value: Fraction,
    inputs: Iterable[Explained],
    label: str = "",
    *,
    params: Mapping[str, str] | None = None,
    source: UUID | None = None,
) -> Explained:
    node = Node(
        rule=rule,
        value=str(value),
        label=label,
        params=dict(params or {}),
        inputs=tuple(part.node for part in inputs),
        source=source,
    )
    return Explained(value, node)


def pairs(of: Sequence[tuple[Fraction, Fraction]]) -> str:
    """Levels or bands as a param: "60:60 80:80 100:100"."""
    return " ".join(f"{bound}:{earned}" for bound, earned in of)


# -- whole trees


def leaves(node: Node) -> Iterator[Node]:
    """The leaves of a tree, left to right."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.inputs:
            waiting.extend(reversed(found.inputs))
        else:
            yield found


def sources(node: Node) -> frozenset[UUID]:
    """Every event that a tree leans on: those of its leaves, and those of its steps' params."""
    below = frozenset().union(*(sources(part) for part in node.inputs))
    return below if node.source is None else below | {node.source}


def digest(node: Node) -> str:
    """SHA-256 of a tree's canonical JSON (keys sorted, no spaces, UTF-8), in hexadecimal."""
    return sha256(msgspec.json.encode(node, order="sorted")).hexdigest()


def seal_of(node: Node) -> str:
    """SHA-256 of the JSON list of [value, source] of every leaf, in hexadecimal."""
    told = [[leaf.value, leaf.source] for leaf in leaves(node)]
    return sha256(msgspec.json.encode(told)).hexdigest()


def sealed(explained: Explained) -> Node:
    """The tree to be kept in an event: its root says what its leaves are."""
    root = explained.node
    return msgspec.structs.replace(root, params={**root.params, "leaves": seal_of(root)})
