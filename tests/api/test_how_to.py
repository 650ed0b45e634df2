"""The HTTP examples of the how-to pages, carried out as they are written.

A page says which company it begins with (`<!-- begins with: paid -->`, a step of the worked
baseline; `nothing` for none). Its blocks are exchanges, told apart by blank lines:

    POST /rewards/{reward}/approve as executive
    {"comment": "同意"}
    => 200 {"version": 2}

What is answered has to contain what is written: "..." stands for anything, and a name in braces for
the id that it stood for before, or is given by the answer that has it first.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api import examples
from api.app import TABLE
from domain import ids
from projections.catalogue import NAMES

FOLDER = Path(__file__).parents[2] / "docs" / "how-to"
BEGINS = re.compile(r"<!-- begins with: (\w+) -->")
BLOCK = re.compile(r"^```http\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"(GET|POST) (/\S*) as (\w+)(?: (\S+))?")
NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
PAGES = sorted(path for path in FOLDER.glob("*.md") if BEGINS.search(path.read_text()))
STEPS = ("organised", "appraising", "locked", "paid")

WAITED_S = 30
KNOWN = {
    "unit": examples.UNIT_ID,
    "job": examples.JOB_ID,
    "person": examples.PERSON_ID,
    "manager": examples.MANAGER_ID,
    "employment": examples.EMPLOYMENT_ID,
    "manager_employment": str(ids.employment_id(examples.MANAGER_EMPLOYMENT)),
    "scheme": examples.SCHEME_ID,
    "cycle": examples.CYCLE_ID,
    "appraisal": examples.APPRAISAL_ID,
    "batch": examples.BATCH_ID,
}
"""The ids of the worked baseline."""
WHO = {"employee": examples.PERSON_ID, "manager": examples.MANAGER_ID}

ELSEWHERE = {
    "/bulk",
    "/appeals/{appeal_id}/expire",
    "/imports/uploads",
    "/directory/users/{user_id}/link",
    "/tenants/self/erase/confirm",
    "/imports/jobs",
    "/imports/{import_id}/comparisons",
    "/imports/{import_id}/sign-off",
    "/imports/{import_id}/commit",
}
"""Bulk takes lines, not a body; an appeal expires after working days that no test can wait for, and
three days lie before a tenant's end (tests/api/test_leaving.py);
files are checked by a worker (tests/ops/test_import_jobs.py), users come over SCIM
(tests/api/test_scim.py)."""


def begun_with(page: Path) -> str:
    """The step of the baseline that a page begins with."""
    begins = BEGINS.search(page.read_text())
    assert begins
    return begins[1]


class Exchange(msgspec.Struct, frozen=True):
    """One request and what it is answered."""

    method: str
    path: str
    role: str
    number: str | None
    """Of the person behind the key, where the role does not say."""
    body: Any
    status: int
    answer: Any


def exchanges(page: Path) -> Iterator[Exchange]:
    for block in BLOCK.findall(page.read_text()):
        for text in re.split(r"\n\s*\n", block.strip()):
            first, _, rest = text.partition("\n")
            asked = ASKED.fullmatch(first)
            assert asked, f"{page.name}: {first}"
            body, arrow, told = f"\n{rest}".partition("\n=> ")
            assert arrow, f"{page.name}: no answer to {first}"
            status, _, answer = told.strip().partition(" ")
            yield Exchange(
                method=asked[1],
                path=asked[2],
                role=asked[3],
                number=asked[4],
                body=msgspec.json.decode(body) if body.strip() else None,
                status=int(status),
                answer=msgspec.json.decode(answer) if answer.strip() else ...,
            )


def filled(value: Any, known: dict[str, str]) -> Any:
    """With what its names stand for."""
    match value:
        case str():
            return NAME.sub(lambda name: known[name[1]], value)
        case dict():
            return {key: filled(each, known) for key, each in value.items()}
        case list():
            return [filled(each, known) for each in value]
        case _:
            return value


def differs(written: Any, told: Any, known: dict[str, str], at: str = "") -> str | None:
    """Where an answer does not contain what is written; names get what they stand for."""
    if written in {"...", ...} if isinstance(written, str | type(...)) else False:
        return None
    if isinstance(written, str) and (name := NAME.fullmatch(written)) and name[1] not in known:
        known[name[1]] = str(told)
        return None
    if isinstance(written, dict) and isinstance(told, dict):
        pairs = [(key, each, told.get(key, "(missing)")) for key, each in written.items()]
    elif isinstance(written, list) and isinstance(told, list):
        more = written[-1:] == ["..."]
        written = written[:-1] if more else written
        if len(told) < len(written) or (len(told) > len(written) and not more):
            return f"{at}: {len(told)} instead of {len(written)}: {told}"
        pairs = [(index, *each) for index, each in enumerate(zip(written, told, strict=False))]
    else:
        wanted = filled(written, known)
        return None if wanted == told else f"{at}: {told!r} instead of {wanted!r}"
    found = (differs(each, other, known, f"{at}/{key}") for key, each, other in pairs)
    return next((each for each in found if each), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_a_page_is_true(
    page: Path, app: Any, new_company: Callable[[str], Awaitable[Any]]
) -> None:
    company = await new_company(page.stem)
    step = begun_with(page)
    if step != "nothing":
        assert step in STEPS
        await getattr(company, step)()
    known = dict(KNOWN) if step != "nothing" else {}
    position = await company.head()
    for each in exchanges(page):
        person = str(ids.person_id(each.number)) if each.number else WHO.get(each.role)
        client = await company.client(each.role, person)
        path = filled(each.path, known)
        if each.method == "GET":
            mark = "&" if "?" in path else "?"
            answer = await client.get(f"{path}{mark}wait_for={max(position, 1)}")
        else:
            # As a person would who reads what was answered: what is known is in the views by then.
            views = app.state.services.views
            assert await views.wait_for(company.tenant_id, NAMES, position, WAITED_S)
            answer = await client.post(path, filled(each.body, known))
        said = f"{each.method} {each.path}: {answer.status_code} {answer.text}"
        assert answer.status_code == each.status, said
        position = max(position, client.position)
        different = differs(each.answer, answer.json(), known)
        assert different is None, f"{each.method} {each.path}: {different}"


def test_every_command_is_shown() -> None:
    shown = set()
    for page in PAGES:
        for each in exchanges(page):
            path = NAME.sub("00000000-0000-4000-8000-000000000000", each.path.partition("?")[0])
            found = TABLE.find(each.method, path)
            assert found, f"{page.name}: no route for {each.method} {each.path}"
            if each.status < 300:
                shown.add((each.method, found[0].path))
    wanted = {route.path for route in TABLE.routes if route.method == "POST"}
    missing = wanted - ELSEWHERE - {path for method, path in shown if method == "POST"}
    assert missing == set()


def test_every_page_is_in_the_index() -> None:
    index = (FOLDER / "README.md").read_text()
    for page in FOLDER.glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name
