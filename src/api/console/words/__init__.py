"""The catalogue: Chinese by the English text, and names of codes in both languages.

A module holds the texts of a group of pages. Whoever adds pages adds a module, and its name below.
"""

from typing import Final

from api.console.words import (
    auditor,
    door,
    employee,
    executive,
    importer,
    kit,
    manager,
    money,
    operator,
    personnel,
    terms,
    together,
    topics,
)

CHINESE: Final[dict[str, str]] = {
    text: chinese
    for module in (
        kit,
        door,
        employee,
        manager,
        personnel,
        money,
        executive,
        auditor,
        operator,
        importer,
        together,
    )
    for text, chinese in module.CHINESE.items()
}
"""By the English text as it stands in a template or in code."""

TERMS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    **terms.TERMS,
    "topic": topics.TOPICS,
    "finding": importer.FINDINGS,
}
"""(English, Chinese) by kind and code."""
