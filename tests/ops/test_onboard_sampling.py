"""The third check: sizes that follow from confidence, draws that anybody can repeat."""

import json
import re
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
import xlsxwriter

from ops.cli import main
from ops.cli.common import WrongInput
from ops.cli.importing import _filled_in
from ops.demo.model import BadInput
from ops.onboarding.check import check, finished
from ops.onboarding.mapping import Loaded, parse
from ops.onboarding.sampling import draw, passes, read, size_for
from ops.onboarding.worksheet import HEADS, PEOPLE
from ops.onboarding.worksheet import read as verdicts
from ops.onboarding.workspace import Workspace

MAPPING = """\
version: 1
name: people
sources: {people: {files: people.csv}}
records:
  - entity: person
    from: people
    fields: {number: No, name: Name}
"""


def workspace(tmp_path: Path, people: int = 500) -> Workspace:
    made = tmp_path / "in"
    made.mkdir()
    rows = "".join(f"{n},=Person {n}\n" for n in range(1, people + 1))
    (made / "people.csv").write_text("No,Name\n" + rows)
    (tmp_path / "m.yaml").write_text(MAPPING)
    loaded = Loaded(mapping=parse(MAPPING), digest="ab" * 32, path=str(tmp_path / "m.yaml"))
    found = check(made, loaded, tmp_path / "work")
    finished(found, tmp_path / "work")
    return found


@pytest.mark.parametrize(
    ("population", "confidence", "tolerable", "accepted"),
    [(40, 9500, 100, 0), (500, 9500, 500, 0), (500, 9900, 500, 1), (2000, 9000, 200, 2)],
)
def test_the_size_is_the_least_that_is_sure_enough(
    population: int, confidence: int, tolerable: int, accepted: int
) -> None:
    """One fewer would let the tolerable share pass more often than was said."""
    size = size_for(population, confidence, tolerable, accepted)
    wrong = max(1, -(-population * tolerable // 10_000))
    risk = Fraction(10_000 - confidence, 10_000)
    assert passes(population, wrong, size, accepted) <= risk
    assert passes(population, wrong, size - 1, accepted) > risk


def test_known_sizes() -> None:
    """The discovery samples of auditors' tables: 95 %, 1 %: 294 of 10,000; all of very few."""
    assert size_for(10_000, 9500, 100) == 294
    assert size_for(3, 9500, 100) == 3
    assert size_for(0, 9500, 100) == 0


def test_anybody_draws_the_same_again_and_another_seed_another(tmp_path: Path) -> None:
    found = workspace(tmp_path)
    one = draw(found, 7, 9500, 500)
    assert one == draw(Workspace.open(tmp_path / "work"), 7, 9500, 500)
    other = draw(found, 8, 9500, 500)
    assert one.size == other.size == size_for(500, 9500, 500)
    assert one.digest != other.digest
    assert len({item.key for item in one.items}) == one.size


def fill(path: Path, answers: dict[int, list[str]]) -> None:
    """Write answers into the worksheet as a person's spreadsheet program would."""
    import python_calamine  # noqa: PLC0415  # only here

    book = python_calamine.load_workbook(str(path))
    sheets = {name: book.get_sheet_by_name(name).to_python() for name in PEOPLE}
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as new:
        for person, name in enumerate(PEOPLE):
            sheet = new.add_worksheet(name)
            for place, row in enumerate(sheets[name]):
                for column, text in enumerate(row):
                    sheet.write_string(place, column, str(text))
                if place and person in answers:
                    said = answers[person][(place - 1) % len(answers[person])]
                    sheet.write_string(place, HEADS.index("Same? (yes/no)"), said)


def test_two_people_fill_in_one_sheet_each(tmp_path: Path) -> None:
    found = workspace(tmp_path)
    code = main(
        [
            "onboard",
            "sample",
            "--seed",
            "7",
            "--tolerable",
            "0.05",
            "--work",
            str(tmp_path / "work"),
        ]
    )
    assert code == 0
    path = tmp_path / "work" / "sample.xlsx"
    sample = read(path.with_suffix(".json"))
    assert sample == draw(found, 7, 9500, 500)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert not re.search(r"<f[ >]", sheet), "what looks like a formula stays text"
    assert verdicts(path, 0).open == sample.size
    fill(path, {0: ["yes", "是"], 1: ["yes", "yes", "no", "yes"]})
    first, second = verdicts(path, 0), verdicts(path, 1)
    assert (first.matched, first.mismatched, first.open) == (sample.size, 0, 0)
    assert second.mismatched > 0
    assert second.matched + second.mismatched == sample.size
    assert "people.csv" in second.mismatches[0]


def test_an_answer_is_yes_or_no(tmp_path: Path) -> None:
    workspace(tmp_path, 20)
    assert main(["onboard", "sample", "--seed", "1", "--work", str(tmp_path / "work")]) == 0
    path = tmp_path / "work" / "sample.xlsx"
    fill(path, {0: ["perhaps"]})
    with pytest.raises(BadInput, match="neither yes nor no"):
        verdicts(path, 0)


def test_a_sample_that_was_changed_is_none(tmp_path: Path) -> None:
    workspace(tmp_path, 20)
    assert main(["onboard", "sample", "--seed", "1", "--work", str(tmp_path / "work")]) == 0
    path = tmp_path / "work" / "sample.json"
    said = json.loads(path.read_text())
    said["items"][0]["key"] = "another"
    path.write_text(json.dumps(said))
    with pytest.raises(BadInput, match="not those of its digest"):
        read(path)


@pytest.mark.parametrize(
    "option", [["--confidence", "1"], ["--tolerable", "0"], ["--mismatches", "-1"]]
)
def test_limits_of_a_sample(tmp_path: Path, option: list[str]) -> None:
    workspace(tmp_path, 5)
    work = ["--work", str(tmp_path / "work")]
    assert main(["onboard", "sample", "--seed", "1", *work, *option]) == 2


def test_a_signature_takes_its_numbers_from_a_finished_worksheet_of_the_same_sample(
    tmp_path: Path,
) -> None:
    workspace(tmp_path, 20)
    assert main(["onboard", "sample", "--seed", "1", "--work", str(tmp_path / "work")]) == 0
    path = tmp_path / "work" / "sample.xlsx"
    sample = read(path.with_suffix(".json"))
    with pytest.raises(WrongInput, match="19 records have no answer yet"):
        _filled_in(path, 1, sample.digest)
    fill(path, {0: ["yes"], 1: ["no"]})
    assert _filled_in(path, 1, sample.digest) == (19, 0)
    assert _filled_in(path, 2, sample.digest) == (0, 19)
    with pytest.raises(WrongInput, match="another sample"):
        _filled_in(path, 1, "00" * 32)
    with pytest.raises(WrongInput, match="1 or 2"):
        _filled_in(path, 3, sample.digest)
