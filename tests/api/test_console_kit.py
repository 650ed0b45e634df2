"""The parts that pages are made of: forms, tables, explanations."""

import csv
import io
import zipfile
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import examples
from api.console.explaining import score_in, steps, tree_of
from api.console.formats import Formats, formats
from api.console.forms import body_of, local
from api.console.tables import Column, Table, as_csv, as_xlsx, harmless
from domain.appeal import FileAppeal
from domain.explanation import Node
from domain.feeds import ReceiveFeed
from domain.occurrences import RecordOccurrence
from domain.ratings import SubmitSelfRating
from domain.worth import Worth

UTC = ZoneInfo("UTC")


def read(fields: list[tuple[str, str]], body: type[msgspec.Struct]) -> Any:
    return msgspec.json.decode(body_of(fields, body), type=body)


def test_names_are_paths_and_types_are_the_commands() -> None:
    told = read(
        [
            ("_csrf", "x"),
            ("appraisal_id", "00000000-0000-4000-8000-000000000001"),
            ("lock_version", "2"),
            ("indicator", "total"),
            ("statement", " two\r\nlines "),
            ("proofs.0.name", "a.pdf"),
            ("proofs.0.checksum", f"sha256:{'0' * 64}"),
            ("proofs.1.name", ""),
            ("proofs.1.checksum", ""),
        ],
        FileAppeal,
    )
    assert told.lock_version == 2
    assert told.appraisal_id == UUID("00000000-0000-4000-8000-000000000001")
    assert told.statement == "two\nlines"
    assert [proof.name for proof in told.proofs] == ["a.pdf"]


def test_rows_keep_their_order_and_decimals_are_exact() -> None:
    fields = [(f"ratings.{at}.{name}", value) for at in range(11) for name, value in _row(at)]
    told = read(fields, SubmitSelfRating)
    assert [each.points for each in told.ratings] == [Decimal(f"{at}.10") for at in range(11)]


def _row(at: int) -> list[tuple[str, str]]:
    return [("indicator", f"i{at}"), ("points", f"{at}.10")]


def test_what_cannot_be_converted_is_told_by_the_api_and_not_here() -> None:
    raw = body_of([("rows", "many"), ("as_of", "2025-13-01")], ReceiveFeed)
    assert msgspec.json.decode(raw) == {"rows": "many", "as_of": "2025-13-01"}


@given(
    st.lists(
        st.tuples(st.text(alphabet="ab.01_", max_size=12), st.text(max_size=5)),
        max_size=8,
    )
)
def test_no_form_is_too_strange(fields: list[tuple[str, str]]) -> None:
    for body in (FileAppeal, SubmitSelfRating, RecordOccurrence):
        msgspec.json.decode(body_of(fields, body))


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/console", "/console"),
        ("/console/a?b=c", "/console/a?b=c"),
        ("/console/../x", "/console"),
        ("//x/console/", "/console"),
        ("/consolex", "/console"),
        ("/console/a\r\nX: y", "/console"),
        ("", "/console"),
    ],
)
def test_only_the_console_is_led_to(path: str, to: str) -> None:
    assert local(path, "/console") == to


# -- tables


class _Visit(msgspec.Struct):
    formats: Formats = Formats(language="en", zone=UTC)


def _table(rows: list[Any]) -> Table:
    return Table(
        name="t",
        caption="A [table]",
        rows=rows,
        columns=(
            Column(label="=name", value=lambda row: row[0]),
            Column(label="number", value=lambda row: row[1], kind="number"),
            Column(label="money", value=lambda row: row[2], kind="money"),
        ),
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(text: str) -> None:
    visit = cast("Any", _Visit())
    table = _table([(text, text, None)])
    lines = list(csv.reader(io.StringIO(as_csv(table, visit).decode("utf-8-sig"), newline="")))
    assert lines[0][0] == "'=name"
    assert lines[1][0] == f"'{text}"
    assert lines[1][1] in {f"'{text}", "1", "-1"}  # a number may have a sign
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(table, visit)))
    assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_amounts_are_numbers_with_their_currency_beside_them() -> None:
    visit = cast("Any", _Visit())
    table = _table([("a", "89.76", {"amount": "-26928.05", "currency": "CNY"})])
    assert as_csv(table, visit).decode("utf-8-sig").splitlines()[1] == "a,89.76,-26928.05 CNY"
    sheet = zipfile.ZipFile(io.BytesIO(as_xlsx(table, visit))).read("xl/worksheets/sheet1.xml")
    assert b"<v>-26928.05</v>" in sheet


@given(st.text())
def test_what_is_harmless_begins_harmlessly(text: str) -> None:
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


# -- formats


def test_money_is_never_rounded_and_zones_are_told() -> None:
    write = formats("en", {"merit_zone": "Asia/Shanghai"})
    assert write.money({"amount": "26928.05", "currency": "CNY"}) == "CN¥26,928.05"
    assert write.money({"amount": "-0.05", "currency": "USD"}) == "-$0.05"
    assert write.number("1234567.8901") == "1,234,567.8901"
    assert write.moment("2025-03-31T16:00:00Z") == "2025-04-01 00:00:00 UTC+08:00"
    assert write.short("2244/25") == "89.76"
    assert write.short("3/1") == "3"
    for strange in ("../etc/passwd", "Nowhere/At_All", "", "x" * 500):
        assert formats("en", {"merit_zone": strange}).zone == UTC


# -- explanations


async def test_the_steps_of_a_waterfall_add_up_exactly(paid_company: Any) -> None:
    hr = await paid_company.client("hr")
    told = await hr.saw(f"/appraisals/{examples.APPRAISAL_ID}/explanation")
    score = score_in(tree_of(told["explanation"]))
    found = steps(score)
    assert sum((step.delta for step in found), Fraction(0)) == Fraction(score.value)
    assert [step.label for step in found] == ["contract", "collection", "output", "duty"]
    finance = await paid_company.client("finance")
    for line in (await finance.saw("/payouts"))["data"]:
        why = await finance.saw(f"/payouts/{line['payout_id']}/explanation")
        node = tree_of(why["explanation"])
        assert sum((step.delta for step in steps(node)), Fraction(0)) == Fraction(node.value)


def _leaf(value: int, label: str) -> Node:
    return Node(rule="given", value=str(value), label=label)


@given(st.lists(st.integers(-50, 120), min_size=1, max_size=5), st.integers(0, 100))
def test_whatever_happens_to_a_mean_is_a_step(points: list[int], most: int) -> None:
    mean = Fraction(sum(points), len(points))
    leaves = tuple(_leaf(each, f"i{at}") for at, each in enumerate(points))
    weighted = Node(
        rule="weighted-mean",
        value=str(mean),
        label="weighted total",
        inputs=leaves,
        params={"weights": " ".join("1" for _ in points)},
    )
    adjusted = Node(rule="sum", value=str(mean - 3), inputs=(weighted, _leaf(-3, "deductions")))
    clamped = min(max(mean - 3, Fraction(0)), Fraction(most))
    node = Node(rule="clamp", value=str(clamped), inputs=(adjusted,), label="score")
    vetoed = Node(rule="veto", value="0", inputs=(node, _leaf(1, "fraud")))
    for each in (weighted, adjusted, node, vetoed):
        found = steps(each)
        assert sum((step.delta for step in found), Fraction(0)) == Fraction(each.value)


async def test_one_point_more_is_worth_what_it_would_pay(paid_company: Any) -> None:
    hr = await paid_company.client("hr")
    head = await paid_company.head()
    told = await hr.saw(f"/appraisals/{examples.APPRAISAL_ID}/worth", wait_for=head)
    assert told.keys() >= set(Worth.__struct_fields__)
    assert told["projection"] is False
    assert told["score"] == "89.76"
    assert told["amount"] == {"amount": "26928.00", "currency": "CNY"}
    assert told["one_more"]["score"] == "90.76"
    assert told["one_more"]["gain"] == {"amount": "300.00", "currency": "CNY"}
    employee = await paid_company.client("employee", examples.PERSON_ID)
    assert await employee.saw(f"/appraisals/{examples.APPRAISAL_ID}/worth") == told


async def test_before_the_lock_it_is_a_projection(company: Any) -> None:
    await company.appraising()
    employee = await company.client("employee", examples.PERSON_ID)
    head = await company.head()
    told = await employee.saw(f"/appraisals/{examples.APPRAISAL_ID}/worth", wait_for=head)
    assert told["projection"] is True
    seen = await employee.saw(f"/appraisals/{examples.APPRAISAL_ID}/projection")
    assert (told["score"], told["amount"]) == (seen["score"], seen["amount"])


async def test_appraisals_of_all_cycles_are_ones_own(paid_company: Any) -> None:
    employee = await paid_company.client("employee", examples.PERSON_ID)
    own = (await employee.saw("/appraisals"))["data"]
    assert {row["person_id"] for row in own} == {str(examples.PERSON_ID)}
    manager = await paid_company.client("manager", examples.MANAGER_ID)
    team = (await manager.saw("/appraisals"))["data"]
    assert {row["manager_id"] for row in team} == {str(examples.MANAGER_ID)}
    stranger = await paid_company.client("employee", examples.MANAGER_ID)
    assert (await stranger.saw("/appraisals"))["data"] == []
