"""Fetches the browser's libraries by pinned hash; does nothing when they are there already.

The console serves htmx and ECharts itself, and its tests inject axe-core. None of them is kept in
this repository: `make setup` packs them with npm, and where there is no npm takes them out of
Python wheels that hold the very same files. Each package and each file is checked by its hash.
"""

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SERVED = ROOT / "src/api/console/static/vendor"
"""What browsers get; part of an installed wheel."""
TESTED = ROOT / "build/assets"
"""What only tests use."""
MISSING = 3


class Wheel(NamedTuple):
    """Where a Python package has the same file."""

    requirement: str
    sha256: str
    path: str
    file_sha256: str = ""
    """Where its line ends are others."""


class Asset(NamedTuple):
    """One file of one npm package."""

    package: str
    version: str
    integrity: str
    """SHA-512 of the package, base64, as lock files write it."""
    path: str
    """Inside the package."""
    sha256: str
    """Of the file."""
    to: Path
    wheel: Wheel


ASSETS = (
    Asset(
        "htmx.org",
        "2.0.10",
        "kdeJe7ZVwaS6QMz/ebBIVtZdpwen6L0OQ5GOhPV9MKBb196TCZeZu4yA7ZIQsaLKv7EpXz+So7KSXNuHXhj7Cw==",
        "package/dist/htmx.min.js",
        "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de",
        SERVED,
        Wheel(
            "django-htmx==1.29.0",
            "0ec5be1645ed71e6787bd75e0250624f00274ac3bb1730f07b6629a95688929b",
            "django_htmx/static/django_htmx/htmx-2.min.js",
        ),
    ),
    Asset(
        "echarts",
        "6.0.0",
        "Tte/grDQRiETQP4xz3iZWSvoHrkCQtwqd6hs+mifXcjrCuo2iKWbajFObuLJVBlDIJlOzgQPd1hsaKt/3+OMkQ==",
        "package/dist/echarts.min.js",
        "baa8dfe7e1d9336b98e8986ba7e20ea15e7cdbea1ef42a59d59478632fa45a1d",
        SERVED,
        Wheel(
            "panel==1.9.4",
            "c89c4c1e728297daf0628ea5070fb0da8ad77781e2a3142d302479537c1de6a4",
            "panel/dist/bundled/echarts/echarts@6.0.0/dist/echarts.min.js",
        ),
    ),
    Asset(
        "axe-core",
        "4.12.1",
        "s7iGf5GaVMxEG0ENN9x+xTr7GFZCb1ZP/1uATUpCEK2X78nDB3RwbtFCo9pGAf9ru+VwoQ464DkaLEeRM08wJA==",
        "package/axe.min.js",
        "66a8aaa95a8b044a7fd74a5435873bf04ff65a1ca75567c921b7509742085a14",
        TESTED,
        Wheel(
            "axe-playwright-python==0.1.8",
            "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
            "axe_playwright_python/axe.min.js",
            "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc",
        ),
    ),
)


class Refused(Exception):
    """What came is not what was pinned."""


def there(asset: Asset) -> bool:
    """Whether the file is there, and is the one that is pinned."""
    path = asset.to / Path(asset.path).name
    return path.exists() and pinned(asset, path.read_bytes())


def pinned(asset: Asset, content: bytes) -> bool:
    """Whether this is what was pinned."""
    return hashlib.sha256(content).hexdigest() in {asset.sha256, asset.wheel.file_sha256}


def fetch(asset: Asset, npm: str | None) -> None:
    """Get one file, and write it once every hash agrees.

    Raises:
        Refused: one of them does not.
        CalledProcessError: it could not be fetched; what was said is on stderr.
    """
    content = _packed(asset, npm) if npm else _from_wheel(asset)
    if not pinned(asset, content):
        raise Refused(f"{asset.path} of {asset.package} {asset.version} is not what is pinned")
    asset.to.mkdir(parents=True, exist_ok=True)
    path = asset.to / Path(asset.path).name
    # Pressed once here and not for every browser; without a time, so that it is always the same.
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, mtime=0))
    path.write_bytes(content)


def _packed(asset: Asset, npm: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [npm, "pack", f"{asset.package}@{asset.version}", "--json", "--ignore-scripts"],
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
        )
        package = Path(folder) / _file_name(told.stdout)
        found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if found != asset.integrity:
            raise Refused(f"{asset.package} {asset.version}: sha512-{found} is not what is pinned")
        with tarfile.open(package) as archive:
            member = archive.extractfile(asset.path)
            return b"" if member is None else member.read()


def _from_wheel(asset: Asset) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{asset.wheel.requirement} --hash=sha256:{asset.wheel.sha256}\n")
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
        subprocess.run(
            [*pip, "--no-deps", "--require-hashes", "--dest", folder, "-r", wanted], check=True
        )
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(asset.wheel.path)


def _file_name(said: bytes) -> str:
    # A list in one npm, by package in another.
    told = json.loads(said)
    (one,) = told.values() if isinstance(told, dict) else told
    return str(one["filename"])


def main() -> int:
    """Fetch what is missing; 0 when all is there."""
    missing = [asset for asset in ASSETS if not there(asset)]
    if not missing:
        return 0
    npm = shutil.which("npm")
    for asset in missing:
        print(f"assets: fetching {asset.package} {asset.version}", file=sys.stderr)
        try:
            fetch(asset, npm)
        except (Refused, subprocess.CalledProcessError, OSError) as error:
            print(f"assets: {error}", file=sys.stderr)
            return MISSING
    return 0


if __name__ == "__main__":
    sys.exit(main())
