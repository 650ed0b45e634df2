"""Writes build/sbom.json: every locked package as CycloneDX, the same bytes from the same lock."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "sbom.json"


def main() -> int:
    """Make it; the exit code of the tool that does."""
    OUT.parent.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "cyclonedx-py"), "requirements",
            "--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON",
            "--short-PURLs", "-o", str(OUT), "requirements.lock",
        ],
        cwd=ROOT,
        check=False,
    )  # fmt: skip
    if done.returncode == 0:
        print(f"{OUT.relative_to(ROOT)} written")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
