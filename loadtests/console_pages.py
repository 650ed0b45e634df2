"""`python -m loadtests.console_pages`: server time of every console page on the demo company.

Each page is asked again and again by one who may open it, over HTTP, one request at a time, after
it was asked a few times for nothing. Prints a table; docs/console/phone.md keeps one.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO, Any, cast

import httpx

from api.console.catalogue import PAGES
from api.sessions import COOKIE_HERE

ROUNDS, WARMED = 30, 3
LIMIT_MS = 100.0
WHERE = (
    ("{cycle_id}", "/cycles", "cycle_id"),
    ("{batch_id}", "/payout-batches", "batch_id"),
    ("{payout_id}", "/payouts", "payout_id"),
    ("{scheme_id}", "/schemes", "scheme_id"),
    ("{person_id}", "/people", "person_id"),
)
"""Where an id of a path comes from."""


class Demo:
    """A running demo company and its people."""

    def __init__(self, told: Any) -> None:
        self.http = httpx.Client(base_url=told["address"], timeout=60)
        self.people = {each["role"]: each for each in told["people"]}
        self.people["admin"] = told["logins"][0]

    def asked(self, role: str, path: str, **query: Any) -> Any:
        bearer = {"Authorization": f"Bearer {self.people[role]['secret']}"}
        return self.http.get(f"/api/v1{path}", params=query, headers=bearer).json()["data"]

    def cookie(self, role: str) -> dict[str, str]:
        key = {"key": self.people[role]["secret"]}
        answer = self.http.post("/console/sign-in", data=key)
        self.http.cookies.clear()
        return {"Cookie": f"{COOKIE_HERE}={answer.cookies[COOKIE_HERE]}"}

    def address(self, path: str) -> str | None:
        """A page's address with ids of the demo; None where the demo has nothing like that."""
        for name, where, field in WHERE:
            if name in path:
                rows = self.asked("finance", where)
                path = path.replace(name, rows[min(1, len(rows) - 1)][field]) if rows else path
        if "{appraisal_id}" in path:
            own = self.asked(
                "employee", "/appraisals", person_id=self.people["employee"]["person_id"]
            )
            path = path.replace("{appraisal_id}", own[0]["appraisal_id"])
        path = path.replace("{position}", "9")
        return None if "{" in path else path

    def who(self, page: Any) -> str:
        order = ("employee", "manager", "hr", "finance", "executive", "auditor", "admin")
        if page.path.endswith("/rating"):
            return "manager"
        return next(role for role in order if role in page.roles)

    def measured(self, only: str) -> Iterator[tuple[str, str, list[float]]]:
        """Page, role, milliseconds in ascending order."""
        cookies = {role: self.cookie(role) for role in self.people}
        for page in PAGES:
            if not re.fullmatch(only, page.path):
                continue
            path, role = self.address(page.path), self.who(page)
            roles = [role] if page.path else list(self.people)
            for each in roles if path is not None else []:
                yield page.path or "/", each, self._times(f"/console{path}", cookies[each])

    def _times(self, path: str, cookie: dict[str, str]) -> list[float]:
        found: list[float] = []
        for number in range(WARMED + ROUNDS):
            began = time.perf_counter()
            answer = self.http.get(path, headers=cookie)
            took = (time.perf_counter() - began) * 1000
            assert answer.status_code in {200, 404}, (path, answer.status_code, answer.text[:400])
            if number >= WARMED:
                found.append(took)
        return sorted(found)


def main() -> int:
    """Print the table; 1 where a page is slower than the limit."""
    parser = argparse.ArgumentParser(prog="console_pages")
    parser.add_argument("--limit-ms", type=float, default=LIMIT_MS)
    parser.add_argument("--only", default=".*", help="a pattern of paths")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "ops.cli", "up", "--port", "0", "--json", "--demo"]
        process = subprocess.Popen(
            [*command, "--data-dir", f"{folder}/data"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            demo = Demo(json.loads(cast("IO[bytes]", process.stdout).readline()))
            rows = [
                (times[int(len(times) * 0.95)], times[len(times) // 2], path, role)
                for path, role, times in demo.measured(asked.only)
            ]
        finally:
            process.terminate()
            process.wait(60)
    print("| page | asked by | median ms | p95 ms |\n|---|---|---|---|")
    for p95, median, path, role in sorted(rows, reverse=True):
        print(f"| `{re.sub(r'[{}]', '', path)}` | {role} | {median:.1f} | {p95:.1f} |")
    return int(any(p95 > asked.limit_ms for p95, *_ in rows))


if __name__ == "__main__":
    raise SystemExit(main())
