"""What headers are called, in Chinese and English, for each thing that an import can take."""

import tomllib
from importlib.resources import files

SAID: dict[str, list[str]] = tomllib.loads(
    files("ops.onboarding").joinpath("words.toml").read_text("utf-8")
)
"""Concept: its names, in normal form: lower case, words parted by one blank."""

WORDS: dict[str, str] = {
    variant: concept
    for concept, names in SAID.items()
    for name in names
    for variant in (name, name.replace(" ", ""))
}

PERSONAL = (
    "gender",
    "email",
    "phone",
    "birth",
    "id_card",
    "age",
    "education",
    "address",
    "marital",
)
"""Concepts that are recognised and left behind on purpose: no decision of ours needs them."""
