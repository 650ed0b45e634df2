"""Fetches the browser's libraries by pinned hash; does nothing when they are there already.

The console serves htmx and ECharts itself, and its tests inject axe-core. None of them is kept in
this repository: `make setup` packs them with npm and checks each package and each file by its hash.
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
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SERVED = ROOT / "src/api/console/static/vendor"
"""What browsers get; part of an installed wheel."""
TESTED = ROOT / "build/assets"
"""What only tests use."""
MISSING = 3


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


ASSETS = (
    Asset(
        "htmx.org",
        "2.0.11",
        "Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        "package/dist/htmx.min.js",
        "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
        SERVED,
    ),
    Asset(
        "echarts",
        "6.1.0",
        "q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA==",
        "package/dist/echarts.min.js",
        "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0",
        SERVED,
    ),
    Asset(
        "axe-core",
        "4.14.1",
        "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        "package/axe.min.js",
        "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
        TESTED,
    ),
)


class Refused(Exception):
    """What came is not what was pinned."""


def there(asset: Asset) -> bool:
    """Whether the file is there, and is the one that is pinned."""
    path = asset.to / Path(asset.path).name
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == asset.sha256


def fetch(asset: Asset, npm: str) -> None:
    """Get one file, and write it once both hashes agree.

    Raises:
        Refused: one of them does not.
        CalledProcessError: npm could not get it; what it said is on stderr.
    """
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
            content = b"" if member is None else member.read()
    if (digest := hashlib.sha256(content).hexdigest()) != asset.sha256:
        raise Refused(f"{asset.path} of {asset.package}: sha256 {digest} is not what is pinned")
    asset.to.mkdir(parents=True, exist_ok=True)
    path = asset.to / Path(asset.path).name
    # Pressed once here and not for every browser; without a time, so that it is always the same.
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, mtime=0))
    path.write_bytes(content)


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
    if shutil.which("npm") is None:
        print("assets: npm is needed to fetch the console's libraries", file=sys.stderr)
        subprocess.run([ROOT / "tools/debian", "npm:npm"], check=False)
    npm = shutil.which("npm")
    if npm is None:
        return MISSING
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
