"""Mapping files: what is wrong is named by line and key before any data is read."""

from pathlib import Path

import pytest

from ops.onboarding.mapping import MappingRefused, load, parse, schema

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "ops/onboarding/examples").glob("*.yaml"))
GOOD = """\
version: 1
name: small
opening: "2024-01-01"
sources:
  staff:
    files: staff.csv
records:
  - entity: person
    from: staff
    fields:
      number: No
      name: {column: Name, tidy: spaces}
"""


def test_a_small_mapping() -> None:
    mapping = parse(GOOD)
    assert mapping.records[0].fields["number"] == "No"
    assert mapping.opening is not None


def test_codes_stay_as_they_are_written() -> None:
    """007 is a code and 2024-01-01 a text, whatever YAML thinks; yes is no boolean."""
    mapping = parse(GOOD.replace("tidy: spaces", 'codes: {yes: "1", 007: a, 2024-01-01: b}'))
    rule = mapping.records[0].fields["name"]
    assert not isinstance(rule, str)
    assert rule.codes == {"yes": "1", "007": "a", "2024-01-01": "b"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("tidy: spaces", "tidi: spaces", r"line 12, key records\[0\].fields.name"),
        ("from: staff", "from: stuff", r"line 9, key records\[0\].from: no source is called"),
        (
            "number: No",
            "nummer: No",
            r"line 11, key records\[0\].fields.nummer: person has no such",
        ),
        ("      number: No\n", "", r"key records\[0\].fields: person needs 'number'"),
        ("entity: person", "entity: persona", r"line 8, key records\[0\].entity"),
        ("version: 1", "version: 2", "line 1, key version"),
        (
            "files: staff.csv",
            "files: 3",
            "line 5, key sources.staff.files|line 6, key sources.staff.files",
        ),
        ("{column: Name, tidy: spaces}", "{column: A, constant: B}", "exactly one of"),
        ("files: staff.csv", "files: staff.csv\n    header: none", "name the columns"),
        ("name: small", "name: *small", "line 2: a mapping has no aliases"),
        ("name: small", "name: [", "line"),
    ],
)
def test_mistakes_are_named(before: str, after: str, said: str) -> None:
    assert before in GOOD
    with pytest.raises(MappingRefused, match=said):
        parse(GOOD.replace(before, after))


def test_aliases_cannot_make_a_mapping_grow() -> None:
    text = GOOD + "note: &a x\nexclude_files: {b: *a}\n"
    with pytest.raises(MappingRefused, match="line 14: a mapping has no aliases"):
        parse(text)


def test_toml_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(
        'version = 1\nname = "small"\nopening = 2024-01-01\n[sources.staff]\nfiles = "staff.csv"\n'
        '[[records]]\nentity = "person"\nfrom = "staff"\n[records.fields]\nnumber = "No"\n'
        'name = {column = "Name", tidy = "spaces"}\n'
    )
    (tmp_path / "m.yaml").write_text(GOOD)
    toml, yaml = load(tmp_path / "m.toml"), load(tmp_path / "m.yaml")
    assert toml.mapping == yaml.mapping
    assert toml.digest != yaml.digest


def test_a_mapping_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match="No such file"):
        load(tmp_path / "m.yaml")


def test_the_schema_beside_the_module_is_that_of_the_module() -> None:
    """Write it anew: python -c "from ops.onboarding.mapping import schema; ..." > the file."""
    assert (ROOT / "ops/onboarding/mapping.schema.json").read_bytes() == schema()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_mappings(path: Path) -> None:
    assert load(path).mapping.records


def test_there_are_examples_of_seven_data_sets() -> None:
    assert len(EXAMPLES) == 8, "one of them in two encodings"
