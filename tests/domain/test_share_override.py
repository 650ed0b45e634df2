"""Exceptions from the bands of the performance share: two people, a reason, a span of days."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.money import Amount
from domain.organisation import SetPayStructure
from domain.share_override import (
    ApproveShareOverride,
    RejectShareOverride,
    RequestShareOverride,
)

MAY, JUNE, JULY = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1)
APPROVE = ApproveShareOverride(effective_from=MAY, reason="重点项目")
REJECT = RejectShareOverride(effective_from=MAY, reason="理由不足")


def ask(share: str = "0.65", day: date = MAY, until: date | None = None) -> RequestShareOverride:
    return RequestShareOverride(
        effective_from=day,
        effective_until=until,
        performance_share=Decimal(share),
        reason="项目周期",
    )


def pay(share: str, day: date) -> SetPayStructure:
    return SetPayStructure(
        effective_from=day,
        monthly_total=Amount(amount=Decimal("20000.00"), currency="CNY"),
        performance_share=Decimal(share),
    )


def test_case_12_sixty_is_inside_and_sixty_five_is_not(company: Any) -> None:
    on = company.employment
    company.world.do(pay("0.60", MAY), on=on)
    company.world.refuses("share-out-of-band", pay("0.65", JUNE), on=on)


def test_an_approved_exception_allows_its_share_on_its_days(company: Any) -> None:
    on, world = company.employment, company.world
    world.do(ask(until=date(2025, 6, 30)), on=on)
    world.refuses("share-out-of-band", pay("0.65", MAY), on=on)
    world.do(APPROVE, on=on, actor=company.head)
    world.refuses("share-out-of-band", pay("0.66", MAY), on=on)
    world.refuses("share-out-of-band", pay("0.65", JULY), on=on)
    world.do(pay("0.65", MAY), on=on)
    world.do(pay("0.650", date(2025, 6, 30)), on=on)


def test_another_decides(company: Any) -> None:
    on, world = company.employment, company.world
    world.refuses("override-not-requested", APPROVE, on=on, actor=company.head)
    world.do(ask(), on=on)
    world.refuses("same-actor", APPROVE, on=on)
    world.refuses("own-pay", APPROVE, on=on, actor=company.seller)
    world.do(APPROVE, on=on, actor=company.head)
    for again in (APPROVE, REJECT):
        world.refuses("override-not-requested", again, on=on, actor=company.head)


def test_a_rejected_exception_allows_nothing_and_blocks_nothing(company: Any) -> None:
    on, world = company.employment, company.world
    world.do(ask(), on=on)
    world.do(REJECT, on=on, actor=company.head)
    world.refuses("share-out-of-band", pay("0.65", MAY), on=on)
    world.do(ask("0.62"), on=on)
    world.do(APPROVE, on=on, actor=company.head)
    world.refuses("share-out-of-band", pay("0.65", MAY), on=on)
    world.do(pay("0.62", MAY), on=on)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (ask("1.01"), "bad-share"),
        (ask("-0.01"), "bad-share"),
        (ask(until=date(2025, 4, 30)), "bad-date"),
        (ask(day=date(2023, 12, 31)), "before-hire"),
        (
            RequestShareOverride(effective_from=MAY, performance_share=Decimal("0.65"), reason=" "),
            "reason-missing",
        ),
    ],
)
def test_what_is_asked_for_is_checked(company: Any, asked: RequestShareOverride, code: str) -> None:
    company.world.refuses(code, asked, on=company.employment)


def test_exceptions_do_not_overlap(company: Any) -> None:
    on, world = company.employment, company.world
    world.do(ask(day=JUNE), on=on)
    world.refuses("override-overlaps", ask(), on=on)
    world.refuses("override-overlaps", ask(day=JULY), on=on)
    world.do(ask(until=date(2025, 5, 31)), on=on)
