"""Our packages are ours, and the lock pins by hash without saying where from."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "tenancy": "src/tenancy",
    "domain": "src/domain",
    "projections": "src/projections",
    "api": "src/api",
    "ops": "ops",
}
LOCK = (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_imported_from_this_checkout(name: str) -> None:
    """A foreign `api` in site-packages would win over an editable install."""
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).parent == ROOT / PACKAGES[name]


def test_the_lock_holds_no_address() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*(--|-i |-f |-e )(?!hash)", LOCK, re.MULTILINE)


def test_everything_in_the_lock_is_pinned_by_hash() -> None:
    pins = re.findall(r"^([A-Za-z0-9._-]+(?:\[[^\]]+\])?)==[^ ]+( \\)?$", LOCK, re.MULTILINE)
    assert len(pins) > 50
    assert all(continued for _, continued in pins)
    lines = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) == len(pins), "a line that is not a pin"


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[^A-Za-z0-9-]", requirement)[0].lower() for requirement in asked}
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==", LOCK, re.MULTILINE))
    assert "asyncpg" in names
    assert names <= pinned
