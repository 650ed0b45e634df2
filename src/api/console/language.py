"""English and Chinese: every text of ours in both, by one catalogue that a test holds complete.

A text is written in English where it stands, in a template or in Python, and looked up here:
`_("My progress")`. What has a code (a stage, a topic, a role) is looked up by kind and code.
"""

from collections.abc import Mapping
from typing import Final, Literal

from api.console.words import CHINESE, TERMS
from api.problems import wants_chinese

Language = Literal["en", "zh-CN"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh-CN")
LOCALES: Final[dict[Language, str]] = {"en": "en", "zh-CN": "zh_CN"}
OWN_NAMES: Final[dict[Language, str]] = {"en": "English", "zh-CN": "中文"}


def spoken(cookies: Mapping[str, str], accept_language: str) -> Language:
    """The language that was chosen, else what the browser prefers."""
    for language in LANGUAGES:
        if cookies.get("merit_language") == language:
            return language
    return "zh-CN" if wants_chinese(accept_language) else "en"


def words(text: str, language: Language) -> str:
    """A text of ours in this language.

    Raises:
        KeyError: the catalogue has no Chinese for it; a test finds that before a visitor does.
    """
    return text if language == "en" else CHINESE[text]


def term(kind: str, code: str, language: Language) -> str:
    """What a code is called; the code itself where it is a tenant's own and has no name here."""
    both = TERMS.get(kind, {}).get(code)
    if both is None:
        return code
    return both[0] if language == "en" else both[1]
