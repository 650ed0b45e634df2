"""What differs between two versions of a scheme: named by codes, wherever things stand."""

from decimal import Decimal
from typing import Any

import msgspec

from domain.rules import Deduction, Level, SchemeContent, Tiered
from domain.scheme_diff import Change, diff, thresholds_lowered, weights_changed
from domain.templates import TEMPLATES

CONTENT = TEMPLATES["marketing-tiered"].content


def with_section(content: SchemeContent, index: int, **changes: Any) -> SchemeContent:
    sections = list(content.sections)
    sections[index] = msgspec.structs.replace(sections[index], **changes)
    return msgspec.structs.replace(content, sections=tuple(sections))


def test_equals_do_not_differ() -> None:
    assert diff(CONTENT, CONTENT) == ()
    more_digits = msgspec.structs.replace(CONTENT, deduction_cap=Decimal("10.00"))
    assert diff(CONTENT, more_digits) == ()


def test_order_is_no_difference() -> None:
    turned = msgspec.structs.replace(CONTENT, sections=CONTENT.sections[::-1])
    assert diff(CONTENT, turned) == ()


def test_weights_are_named_by_their_codes() -> None:
    lighter = with_section(with_section(CONTENT, 0, weight_bp=7000), 1, weight_bp=3000)
    changes = diff(CONTENT, lighter)
    assert changes == (
        Change(path="sections/duty/weight_bp", before="2000", after="3000"),
        Change(path="sections/economic/weight_bp", before="8000", after="7000"),
    )
    assert weights_changed(changes) == changes
    assert thresholds_lowered(changes) == ()


def test_only_a_threshold_that_falls_is_lowered() -> None:
    def at(*thresholds: int) -> SchemeContent:
        levels = tuple(
            Level(threshold=Decimal(each), points=Decimal(100), name=str(index))
            for index, each in enumerate(thresholds)
        )
        output = msgspec.structs.replace(
            CONTENT.sections[0].indicators[2], rule=Tiered(levels=levels)
        )
        return with_section(CONTENT, 0, indicators=(*CONTENT.sections[0].indicators[:2], output))

    changes = diff(at(60, 80), at(50, 90))
    path = "sections/economic/indicators/output/rule/levels/{}/threshold"
    assert changes == (
        Change(path=path.format(0), before="60", after="50"),
        Change(path=path.format(1), before="80", after="90"),
    )
    assert thresholds_lowered(changes) == changes[:1]


def test_what_comes_and_goes() -> None:
    late = Deduction(code="late", name="迟交", points=Decimal(2))
    changes = diff(
        msgspec.structs.replace(CONTENT, deductions=()),
        msgspec.structs.replace(CONTENT, deductions=(late,), bonus_cap=None),
    )
    assert [(each.path, each.before, each.after) for each in changes] == [
        ("bonus_cap", "5", None),
        ("deductions/late/code", None, "late"),
        ("deductions/late/name", None, "迟交"),
        ("deductions/late/points", None, "2"),
    ]


def test_another_kind_of_rule_is_told() -> None:
    linear = diff(TEMPLATES["marketing-linear"].content, CONTENT)
    kinds = {each.path: (each.before, each.after) for each in linear if "kind" in each.path}
    assert kinds["sections/economic/indicators/output/rule/kind"] == ("ratio", "tiered")
