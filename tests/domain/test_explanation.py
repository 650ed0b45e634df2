"""Explanations: the tree alone gives the number again, and nothing in it can be exchanged."""

import ast
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TypeVar
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import domain
from domain import explanation
from domain.coefficient import JobBand
from domain.evidence import DaysOf, Evidence
from domain.explanation import Given, Node, digest, leaves, seal_of, sources
from domain.money import Money
from domain.pay import Entitlement, Exchange, PayStructure, payout
from domain.rules import (
    Band,
    Banded,
    Bonus,
    Deduction,
    Indicator,
    IndicatorRule,
    Inverse,
    Level,
    Linear,
    Manual,
    MultiRater,
    RaterGroup,
    Ratio,
    SchemeContent,
    Section,
    Tiered,
    TieredLinear,
    Veto,
    check_content,
)
from domain.scoring import initial_score, result

T = TypeVar("T")
Evaluate = Callable[..., Fraction]
MODULES = sorted(Path(domain.__file__).parent.glob("*.py"))

# -- whatever a scheme and its evidence may be


def decimals(least: str, most: str, places: int = 2) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), Decimal(most), places=places)


def stated(number: st.SearchStrategy[Decimal] | st.SearchStrategy[int]) -> st.SearchStrategy[Given]:
    return st.builds(Given, number.map(Decimal), GIVEN)


GIVEN = st.uuids(version=4)
POINTS = decimals("0", "100")
LEVELS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 120)), min_size=1, max_size=4).map(
    lambda pairs: tuple(
        Level(threshold=Decimal(threshold), points=Decimal(points))
        for threshold, points in zip(
            sorted({threshold for threshold, _ in pairs}),
            sorted(points for _, points in pairs),
            strict=False,
        )
    )
)
GROUPS = (
    RaterGroup(code="superior", weight_bp=5000, scored_from=1),
    RaterGroup(code="peer", weight_bp=3000),
    RaterGroup(code="subordinate", weight_bp=2000),
)
RULES: st.SearchStrategy[IndicatorRule] = st.one_of(
    st.just(Ratio()),
    st.builds(Ratio, floor=decimals("0", "50"), cap=decimals("50", "150")),
    st.just(Inverse(cap=Decimal(150))),
    st.builds(Tiered, levels=LEVELS),
    st.builds(TieredLinear, levels=LEVELS),
    st.just(Manual()),
    st.just(Manual(grades=tuple(map(Decimal, (0, 30, 60, 80, 100))))),
    st.builds(MultiRater, groups=st.just(GROUPS), missing=st.sampled_from(("renormalise", "zero"))),
)


@st.composite
def weights(draw: st.DrawFn, count: int) -> list[int]:
    cuts = sorted(draw(st.lists(st.integers(0, 10000), min_size=count - 1, max_size=count - 1)))
    return [high - low for low, high in zip([0, *cuts], [*cuts, 10000], strict=True)]


@st.composite
def schemes(draw: st.DrawFn) -> SchemeContent:
    sections = []
    for index, weight in enumerate(draw(weights(draw(st.integers(1, 3))))):
        count = draw(st.integers(1, 3))
        indicators = tuple(
            Indicator(code=f"{index}-{n}", name=f"{index}-{n}", weight_bp=own, rule=draw(RULES))
            for n, own in enumerate(draw(weights(count)))
        )
        sections.append(
            Section(code=str(index), name=str(index), weight_bp=weight, indicators=indicators)
        )
    bands = Banded(
        bands=tuple(
            Band(from_score=Decimal(edge), coefficient=Decimal(factor))
            for edge, factor in (("0", "0.5"), ("60", "0.8"), ("85", "1.0"))
        )
    )
    return SchemeContent(
        name="any",
        sections=tuple(sections),
        coefficient=draw(st.one_of(st.just(Linear()), st.just(bands))),
        score_cap=draw(st.sampled_from((Decimal(100), Decimal(120)))),
        deductions=(Deduction(code="late", name="late", points=Decimal("1.5"), cap=Decimal(4)),),
        deduction_cap=Decimal(5),
        bonuses=(Bonus(code="award", name="award", points=Decimal(3)),),
        vetoes=(Veto(code="fraud", name="fraud"),),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[SchemeContent, Evidence]:
    """A scheme that may be drafted, and evidence that completes it."""
    content = draw(schemes())
    points, responses, targets, actuals = {}, {}, {}, {}
    indicators = [each for section in content.sections for each in section.indicators]
    for each in indicators:
        match each.rule:
            case Manual(grades=grades):
                points[each.code] = st.integers(1, 5) if grades else decimals("0", "100", 3)
            case MultiRater():
                peers = draw(st.lists(stated(decimals("0", "100")), max_size=3))
                responses[each.code] = {"superior": [draw(stated(POINTS))], "peer": peers}
            case _:
                targets[each.code] = draw(stated(decimals("0.01", "999999")))
                facts = st.lists(stated(decimals("-999", "999999")), min_size=1, max_size=3)
                actuals[each.code] = draw(facts)
    times = st.lists(stated(st.integers(0, 4)), max_size=2)
    return content, Evidence(
        scheme=draw(GIVEN),
        targets=targets,
        actuals=actuals,
        points={code: draw(stated(number)) for code, number in points.items()},
        responses=responses,
        excused={
            code: draw(GIVEN)
            for code in draw(st.sets(st.sampled_from([each.code for each in indicators])))
            if draw(st.integers(0, 4)) == 0
        },
        occurrences={"late": draw(times), "award": draw(times)}
        | ({"fraud": [draw(stated(st.just(1)))]} if draw(st.integers(0, 9)) == 0 else {}),
        calibrations=draw(st.lists(stated(decimals("-9", "9")), max_size=2)),
        target_days=draw(
            st.one_of(st.none(), st.builds(DaysOf, st.integers(1, 90), st.just(90), GIVEN))
        ),
    )


JOB = JobBand(least=Decimal("0.3"), most=Decimal("1.2"), source=uuid4())


# -- laws


def completed(case: tuple[SchemeContent, Evidence]) -> tuple[SchemeContent, Evidence]:
    content, evidence = case
    check_content(content)
    if all(
        each.code in evidence.excused or not each.weight_bp * section.weight_bp
        for section in content.sections
        for each in section.indicators
    ):
        reject()
    return content, evidence


@given(cases().map(completed))
def test_the_tree_alone_gives_the_number(
    evaluate: Evaluate, case: tuple[SchemeContent, Evidence]
) -> None:
    content, evidence = case
    locked = result(content, evidence, JOB)
    assert evaluate(locked.explanation) == Fraction(locked.coefficient)
    assert evaluate(locked.score.explanation) == Fraction(locked.score.value)
    assert 0 <= locked.score.value <= content.score_cap
    assert sources(locked.explanation) <= events(evidence) | {JOB.source}
    initial = initial_score(content, evidence)
    if initial is not None:
        assert evaluate(initial.explanation) == Fraction(initial.value)


@given(cases().map(completed))
def test_shown_parts_add_up_to_the_shown_total(case: tuple[SchemeContent, Evidence]) -> None:
    content, evidence = case
    plain = msgspec.structs.replace(evidence, occurrences={}, calibrations=())
    scored = result(content, plain, JOB).score
    parts = scored.indicators
    assert sum(each.weight for each in parts) == 1
    whole = sum((each.weight * (each.points or 0) for each in parts), Fraction(0))
    assert min(whole, Fraction(content.score_cap)) == scored.exact
    shown = sum((Fraction(each.shown) for each in parts), Fraction(0))
    assert abs(shown - whole) <= Fraction(1, 200)
    if whole <= content.score_cap:
        assert shown == Fraction(scored.value)


@given(cases().map(completed), st.randoms(use_true_random=False))
def test_the_order_of_facts_decides_nothing(
    case: tuple[SchemeContent, Evidence], random: Random
) -> None:
    content, evidence = case
    turned = msgspec.structs.replace(
        evidence,
        targets=shuffled(evidence.targets, random),
        actuals={code: shuffled_list(of, random) for code, of in evidence.actuals.items()},
        points=shuffled(evidence.points, random),
        occurrences={code: shuffled_list(of, random) for code, of in evidence.occurrences.items()},
        calibrations=shuffled_list(evidence.calibrations, random),
    )
    one, other = (result(content, each, JOB) for each in (evidence, turned))
    assert one.score.value == other.score.value
    assert one.coefficient == other.coefficient
    assert one.score.exact == other.score.exact
    assert digest(one.explanation) == digest(result(content, evidence, JOB).explanation)


@given(cases().map(completed))
def test_no_leaf_can_be_exchanged(evaluate: Evaluate, case: tuple[SchemeContent, Evidence]) -> None:
    tree = result(*case, JOB).explanation
    for changed in tampered(tree):
        with pytest.raises(Exception, match="the leaves are not those that were sealed"):
            evaluate(changed)


def shuffled(of: Mapping[str, Given], random: Random) -> dict[str, Given]:
    return dict(shuffled_list(list(of.items()), random))


def shuffled_list(of: Sequence[T], random: Random) -> list[T]:
    copied = list(of)
    random.shuffle(copied)
    return copied


def events(evidence: Evidence) -> set[UUID]:
    lists = [*evidence.actuals.values(), *evidence.occurrences.values(), evidence.calibrations]
    lists += [of for groups in evidence.responses.values() for of in groups.values()]
    found = {each.source for of in lists for each in of}
    found |= {each.source for each in (*evidence.targets.values(), *evidence.points.values())}
    days = set() if evidence.target_days is None else {evidence.target_days.source}
    return found | days | {evidence.scheme, *evidence.excused.values()}


def tampered(tree: Node) -> Iterator[Node]:
    """The tree with each of its leaves changed in turn: first its value, then its event."""
    if not tree.inputs:
        value = tree.value if tree.value == "n/a" else str(Fraction(tree.value) + 1)
        if value != tree.value:
            yield msgspec.structs.replace(tree, value=value)
        yield msgspec.structs.replace(tree, source=uuid4())
    for index, part in enumerate(tree.inputs):
        for changed in tampered(part):
            inputs = (*tree.inputs[:index], changed, *tree.inputs[index + 1 :])
            yield msgspec.structs.replace(tree, inputs=inputs)


# -- one payout, leaf by leaf


def paid() -> Node:
    entitlements = [
        Entitlement(
            pay=PayStructure(
                total=Money(1_777_700, "CNY"), share=Decimal("0.15"), source=UUID(int=1)
            ),
            months=3,
            cycle_days=90,
            calendar=UUID(int=2),
            days=days,
            days_source=UUID(int=3),
            fte=Given(Decimal("0.8"), UUID(int=4)),
            coefficient=Given(Decimal("0.915"), UUID(int=5)),
        )
        for days in (44, 46)
    ]
    rate = Given(Decimal("20.4851"), UUID(int=6))
    return payout(entitlements, Exchange(currency="JPY", rate=rate)).explanation


def test_arithmetic_alone_notices_every_changed_value(evaluate: Evaluate) -> None:
    tree = paid()
    evaluate(tree, seal=False)
    changed = 0
    for forged in tampered(tree):
        if [leaf.value for leaf in leaves(forged)] != [leaf.value for leaf in leaves(tree)]:
            changed += 1
            with pytest.raises(Exception, match=", not "):
                evaluate(forged, seal=False)
    assert changed == sum(1 for _ in leaves(tree)) == 15


def test_the_evaluator_believes_nothing(evaluate: Evaluate) -> None:
    tree = paid()
    with pytest.raises(Exception, match="round-payout payout"):
        evaluate(msgspec.structs.replace(tree, value="1"))
    with pytest.raises(Exception, match="there is no rule"):
        evaluate(msgspec.structs.replace(tree, rule="as-agreed"))
    unsourced = Node(rule="given", value="1", params={"leaves": ""})
    with pytest.raises(Exception, match="is a leaf with a source"):
        evaluate(msgspec.structs.replace(unsourced), seal=False)


def test_digest_is_that_of_canonical_json() -> None:
    tree = paid()
    built = msgspec.to_builtins(tree)
    canonical = json.dumps(built, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest(tree) == sha256(canonical.encode()).hexdigest()
    assert digest(tree) == digest(msgspec.json.decode(canonical, type=Node))
    assert all(digest(forged) != digest(tree) for forged in tampered(tree))
    told = json.dumps(
        [[leaf.value, str(leaf.source)] for leaf in leaves(tree)], separators=(",", ":")
    )
    assert seal_of(tree) == sha256(told.encode()).hexdigest() == tree.params["leaves"]
    assert sources(tree) == {UUID(int=number) for number in range(1, 7)}


def test_an_explanation_stays_small() -> None:
    assert len(msgspec.json.encode(paid())) < 3_000


def test_the_table_of_rules_is_complete_and_so_is_the_evaluator() -> None:
    rows = [
        line.split()[0] for line in (explanation.__doc__ or "").splitlines() if line[:1].islower()
    ]
    table = set(rows[rows.index("given") : rows.index("round-payout") + 1])
    assert table == {rule for path in MODULES for rule in rules_made(ast.parse(path.read_text()))}
    second = Path(__file__).with_name("evaluator.py").read_text()
    assert {rule for rule in table if f'"{rule}"' not in second} == set()


def rules_made(tree: ast.Module) -> Iterator[str]:
    """The rules that a module's code gives to nodes."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name),
                args=[ast.Constant(value=str(rule)), *_],
            ) if name in {"_step", "blank", "nullified"}:
                yield rule
            case ast.Call(func=ast.Name(id="Node"), keywords=[*keywords]):
                for keyword in keywords:
                    if keyword.arg == "rule" and isinstance(keyword.value, ast.Constant):
                        yield str(keyword.value.value)
            case _:
                pass


# -- no binary floats, over the source


RATIONAL = {
    "by_version",
    "coefficient",
    "comparison",
    "explanation",
    "indicators",
    "lint",
    "rater_groups",
}
"""Modules whose `/` divides fractions. Nowhere else may anything be divided but by `//`."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_float_anywhere(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        where = f"{path.name}:{getattr(node, 'lineno', 0)}"
        match node:
            case ast.Constant(value=float() | complex()):
                pytest.fail(f"{where}: a binary float")
            case (
                ast.Name(id="float" | "complex" | "round")
                | ast.Attribute(
                    attr="quantize" | "as_integer_ratio" | "getcontext" | "localcontext"
                )
            ):
                pytest.fail(f"{where}: an inexact or hidden rounding")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                assert path.stem in RATIONAL, f"{where}: divides, in no module of fractions"
            case ast.ImportFrom(module="math", names=names):
                assert {name.name for name in names} <= {"lcm", "prod"}, where
            case ast.Import(names=names):
                assert not {"math", "cmath", "statistics"} & {name.name for name in names}, where
            case _:
                pass
