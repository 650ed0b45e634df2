"""Days, numbers and money as old systems write them: exact, or refused with what would mend it."""

from decimal import Decimal
from fractions import Fraction

import pytest

from ops.onboarding.entities import Field
from ops.onboarding.mapping import FieldRule, Mapping, MappingRefused
from ops.onboarding.readings import Form, Unreadable, day_of, number_of, plain, rounded
from ops.onboarding.shapes import day_forms, shape_of
from ops.onboarding.values import Reading

MAPPING = Mapping(version=1, name="test", sources={}, records=[], pivot=2016)


def reading(kind: str, **rule: object) -> Reading:
    field = Field(kind=kind)  # type: ignore[arg-type]  # told by each test
    return Reading("test.field", field, FieldRule(column="x", **rule), MAPPING, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "text", "day"),
    [
        ("YYYY-MM-DD", "2024-02-29", "2024-02-29"),
        ("YYYY-MM-DD", "2025-08-08 16:52:27", "2025-08-08"),
        ("YYYY-MM-DD", "2025-07-24T04:18:24.094Z", "2025-07-24"),
        ("M/D/YY", "10/24/79", "1979-10-24"),
        ("M/D/YY", "6/19/13 0:00", "2013-06-19"),
        ("DD-MM-YYYY", "14-01-2009", "2009-01-14"),
        ("YYYY/M/D", "2020/6/7", "2020-06-07"),
        ("YYYY年M月D日", "2020年6月7日", "2020-06-07"),
        ("YYYYMMDD", "20240131", "2024-01-31"),
        ("D-MON-YYYY", "3-Mar-2011", "2011-03-03"),
        ("YYYY-MM", "2025-08", "2025-08-01"),
        ("excel-serial", "45351", "2024-02-29"),
    ],
)
def test_days_in_many_forms(form: str, text: str, day: str) -> None:
    assert day_of(text, [Form(form, pivot=2016)]).isoformat() == day


@pytest.mark.parametrize(
    ("text", "said"),
    [("00:00.0", "time without a day"), ("2023-02-29", "28 days"), ("soon", "write it as")],
)
def test_what_is_no_day_says_what_would_be(text: str, said: str) -> None:
    with pytest.raises(Unreadable) as error:
        day_of(text, [Form("YYYY-MM-DD")])
    assert said in error.value.suggestion


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$1,234.00", "1234"),
        ("($5.50)", "-5.5"),
        ("1,234.56元", "1234.56"),
        ("￥１，２３４．５", "1234.5"),
        ("12.5%", "0.125"),
        ("3.2万", "32000"),
        ("1234-", "-1234"),
        ("-0.00", "0"),
        ("30985.739999999998", "30985.739999999998"),
        ("12,34,567.00", "1234567"),
    ],
)
def test_money_as_it_is_written(text: str, value: str) -> None:
    assert plain(number_of(text)[0]) == value


@pytest.mark.parametrize("text", ["1.2.3", "12O0", "1,23", "NaN", "Infinity", "1e999", "--5", ""])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        number_of(text)


def test_a_decimal_comma_must_be_said() -> None:
    assert number_of("1.234,56", ",")[0] == Decimal("1234.56")
    with pytest.raises(Unreadable, match="bad-number"):
        number_of("1234,5")


def test_a_year_in_twelve_parts_is_rounded_half_to_even_and_said() -> None:
    money = reading("money", scale="1/12", round=2)
    outcome = money.of("$51,862.00 ")
    assert outcome.text == "4321.83"
    assert outcome.packed == [
        "$51,862.00 ", "4321.83", ["trim", "number-text", "scale 1/12", "round 2"], [],
    ]  # fmt: skip
    assert rounded(Fraction(5, 1000), 2) == Decimal("0.00")
    assert rounded(Fraction(15, 1000), 2) == Decimal("0.02")


def test_without_leave_nothing_is_rounded() -> None:
    problem = reading("money").of("30985.739999999998").problem
    assert problem is not None
    assert (problem.code, problem.replacement) == ("too-many-decimals", "30985.74")
    problem = reading("money", scale="1/12").of("100").problem
    assert problem is not None
    assert problem.code == "no-end"


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("code", "x" * 101, None),
        ("name", "x" * 201, "too-long"),
        ("code", "", "missing"),
        ("code", "NULL", "missing"),
        ("share", "1.5", "out-of-range"),
        ("whole", "2.5", "too-many-decimals"),
        ("name", "caf\ufffd", "bad-encoding"),
        ("money", "9" * 16, "out-of-range"),
    ],
)
def test_formats_are_checked(kind: str, text: str, code: str | None) -> None:
    problem = reading(kind).of(text).problem
    assert (None if problem is None else problem.code) == code


def test_formulas_stay_text() -> None:
    outcome = reading("name").of('=HYPERLINK("http://evil","x")')
    assert outcome.text == '=HYPERLINK("http://evil","x")'
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.severity) == ("formula-text", "warning")


def test_code_lists() -> None:
    codes = reading("code", codes={"男": "male", "Female": "female"})
    assert codes.of("男").text == "male"
    problem = codes.of("female").problem
    assert problem is not None
    assert (problem.code, problem.replacement) == ("unknown-code", "Female")
    assert reading("code", codes={"a": "b"}, other="keep").of("z").text == "z"


def test_two_digit_years_need_a_pivot() -> None:
    without = Mapping(version=1, name="test", sources={}, records=[])
    with pytest.raises(MappingRefused, match="pivot"):
        Reading("x.day", Field(kind="date"), FieldRule(column="x", date="M/D/YY"), without, None)


@pytest.mark.parametrize(
    ("texts", "shape"),
    [
        (["$1,200.00", "$900.00", "($3)"], "money"),
        (["2024-01-01", "2024-12-31"], "date"),
        (["1", "2", "30"], "whole"),
        (["1.5", "2"], "number"),
        (["d001", "d002", "d013"], "code"),
        (["00:00.0", "00:00.0"], "clock"),
        (["Yes", "No", "Yes", "Yes"], "flag"),
        (["a@b.cn", "c@d.com"], "email"),
        ([], "empty"),
    ],
)
def test_shapes(texts: list[str], shape: str) -> None:
    assert shape_of(texts) == shape


def test_day_and_month_are_told_by_what_cannot_be_a_month() -> None:
    assert day_forms(["10/24/79", "1/2/80"]) == ["M/D/YY"]
    assert day_forms(["24/10/1979", "1/2/1980"]) == ["D/M/YYYY"]
    assert day_forms(["30-01-2009", "31-12-2010"]) == ["D-M-YYYY"]
