"""docs/vocabulary.md: names of the domain model that the code has not, and what they became."""

import re
from pathlib import Path

from domain.catalogue import AGGREGATES, EVENTS

PAGE = (Path(__file__).parents[2] / "docs" / "vocabulary.md").read_text()
ROW = re.compile(r"^\| (\w+) \| ((?:`\w+` ?)+) \| [^|]+ \|$", re.MULTILINE)
NAMES = {each.__name__ for each in EVENTS} | {
    command.__name__ for aggregate in AGGREGATES for command in aggregate.commands
}


def test_what_was_renamed_is_there_under_its_new_name_alone() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) == PAGE.count("\n| ") - 1
    for before, after in rows:
        assert before not in NAMES, f"{before} is a name of the code by now"
        assert set(re.findall(r"`(\w+)`", after)) <= NAMES, before


BUILT = (
    "AttendanceRecorded CycleLocked DeadlineExtended ParticipantsResolved PoolUnallocated"
    " DeltaPayoutPosted InitialScoreCalculated RaterGroupSuppressed ReceiptIssued FeedCutOffReached"
)


def test_what_the_model_names_is_built() -> None:
    assert set(BUILT.split()) <= NAMES
