"""Takes the pictures of docs/console from a running demo, in Chromium."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, cast

import httpx
from playwright.sync_api import Browser, sync_playwright

from api.sessions import COOKIE_HERE

ROOT = Path(__file__).resolve().parents[1]
TO = ROOT / "docs/console"
CHROMIUM = Path("/usr/bin/chromium")
BYTES_MAX = 200_000
PHONE, DESKTOP = (360, 740), (1280, 900)


def main() -> int:
    """Start a demo, take every picture, end it."""
    TO.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "ops.cli", "up", "--port", "0", "--json", "--demo"]
        process = subprocess.Popen(
            [*command, "--data-dir", f"{folder}/data"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            told = json.loads(cast("IO[bytes]", process.stdout).readline())
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                Pictures(told, browser).take()
                browser.close()
        finally:
            process.terminate()
            process.wait(60)
    return 0


class Pictures:
    """Of one running demo."""

    def __init__(self, told: Any, browser: Browser) -> None:
        self._address = told["address"]
        self._people = {each["role"]: each for each in told["people"]}
        self._browser = browser

    def take(self) -> None:
        """Every picture; each below 200 kB."""
        own = self._asked("employee", "/appraisals", person_id=self._of("employee"))
        paid, _, rated = (f"/appraisals/{row['appraisal_id']}" for row in own)
        rater, deviation = self._deviation()
        _, cycle, _ = (row["cycle_id"] for row in self._asked("hr", "/cycles"))
        line = self._asked("finance", "/payouts", limit=6)[5]["payout_id"]
        scheme = self._asked("hr", "/schemes")[0]["scheme_id"]
        for name, role, path, size, language in (
            ("sign-in", "", "/sign-in", DESKTOP, "en"),
            ("start", "employee", "", PHONE, "zh-CN"),
            ("progress", "employee", "/progress", DESKTOP, "zh-CN"),
            ("result", "employee", paid, (1280, 1180), "en"),
            ("result-phone", "employee", paid, PHONE, "zh-CN"),
            ("history", "employee", f"{paid}/history", DESKTOP, "en"),
            ("receipt", "employee", f"{paid}/receipt", DESKTOP, "en"),
            ("appeal", "employee", f"{paid}/appeal", PHONE, "zh-CN"),
            ("self-rating", "employee", f"{rated}/self-rating", PHONE, "zh-CN"),
            ("team", "manager", "/team", DESKTOP, "zh-CN"),
            ("rating", rater, deviation, DESKTOP, "zh-CN"),
            ("cockpit", "hr", f"/cycles/{cycle}", DESKTOP, "zh-CN"),
            ("scheme", "hr", f"/schemes/{scheme}", DESKTOP, "en"),
            ("organisation", "hr", "/organisation", DESKTOP, "zh-CN"),
            ("payout", "finance", f"/payouts/{line}", (1280, 1500), "zh-CN"),
            ("ledger", "finance", "/ledger", DESKTOP, "en"),
            ("performance", "executive", "/performance", (1180, 1180), "zh-CN"),
            ("audit", "auditor", "/audit", DESKTOP, "en"),
            ("proof", "auditor", "/audit/events/1400", DESKTOP, "en"),
            ("two-moments", "auditor", "/audit/compare", DESKTOP, "en"),
            ("incidents", "hr", "/incidents", PHONE, "zh-CN"),
        ):
            self._take(name, role, path, size, language)

    def _deviation(self) -> tuple[str, str]:
        """Who has a deviation to explain, and where."""
        for role in ("manager", "hr", "finance", "executive"):
            team = self._asked(role, "/appraisals", manager_id=self._of(role), limit=500)
            for row in team:
                if row["stage"] == "deviation-pending" and row["person_id"] != self._of(role):
                    return role, f"/appraisals/{row['appraisal_id']}/rating"
        raise SystemExit("nobody has a deviation to explain")

    def _of(self, role: str) -> str:
        return str(self._people[role]["person_id"])

    def _asked(self, role: str, path: str, **query: Any) -> list[Any]:
        bearer = {"Authorization": f"Bearer {self._people[role]['secret']}"}
        answer = httpx.get(f"{self._address}/api/v1{path}", params=query, headers=bearer)
        answer.raise_for_status()
        return list(answer.json()["data"])

    def _take(self, name: str, role: str, path: str, size: tuple[int, int], language: str) -> None:
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=language,
            timezone_id="Asia/Shanghai",
        )
        if role:
            signed = httpx.post(f"{self._address}/console/sign-in", data={"demo": role})
            token = signed.cookies[COOKIE_HERE]
            context.add_cookies([{"name": COOKIE_HERE, "value": token, "url": self._address}])
        page = context.new_page()
        page.goto(f"{self._address}/console/sign-in")  # which tells the time zone
        page.goto(f"{self._address}/console{path}")
        page.wait_for_load_state("networkidle")
        if button := page.query_selector("button[data-verify]"):
            button.click()
            page.wait_for_selector("[data-verified]")
        page.wait_for_timeout(1200)  # until a chart has come to rest
        to = TO / f"{name}.png"
        page.screenshot(path=to)
        context.close()
        if to.stat().st_size > BYTES_MAX:
            raise SystemExit(f"{to} is larger than {BYTES_MAX} bytes")
        print(f"pictures: {to.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
