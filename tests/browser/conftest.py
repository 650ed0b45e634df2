"""A running product with a company in it, and real Chromium at phone and desktop size."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright
from playwright.async_api import Error as PlaywrightError

from api.sessions import COOKIE_HERE
from ops.demo.showcase import Persona

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).resolve().parents[2] / "build/assets/axe.min.js"
PHONE, DESKTOP = (360, 740), (1280, 800)
ZONE = "Asia/Shanghai"
STOP_S_MAX = 60.0
WORK_S_MAX = 60.0
MERIT = (sys.executable, "-P", "-m", "ops.cli")
SERIOUS = {"serious", "critical"}
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


class Site:
    """A `merit up` with a demo company, and its people."""

    def __init__(self, address: str, people: tuple[Persona, ...], data: Path) -> None:
        self.address = address
        self.people = {each.role: each for each in people}
        self._data = data

    def company(self, name: str) -> "Site":
        """An empty company beside this one: its administrator, personnel and an auditor."""
        made = subprocess.run(
            [*MERIT, "tenant", "create", name, "--json", "--data-dir", str(self._data)],
            env=_environment(),
            capture_output=True,
            check=True,
        )
        site = Site(
            self.address, (_administrator(json.loads(made.stdout)["administrator"]),), self._data
        )
        for role in ("auditor", "hr"):
            site.joined(role, [role])
        return site

    def joined(
        self, name: str, roles: list[str], person_id: UUID | None = None, **more: Any
    ) -> None:
        """Somebody gets a key of this company, and is one of its people from then on."""
        body = {"name": name, "roles": roles, **more}
        if person_id is not None:
            body["person_id"] = str(person_id)
        made = self._sent("administrator", "/keys", body).json()
        self.people[name] = Persona(
            role=name, name=name, roles=tuple(roles), person_id=person_id, secret=made["secret"]
        )

    def asked(self, role: str, path: str, **query: Any) -> Any:
        """What the API answers to somebody."""
        bearer = {"Authorization": f"Bearer {self.people[role].secret}"}
        answer = httpx.get(f"{self.address}/api/v1{path}", params=query, headers=bearer)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def did(self, role: str, path: str, body: Any) -> Any:
        """What a command of somebody answers."""
        told = self._sent(role, path, body).json()
        self.asked("auditor", "/audit/events", wait_for=told["position"], limit=1)
        return told

    def uploaded(self, role: str, path: str, content: bytes) -> None:
        """A file is sent as it is."""
        self._sent(role, path, content=content, media_type="application/octet-stream")

    def worked(self, role: str, job: Any) -> None:
        """Work of an import in the background is asked for, and has been done."""
        asked = self._sent(role, "/imports/jobs", job).json()
        at, until = f"/imports/{asked['import_id']}/jobs", time.monotonic() + WORK_S_MAX
        while time.monotonic() < until:
            newest = self.asked(role, at)["data"][0]
            if newest["state"] in {"done", "failed"}:
                assert newest["state"] == "done", newest
                return
            time.sleep(0.2)
        raise AssertionError(f"it was not done: {newest}")

    def _sent(
        self,
        role: str,
        path: str,
        body: Any = None,
        *,
        content: bytes = b"",
        media_type: str = "application/json",
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self.people[role].secret}",
            "Idempotency-Key": str(uuid4()),
            "Content-Type": media_type,
        }
        sent = content or json.dumps(body).encode()
        answer = httpx.post(f"{self.address}/api/v1{path}", content=sent, headers=headers)
        assert answer.is_success, answer.text
        return answer

    def session(self, role: str) -> str:
        """The token of a new session of somebody."""
        key = {"key": self.people[role].secret}
        answer = httpx.post(f"{self.address}/console/sign-in", data=key)
        assert answer.status_code == 303, answer.text
        return answer.cookies[COOKIE_HERE]

    def own(self, role: str, at: int) -> str:
        """An appraisal of somebody: 0 is the paid quarter, 1 the compared one, 2 the rated one."""
        found = self.asked(role, "/appraisals", person_id=self.people[role].person_id)["data"]
        return str(found[at]["appraisal_id"])

    def of_team(self, role: str, **wanted: Any) -> list[Any]:
        """Appraisals of somebody's team whose fields are as wanted."""
        me = str(self.people[role].person_id)
        rows = self.asked(role, "/appraisals", manager_id=me, limit=500)["data"]
        return [
            row
            for row in rows
            if row["person_id"] != me and all(row[name] == value for name, value in wanted.items())
        ]


class Seen:
    """One page of Chromium, and everything that it complained about."""

    def __init__(self, page: Page, site: Site, context: BrowserContext) -> None:
        self.page = page
        self.site = site
        self.context = context
        self.complaints: list[str] = []
        self.bytes_own = 0
        self.expected = 200
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        page.on("response", lambda answer: asyncio.ensure_future(self._weighed(answer)))

    def _said(self, message: Any) -> None:
        # Chromium repeats statuses that a test asks for on purpose.
        if message.type == "error" and "status of 4" not in message.text:
            self.complaints.append(message.text)

    async def _weighed(self, answer: Response) -> None:
        if "/vendor/" not in answer.url and answer.url.startswith(self.site.address):
            with contextlib.suppress(PlaywrightError):  # the page was closed in the meantime
                sizes = await answer.request.sizes()
                self.bytes_own += sizes["responseBodySize"]

    async def open(self, path: str, status: int = 200) -> Page:
        """Go to a page below /console, and wait until it is drawn."""
        answer = await self.page.goto(f"{self.site.address}/console{path}")
        assert answer is not None
        assert answer.status == status, await self.page.inner_text("body")
        await self.page.wait_for_load_state("networkidle")
        return self.page

    async def accessible(self) -> list[str]:
        """Serious findings of axe-core."""
        await self.page.evaluate(AXE.read_text())
        told = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
            for each in told["violations"]
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]

    async def violations(self) -> list[str]:
        """What the content security policy stopped."""
        return list(await self.page.evaluate("window.violations"))

    async def overflow(self) -> int:
        """How much wider than the window the page is."""
        return int(
            await self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )


Visit = Callable[..., Awaitable[Seen]]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MERIT_")}


def _administrator(login: Any) -> Persona:
    """Whom the demo company began with, as one of its people."""
    return Persona(
        role="administrator",
        name=login["name"],
        roles=tuple(login["roles"]),
        person_id=None,
        secret=login["secret"],
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The product, as `merit up --demo` runs it, with a company to look at."""
    folder = tmp_path_factory.mktemp("site")
    command = [*MERIT, "up", "--port", "0", "--json", "--demo"]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")],
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        line = cast("IO[bytes]", process.stdout).readline()
        assert line, f"it did not start; see {folder / 'up.log'}"
        told = json.loads(line)
        people = msgspec.convert(told["people"], tuple[Persona, ...])
        everybody = (*people, _administrator(told["logins"][0]))
        yield Site(told["address"], everybody, folder / "data")
    finally:
        process.terminate()
        process.wait(STOP_S_MAX)
        cast("IO[bytes]", process.stdout).close()


@pytest.fixture(scope="session")
def chromium() -> Path:
    assert CHROMIUM.exists(), "Chromium is missing: apt-get install chromium"
    assert AXE.exists(), "axe-core is missing: make setup"
    return CHROMIUM


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, site: Site) -> AsyncIterator[Visit]:
    """Makes a visitor; at the end nobody may have complained about anything."""
    made: list[Seen] = []

    async def make(
        role: str = "",
        size: tuple[int, int] = DESKTOP,
        *,
        language: str = "zh-CN",
        scheme: Any = "light",
        of: Site = site,
        new: bool = False,
    ) -> Seen:
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=language,
            timezone_id=ZONE,
            color_scheme=scheme,
        )
        if not new:
            await context.add_cookies([{"name": "merit_zone", "value": ZONE, "url": of.address}])
        if role:
            await context.add_cookies(
                [{"name": COOKIE_HERE, "value": of.session(role), "url": of.address}]
            )
        await context.add_init_script(VIOLATIONS)
        seen = Seen(await context.new_page(), of, context)
        made.append(seen)
        return seen

    yield make
    complaints = [each for seen in made for each in seen.complaints]
    for seen in made:
        await seen.context.close()
    assert complaints == []
