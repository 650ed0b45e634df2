"""What a refusal says in particular is Chinese in a Chinese console, as far as people meet it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from api.commands import decode
from api.console.detailing import PART, told
from api.console.problems import failed_of
from api.console.words.details import DETAILS, VALIDATION, WHAT
from api.console.words.importer import FINDINGS
from api.console.words.terms import TERMS
from api.problems import Said
from api.refusing import said_of
from domain.conduct import ReplyToDeviation
from domain.leave import RecordLeave
from domain.ratings import SubmitSelfRating
from tenancy.errors import StaleVersion

ROOT = Path(__file__).resolve().parents[2]


def sentences() -> Iterator[str]:
    """Every text of the code, what is put into it written as {}."""
    for folder in ("src/domain", "src/api", "src/tenancy", "ops/onboarding"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name == "details.py":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Constant(value=str(text)):
                        yield text
                    case ast.JoinedStr(values=parts):
                        yield "".join(
                            str(part.value) if isinstance(part, ast.Constant) else "{}"
                            for part in parts
                        )


def test_no_detail_is_kept_that_nobody_says() -> None:
    said = set(sentences())
    assert {text for text in DETAILS if PART.sub("{}", text) not in said} == set()
    named = {text for text in WHAT if text not in said}
    assert named == set()


@pytest.mark.parametrize("english", [*DETAILS, *VALIDATION])
def test_every_detail_is_told_in_chinese(english: str) -> None:
    """Filled in with what fits, it is its own translation and no other's."""

    def value(part: re.Match[str]) -> str:
        name, kind = part.group(1), part.group(2)
        if kind == "what":
            return next(iter(WHAT))
        return (
            next(iter(TERMS[kind])) if kind else {"wanted": "str", "given": "array"}.get(name, "7")
        )

    detail = PART.sub(value, english)
    found = told(detail, "zh-CN")
    assert found.language == "zh-CN", detail
    wanted = {**DETAILS, **VALIDATION}[english]
    for fixed in re.split(r"\{\w+\}", wanted):
        assert fixed in found.text
    assert "{" not in found.text
    assert told(detail, "en") == msgspec.structs.replace(found, text=detail, language="en")


def test_codes_within_a_detail_are_told_by_their_names() -> None:
    detail = "Cycle 2025Q1 is in stage rating; this is for comparison or calibration."
    assert told(detail, "zh-CN").text == ("周期2025Q1处于评分阶段，此操作仅限双向比对、校准阶段。")


def test_what_has_no_chinese_is_told_in_english_and_marked_so() -> None:
    for detail in ("There is no such webhook.", "Nobody has ever said this."):
        assert told(detail, "zh-CN").language == "en"


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (SubmitSelfRating, b'{"ratings": [{"indicator": "duty", "points": "many"}]}'),
        (SubmitSelfRating, b"{}"),
        (SubmitSelfRating, b'{"ratings": {}}'),
        (ReplyToDeviation, b'{"of": "duty", "reply": null}'),
        (RecordLeave, b'{"starts_on": "2025-02-31", "ends_on": "soon", "kind": "holiday"}'),
        (RecordLeave, b'{"starts_on": "2025-02-01", "unpaid": "perhaps", "more": 1}'),
    ],
)
def test_what_is_wrong_with_a_field_is_told_in_chinese(
    command: type[msgspec.Struct], body: bytes
) -> None:
    with pytest.raises(Said) as no:
        decode(body, command)
    failed = failed_of(no.value, "zh-CN")
    assert failed.errors
    assert {each.detail.language for each in failed.errors} == {"zh-CN"}
    assert [each.text for each in failed.of(failed.errors[0].pointer[1:].replace("/", "."))]


def test_an_overtaken_form_is_told_in_chinese() -> None:
    failed = failed_of(said_of(StaleVersion(uuid4(), 3, 4)), "zh-CN")
    assert failed.detail.text == "请重新查看后再决定。"


def test_every_finding_that_has_a_name_is_one_that_checks_make() -> None:
    assert FINDINGS.keys() - set(sentences()) == set()
