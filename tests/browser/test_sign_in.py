"""Sign-in through a real identity provider, in a real browser: there, back, and out again."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast
from uuid import uuid4

import httpx
import pytest
from joserfc.jwk import RSAKey
from playwright.async_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
CANAILLE = ROOT / "build/canaille/bin/canaille"
START_S_MAX = 60.0
STOP_S_MAX = 60.0
USER, PASSWORD = "wang.wu", "correct horse battery"

CONFIG = """
SECRET_KEY = "{secret}"
SERVER_NAME = "127.0.0.1:{port}"
PREFERRED_URL_SCHEME = "http"

[CANAILLE]
DATABASE = "sql"

[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{folder}/canaille.sqlite"

[CANAILLE_OIDC]
DYNAMIC_CLIENT_REGISTRATION_OPEN = true
ACTIVE_JWKS = [{{{key}}}]
"""


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MERIT_")}
    return {**kept, **more}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _answers(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_S_MAX
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"it did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Canaille with one user; its address."""
    assert CANAILLE.exists(), "the identity provider is missing: tools/canaille (make test does it)"
    folder = tmp_path_factory.mktemp("canaille")
    port = _free_port()
    key = RSAKey.generate_key(2048, {"kid": "of-this-run"}).as_dict(private=True)
    told = ", ".join(f'{name} = "{value}"' for name, value in key.items())
    config = folder / "canaille.toml"
    config.write_text(CONFIG.format(secret=uuid4().hex, port=port, folder=folder, key=told))
    environment = _environment(CANAILLE_CONFIG=str(config), CONFIG=str(config))
    log = folder / "canaille.log"
    with log.open("wb") as to:
        run: Any = {"env": environment, "cwd": folder, "stdout": to, "stderr": to}
        subprocess.run([CANAILLE, "install"], check=True, **run)
        user = [
            "--user-name", USER, "--password", PASSWORD, "--family-name", "王", "--given-name",
            "五", "--formatted-name", "王五", "--display-name", "王五",
            "--emails", "wang.wu@company.example",
        ]  # fmt: skip
        subprocess.run([CANAILLE, "create", "user", *user], check=True, **run)
        process = subprocess.Popen([CANAILLE, "run", "--bind", f"127.0.0.1:{port}"], **run)
    try:
        address = f"http://127.0.0.1:{port}"
        _answers(f"{address}/.well-known/openid-configuration", process, log)
        yield address
    finally:
        process.terminate()
        process.wait(STOP_S_MAX)


class Product(NamedTuple):
    """A `merit up` with one company, whose people sign in at the provider."""

    address: str
    tenant: str
    administrator: httpx.Client


@pytest.fixture(scope="module")
def product(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("product")
    merit = [sys.executable, "-P", "-m", "ops.cli"]
    environment = _environment(MERIT_ISSUERS=provider, MERIT_DATA_DIR=str(folder / "data"))
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*merit, "up", "--port", "0", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        line = cast("IO[bytes]", process.stdout).readline()
        assert line, (folder / "up.log").read_text()[-2000:]
        address = json.loads(line)["address"]
        created = subprocess.run(
            [*merit, "tenant", "create", "演示公司", "--json"],
            env=environment,
            capture_output=True,
            check=True,
        )
        made = json.loads(created.stdout)
        bearer = {"Authorization": f"Bearer {made['administrator']['secret']}"}
        with httpx.Client(base_url=f"{address}/api/v1", headers=bearer) as administrator:
            yield Product(address, made["tenant"]["tenant_id"], administrator)
    finally:
        process.terminate()
        process.wait(STOP_S_MAX)
        cast("IO[bytes]", process.stdout).close()


def did(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def known(product: Product, provider: str) -> str:
    """We are a client of the provider, and its user may sign in; the person's id."""
    registered = httpx.post(
        f"{provider}/oauth/register",
        json={
            "client_name": "Meritledger",
            "redirect_uris": [f"{product.address}/login/callback"],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": "openid profile email",
            "token_endpoint_auth_method": "client_secret_basic",
            "id_token_signed_response_alg": "RS256",
        },
    ).json()
    admin = product.administrator
    hr = did(admin, "/keys", {"name": "hr", "roles": ["hr"]})["secret"]
    with httpx.Client(
        base_url=admin.base_url, headers={"Authorization": f"Bearer {hr}"}
    ) as personnel:
        person = did(personnel, "/people", {"number": "P-1", "name": "王五"})["id"]
    did(
        admin,
        "/identity-provider",
        {
            "issuer": provider,
            "client_id": registered["client_id"],
            "client_secret": registered["client_secret"],
            "login_claim": "preferred_username",
        },
    )
    did(admin, "/sign-ins", {"person_id": person, "login": "王五", "roles": ["employee"]})
    return str(person)


async def through(page: Page, product: Product) -> None:
    """What somebody does at the provider, until the browser is back."""
    await page.fill("input[name=login]", USER)
    await page.click("button[type=submit], input[type=submit]")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit], input[type=submit]")
    await page.click("button[name=answer][value=accept]")
    await page.wait_for_url(f"{product.address}/**")


@pytest.mark.timeout(180)
async def test_one_signs_in_at_the_companys_provider_and_out_again(
    browser: Browser, product: Product, known: str
) -> None:
    context = await browser.new_context(locale="zh-CN")
    page = await context.new_page()
    await page.goto(f"{product.address}/login/{product.tenant}?to=/console/results")
    assert not page.url.startswith(product.address)
    await through(page, product)
    assert page.url == f"{product.address}/console/results", await page.inner_text("body")

    cookies = {each["name"]: each for each in await context.cookies(product.address)}
    assert cookies["merit_session"]["httpOnly"] is True
    assert cookies["merit_session"]["sameSite"] == "Lax"
    assert "merit_login" not in cookies
    me = await page.evaluate("fetch('/api/v1/tenants/self').then((answer) => answer.json())")
    assert (me["person_id"], me["roles"]) == (known, ["employee"])
    # A script of another page could send this; without the mark of the session it is nothing.
    forged = await page.evaluate(
        "fetch('/api/v1/people', {method: 'POST', body: '{}'}).then((answer) => answer.status)"
    )
    assert forged == 403

    await page.evaluate("fetch('/logout', {method: 'POST'})")
    await page.goto(f"{product.address}/console/results")
    assert "/console/sign-in" in page.url

    # Canaille's tokens of one second are the same token, which it then cannot store twice.
    await asyncio.sleep(1.1)
    # The provider knows them still, and nobody lets them in any more.
    (one,) = product.administrator.get("/sign-ins").json()["data"]
    did(product.administrator, f"/sign-ins/{one['sign_in_id']}/revoke", {"reason": "left"})
    await page.goto(f"{product.address}/login/{product.tenant}")
    assert page.url.startswith(f"{product.address}/login/callback")
    assert "sign-in-refused" in await page.inner_text("body")
    names = {each["name"] for each in await context.cookies(product.address)}
    assert "merit_session" not in names
    await context.close()
