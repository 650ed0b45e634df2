"""Takes the pictures of docs/console from a running demo, in Chromium."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast
from uuid import uuid4

import httpx
from playwright.sync_api import Browser, sync_playwright

from api.sessions import COOKIE_HERE

ROOT = Path(__file__).resolve().parents[1]
TO = ROOT / "docs/console"
CHROMIUM = Path("/usr/bin/chromium")
BYTES_MAX = 200_000
PHONE, DESKTOP = (360, 740), (1280, 900)
CLOCKED = {"direction": "in", "device": "console"}


def main() -> int:
    """Start a demo, take every picture (or those that are named), end it."""
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
                Pictures(told, browser).take(sys.argv[1:])
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

    def take(self, only: Collection[str] = ()) -> None:
        """Every picture, or those of these names; each below 200 kB."""
        self._begun()
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
            ("start-hr", "hr", "", DESKTOP, "en"),
            ("clock", "employee", "/clock", PHONE, "zh-CN"),
            ("approvals", "finance", "/approvals", PHONE, "zh-CN"),
            ("delegations", "manager", "/delegations", PHONE, "zh-CN"),
            ("recognitions", "employee", "/recognitions", PHONE, "zh-CN"),
            ("person", "hr", f"/people/{self._of('employee')}", DESKTOP, "en"),
        ):
            if not only or name in only:
                self._take(name, role, path, size, language)

    def _begun(self) -> None:
        """What the demo company has not: something lent, asked for, achieved."""
        (own,) = self._asked("employee", "/employments")
        at, today = f"/employments/{own['employment_id']}", datetime.now(UTC).date()
        body = {
            "starts_on": f"{today}",
            "ends_on": f"{today + timedelta(days=9)}",
            "reason": "休假",
        }
        lent = {**body, "delegate_id": self._of("finance"), "kinds": ["goals", "time"]}
        self._did("manager", f"/people/{self._of('manager')}/delegations", lent)
        asked = {"on": "2025-09-20", "minutes": 180, "reason": "上线值守"}
        self._did("employee", f"{at}/overtime-requests", asked)
        away = {
            "starts_on": "2025-09-15",
            "ends_on": "2025-09-17",
            "kind": "annual",
            "unpaid": False,
        }
        self._did("hr", f"{at}/leave", away)
        self._did("employee", f"{at}/attendance", {"on": f"{today}", **CLOCKED})
        money = {"amount": "20000.00", "currency": "CNY"}
        budget = {
            "code": "2025-REWARDS",
            "org_unit_id": own["org_unit_id"],
            "cost_centre": "CC-100",
            "amount": money,
            "starts_on": "2025-01-01",
            "ends_on": "2025-12-31",
        }
        reward = {
            "code": "R-1",
            "budget_id": self._did("finance", "/reward-budgets", budget)["id"],
            "kind": "breakthrough",
            "title": "首个千万级合同",
            "reason": "签下区域首个千万级合同",
            "amount": {"amount": "8000.00", "currency": "CNY"},
            "achieved_on": "2025-03-10",
            "contributors": [{"employment_id": own["employment_id"]}],
            "on_the_wall": True,
        }
        reward_id = self._did("manager", "/rewards", reward)["id"]
        self._did("hr", f"/rewards/{reward_id}/approve", {})
        done = self._did("finance", f"/rewards/{reward_id}/grant", {})
        self._asked("hr", "/rewards", wait_for=done["position"])

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

    def _did(self, role: str, path: str, body: Any) -> Any:
        headers = {
            "Authorization": f"Bearer {self._people[role]['secret']}",
            "Idempotency-Key": str(uuid4()),
        }
        answer = httpx.post(f"{self._address}/api/v1{path}", json=body, headers=headers)
        answer.raise_for_status()
        told = answer.json()
        self._asked(role, "/time-requests", wait_for=told["position"])
        return told

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
