"""What a refusal says in particular, in the visitor's language as far as it is known there."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from api.console.language import Language, term
from api.console.words.details import DETAILS, VALIDATION, WHAT

PART: Final = re.compile(r"\{(\w+)(?:\|([\w-]+))?\}")
"""A part of a sentence that is taken over: its name, and what kind of code it is."""
_SEVERAL: Final = re.compile(r" or |, ")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence, and the language that it came to be in."""

    text: str
    language: Language


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one field of a form."""

    pointer: str
    detail: Told


class _Sentence(msgspec.Struct, frozen=True, kw_only=True):
    pattern: re.Pattern[str]
    kinds: dict[str, str]
    chinese: str


def told(detail: str, language: Language) -> Told:
    """A detail as the domain or the API says it; in English where it has no Chinese."""
    chinese = None if language == "en" else _in_chinese(detail)
    if chinese is None:
        return Told(text=detail, language="en")
    return Told(text=chinese, language="zh-CN")


def _in_chinese(detail: str) -> str | None:
    for sentence in _sentences():
        if found := sentence.pattern.fullmatch(detail):
            parts = {
                name: _named(sentence.kinds.get(name, ""), value)
                for name, value in found.groupdict().items()
            }
            # One whose subject has no name in Chinese is told in English as a whole.
            if None not in parts.values():
                return sentence.chinese.format(**parts)
    return None


def _named(kind: str, value: str) -> str | None:
    if kind == "what":
        return WHAT.get(value)
    if not kind:
        return value
    return "、".join(term(kind, each, "zh-CN") for each in _SEVERAL.split(value))


@lru_cache(maxsize=1)
def _sentences() -> tuple[_Sentence, ...]:
    # Those that say most by themselves come first, before those that would fit as well.
    every = sorted({**DETAILS, **VALIDATION}.items(), key=lambda each: -len(PART.sub("", each[0])))
    return tuple(_sentence(english, chinese) for english, chinese in every)


def _sentence(english: str, chinese: str) -> _Sentence:
    pattern, kinds, at = "", {}, 0
    for part in PART.finditer(english):
        name, kind = part.group(1), part.group(2)
        pattern += re.escape(english[at : part.start()]) + f"(?P<{name}>.+?)"
        if kind:
            kinds[name] = kind
        at = part.end()
    pattern += re.escape(english[at:])
    return _Sentence(pattern=re.compile(pattern, re.DOTALL), kinds=kinds, chinese=chinese)
