"""The bill of materials names every locked package, and is the same each time."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def made() -> bytes:
    subprocess.run([sys.executable, "tools/sbom.py"], cwd=ROOT, check=True, capture_output=True)
    return (ROOT / "build" / "sbom.json").read_bytes()


def test_every_locked_package_is_listed_with_its_version() -> None:
    locked = dict(
        re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z,]+\])?==([^ ;\\]+)",
                   (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )  # fmt: skip
    found = {each["name"].lower(): each["version"] for each in json.loads(made())["components"]}
    assert len(locked) > 100
    assert {name: found.get(name) for name in locked} == locked


def test_the_same_lock_gives_the_same_bytes() -> None:
    assert made() == made()
