"""The console without a browser: who may open what, what its answers carry, and its catalogue."""

import asyncio
import re
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from uuid import uuid4

import httpx
import pytest

import api.console.words
from api.app import TABLE
from api.auth import ROLES
from api.console import texts
from api.console.catalogue import PAGES
from api.console.page import MENU
from api.console.problems import BY_STATUS, NEXT, OTHERWISE, TITLES
from api.console.rendering import CONTENT_SECURITY
from api.console.words import CHINESE, TERMS
from api.problems import MEANINGS
from api.sessions import COOKIE_HERE, csrf_of
from domain.catalogue import EVENTS

EACH = [pytest.param(page, id=page.path or "start") for page in PAGES]
NAMED = re.compile(r"\{(\w+)\}")


def signed(token: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE_HERE}={token}"}


def filled(page: Any) -> str:
    return str(NAMED.sub(lambda _: str(uuid4()), page.address))


@pytest.mark.parametrize("page", EACH)
async def test_a_stranger_is_led_to_the_sign_in_page(page: Any, http: httpx.AsyncClient) -> None:
    answer = await http.get(filled(page))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?to=")
    answer = await http.post(filled(page), data={"_do": "/people", "number": "P-1"})
    assert answer.status_code == 401
    assert 'id="pending"' in answer.text


@pytest.mark.parametrize("page", EACH)
async def test_a_page_is_for_its_roles(page: Any, company: Any, http: httpx.AsyncClient) -> None:
    for role in sorted(ROLES - page.roles):
        client = await company.client(role, uuid4())
        answer = await http.get(filled(page), headers=signed(await client.session()))
        assert answer.status_code == 403, role


@pytest.mark.parametrize("page", EACH)
async def test_every_answer_of_a_page_is_under_the_policy(
    page: Any, company: Any, http: httpx.AsyncClient
) -> None:
    role = min(page.roles)
    client = await company.client(role, uuid4())
    answer = await http.get(filled(page), headers=signed(await client.session()))
    assert answer.status_code == (404 if "{" in page.path else 200), answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY
    assert "unsafe" not in CONTENT_SECURITY
    assert answer.headers["cache-control"] == "no-store"
    for script in re.findall(r"<script[^>]*>", answer.text):
        assert "src=" in script or "application/json" in script
    assert not re.search(r'\s(style|on\w+)="', answer.text)


@pytest.mark.parametrize("page", EACH)
def test_what_a_page_does_is_a_command_that_its_roles_may_send(page: Any) -> None:
    for path in page.does:
        route = TABLE.by_path[path]["POST"]
        assert route.roles & page.roles, path


async def test_a_form_does_only_what_its_page_does(company: Any, http: httpx.AsyncClient) -> None:
    client = await company.client("hr", uuid4())
    before = await company.head()
    token = await client.session()
    page = await http.get("/console/results", headers=signed(token))
    assert page.status_code == 403
    answer = await http.post(
        "/console",
        data={"_do": "/people", "number": "P-1", "name": "x", "_csrf": csrf_of(token)},
        headers=signed(token),
    )
    assert answer.status_code == 404
    assert await company.head() == before


async def test_a_form_without_the_mark_of_its_session_is_refused(
    company: Any, http: httpx.AsyncClient
) -> None:
    client = await company.client("employee", uuid4())
    for mark in ({}, {"_csrf": ""}, {"_csrf": csrf_of("another")}):
        answer = await http.post(
            "/console", data={"_do": "/appeals", **mark}, headers=signed(await client.session())
        )
        assert answer.status_code == 403
        assert "form-expired" in answer.text


async def test_another_site_cannot_sign_somebody_in(company: Any, http: httpx.AsyncClient) -> None:
    client = await company.client("employee", uuid4())
    answer = await http.post(
        "/console/sign-in", data={"key": client.secret}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_session_ends_with_its_tenant(company: Any, http: httpx.AsyncClient) -> None:
    client = await company.client("employee", uuid4())
    answer = await http.post("/console/sign-in", data={"key": client.secret, "to": "/console"})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    http.cookies.clear()
    assert (await http.get("/console", headers=signed("mls_x"))).status_code == 303
    token = await client.session()
    await company.registry.suspend_tenant(company.tenant_id)
    answer = await http.get("/console", headers=signed(token))
    while answer.status_code == 200:  # what is remembered, is remembered for seconds
        await asyncio.sleep(0.3)
        answer = await http.get("/console", headers=signed(token))
    assert answer.status_code == 403
    assert "tenant-suspended" in answer.text


async def test_nobody_is_of_a_demo_where_there_is_none(http: httpx.AsyncClient) -> None:
    answer = await http.post("/console/sign-in", data={"demo": "hr"})
    assert answer.status_code == 401
    assert 'name="demo"' not in answer.text


@pytest.mark.parametrize(
    "to", ["https://a.example", "//a.example", "/console/../x", "/consolex", "/console\\x"]
)
async def test_nobody_is_led_away(to: str, http: httpx.AsyncClient) -> None:
    answer = await http.post("/console/preferences", data={"language": "en", "to": to})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console"


async def test_static_files_are_kept_and_nothing_else_is_told(http: httpx.AsyncClient) -> None:
    page = (await http.get("/console/sign-in")).text
    styles = re.search(r'href="(/console/static/[^"]+\.css)"', page)
    assert styles
    answer = await http.get(styles[1])
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    for path in ("x/../../serving.py", "x/serving.py", "x/vendor/.gitignore", "x/none.css"):
        assert (await http.get(f"/console/static/{path}")).status_code == 404


# -- the catalogue


def spoken() -> list[tuple[str, str]]:
    found = [*texts.of_templates(), *texts.of_code()]
    found += [
        ("problems.py", text)
        for text in (*NEXT.values(), *TITLES.values(), *BY_STATUS.values(), OTHERWISE)
    ]
    return found + [("page.py", title) for _, title in MENU]


def test_every_text_is_there_in_chinese() -> None:
    assert {(where, text) for where, text in spoken() if text not in CHINESE} == set()


def test_no_text_is_told_in_two_ways() -> None:
    told: dict[str, set[str]] = {}
    for module in iter_modules(api.console.words.__path__):
        group = import_module(f"api.console.words.{module.name}")
        for text, chinese in getattr(group, "CHINESE", {}).items():
            told.setdefault(text, set()).add(chinese)
    assert {text: each for text, each in told.items() if len(each) > 1} == {}


def test_no_text_is_kept_that_nobody_says() -> None:
    assert CHINESE.keys() - {text for _, text in spoken()} == {"Done."}


def test_both_languages_fill_in_the_same() -> None:
    for text, chinese in CHINESE.items():
        assert sorted(NAMED.findall(text)) == sorted(NAMED.findall(chinese)), text
        assert chinese, text
    for kind, terms in TERMS.items():
        for code, both in terms.items():
            assert all(both), (kind, code)


def test_every_event_and_every_role_has_a_name() -> None:
    unnamed = {event.TOPIC for event in EVENTS} - TERMS["topic"].keys()
    assert unnamed == set(), "name them in api/console/words/topics.py"
    assert TERMS["role"].keys() == ROLES


def test_every_next_step_is_of_a_problem() -> None:
    assert NEXT.keys() <= MEANINGS.keys()
