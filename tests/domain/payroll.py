"""Paying a company's people step by step, and the ledger that comes of it, for tests."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain import ids
from domain.appraisal import CreateAppraisal
from domain.cycle import OpenCycle, PlanCycle
from domain.facts import CorrectActual
from domain.ledger import Book, postings
from domain.money import Amount, Money
from domain.payout import (
    ApproveBatch,
    BatchPrepared,
    InstructBatch,
    PayoutCalculated,
    PrepareBatch,
    SettleBatch,
)
from domain.reopening import AcceptCorrection, RelockScore

FINANCE = ids.person_id("finance")
BANK = "ICBC-1"


class Payroll:
    """Batches of one company; codes are made up, so that each step is one word."""

    def __init__(self, company: Any) -> None:
        self.company = company
        self.world = company.world
        self.batches = 0

    # -- steps

    def command(self, *appraisals: UUID, **given: Any) -> PrepareBatch:
        self.batches += 1
        code = given.pop("code", f"B{self.batches}")
        return PrepareBatch(
            code=code, cycle_id=self.company.cycle, appraisal_ids=appraisals, **given
        )

    def prepare(self, *appraisals: UUID, **given: Any) -> UUID:
        """A batch of these; its id."""
        command = self.command(*appraisals, **given)
        self.world.do(command)
        return ids.batch_id(command.code)

    def approve(self, batch: UUID) -> UUID:
        self.world.do(ApproveBatch(), on=batch, actor=FINANCE)
        return batch

    def settle(self, batch: UUID, reference: str = "R1") -> UUID:
        command = SettleBatch(bank_account=BANK, bank_reference=reference)
        self.world.do(command, on=batch, actor=FINANCE)
        return batch

    def pay(self, *appraisals: UUID, **given: Any) -> UUID:
        """Prepared, approved, instructed, settled."""
        batch = self.approve(self.prepare(*appraisals, **given))
        self.world.do(InstructBatch(bank_account=BANK), on=batch, actor=FINANCE)
        return self.settle(batch)

    def relock(self, appraisal: UUID, indicator: str, value: str) -> None:
        """A correction that adds `value`, accepted by another, and the next locked version."""
        state = self.world.states[appraisal]
        self.world.do(
            CorrectActual(
                cycle_id=state.cycle_id,
                employment_id=state.employment_id,
                indicator=indicator,
                value=Decimal(value),
                occurred_on=date(2025, 3, 15),
                reason="漏记",
            )
        )
        correction = self.world.log[-1].event_id
        accept = AcceptCorrection(correction=correction, reason="核实")
        self.world.do(accept, on=appraisal, actor=self.company.head)
        self.world.do(RelockScore(), on=appraisal)

    # -- companies

    def judged(
        self,
        people: Iterable[tuple[str, str, str]],
        *,
        currency: str = "CNY",
        hired_on: date = date(2024, 1, 1),
        joiners: tuple[str, ...] = (),
    ) -> list[UUID]:
        """Locked appraisals of (name, pay a month, score), by one judged indicator.

        `joiners` work 30 of the 90 days.
        """
        company = self.company
        content = company.judged_scheme(duty=10000)
        company.open(content)
        found = []
        scores = []
        for name, monthly, score in people:
            since = date(2025, 3, 2) if name in joiners else hired_on
            employment = company.hire(name, manager_id=company.manager, hired_on=since)
            company.pay(employment, monthly=monthly, currency=currency, effective_from=since)
            found.append(company.create_appraisal(employment))
            scores.append(score)
        company.advance("rating")
        for appraisal, score in zip(found, scores, strict=True):
            company.rate_as_manager(appraisal, duty=score)
        company.advance("calibration")
        for appraisal in found:
            company.lock(appraisal)
        return found

    def second_cycle(self, monthly: str, score: str, name: str = "seller") -> UUID:
        """A locked appraisal of the quarter after, by a judged scheme."""
        company, world = self.company, self.world
        scheme = company.publish(company.judged_scheme(duty=10000), code="JUDGED")
        company.cycle = ids.cycle_id("2025Q2")
        world.do(
            PlanCycle(
                code="2025Q2", name="二季度", starts_on=date(2025, 4, 1), ends_on=date(2025, 6, 30)
            )
        )
        company.bind(scheme, "marketing")
        world.do(OpenCycle(), on=company.cycle)
        employment = ids.employment_id(name)
        company.pay(employment, monthly=monthly, effective_from=date(2025, 4, 1))
        world.do(CreateAppraisal(cycle_id=company.cycle, employment_id=employment))
        appraisal = ids.appraisal_id(company.cycle, employment)
        company.advance("rating")
        company.rate_as_manager(appraisal, duty=score)
        company.advance("calibration")
        company.lock(appraisal)
        return UUID(str(appraisal))

    # -- what came of it

    def lines(self, batch: UUID) -> list[PayoutCalculated]:
        prepared: BatchPrepared = self.world.events(batch)[0]
        return [self.world.events(each.payout_id)[0] for each in prepared.lines]

    def line_ids(self, batch: UUID) -> list[UUID]:
        prepared: BatchPrepared = self.world.events(batch)[0]
        return [each.payout_id for each in prepared.lines]

    def lines_of_all(self) -> list[UUID]:
        """The streams of all lines, in the order of their calculation."""
        return [
            each.stream_id for each in self.world.log if isinstance(each.event, PayoutCalculated)
        ]

    def totals(self, batch: UUID) -> tuple[Money, ...]:
        prepared: BatchPrepared = self.world.events(batch)[0]
        return prepared.totals

    def book(self) -> Book:
        """Every posting in its order; 0 in every currency at every position."""
        book = Book()
        for happening in self.world.log:
            book.post(postings(happening.event))
            for currency in {currency for _, currency in book.balances}:
                sums = (minor for (_, of), minor in book.balances.items() if of == currency)
                assert sum(sums) == 0
        return book

    def balance(self, account: str, currency: str = "CNY") -> int:
        return self.book().balances.get((account, currency), 0)


def amount(text: str, currency: str = "CNY") -> Amount:
    return Amount(amount=Decimal(text), currency=currency)
