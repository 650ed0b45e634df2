"""Signing in through an identity provider that runs here, which may say whatever a test likes."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from api import examples, provider
from api.oidc import TOKEN_BYTES_MAX
from api.outside import Outside
from api.provider import Providers
from api.sessions import COOKIE_HERE
from tenancy.allowances import NOBODY

CLIENT, SECRET = "meritledger", "a secret of the client's"
LOGIN = "wang.wu@company.example"
BAD = "/problems/sign-in-refused"


class Issuer:
    """An OpenID provider on a port of this machine."""

    def __init__(self) -> None:
        self.address = ""
        self.keys: list[Any] = [RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})]
        self.token: Callable[[dict[str, Any]], str] = self.signed
        self.claims: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.says_issuer = ""
        self.me: dict[str, Any] = {}

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.says_issuer = self.address
        return server

    def code(self, address: str) -> str:
        """Somebody signed in at the authorization endpoint that the browser was sent to."""
        asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return code

    def told(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The claims that it would rightly make."""
        now = int(time.time())
        return {
            "iss": self.address,
            "sub": "u-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": LOGIN,
            "email_verified": True,
            **self.claims,
        }

    def signed(self, asked: dict[str, Any], **header: Any) -> str:
        """A token as it would rightly be."""
        return self.sign(self.told(asked), self.keys[-1], **header)

    def sign(self, claims: dict[str, Any], key: Any, **header: Any) -> str:
        algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519"}[key.key_type]
        given = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **header}
        told = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode(
            {name: value for name, value in given.items() if value is not ...},
            told,
            key,
            algorithms=[algorithm],
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line.split(":")[1])
                for line in head.lower().split("\r\n")
                if line.startswith("content-length:")
            ),
            0,
        )
        body = (await reader.readexactly(length)).decode()
        path = head.split(" ", 2)[1]
        self.asked.append(path)
        status, told = self._answer(path, head, body)
        raw = json.dumps(told).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode()
            + raw
        )
        await writer.drain()
        writer.close()

    def _answer(self, path: str, head: str, body: str) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.says_issuer,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                **({"userinfo_endpoint": f"{self.address}/me"} if self.me else {}),
            }
        if path == "/me":
            return (200, self.me) if "Bearer opens-me" in head else (401, {})
        if path == "/keys":
            return 200, KeySet(self.keys).as_dict(private=False)
        return self._exchanged(head, {name: v[0] for name, v in parse_qs(body).items()})

    def _exchanged(self, head: str, given: dict[str, str]) -> tuple[int, Any]:
        asked = self.codes.pop(given["code"], None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or f"Basic {basic}" not in head or proven != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if given["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        tokens = {"id_token": self.token(asked), "access_token": "opens-me"}
        return 200, {**tokens, "token_type": "Bearer"}


@pytest_asyncio.fixture(loop_scope="session")
async def issuer(app: Any, database: Any) -> AsyncIterator[Issuer]:
    # Each test begins as if nobody had failed to sign in from here before.
    async with database.transaction(NOBODY) as connection:
        await connection.execute("DELETE FROM merit.allowances")
    made = Issuer()
    server = await made.start()
    before = app.state.services
    app.state.services = msgspec.structs.replace(before, providers=Providers(Outside(made.address)))
    yield made
    app.state.services = before
    server.close()
    await server.wait_closed()


async def prepared(company: Any, issuer: Issuer, roles: tuple[str, ...] = ("employee",)) -> str:
    """The provider is set, and 王五 may sign in; the id of the sign-in."""
    hr, admin = await company.client("hr"), await company.client("admin")
    await hr.did("/people", examples.EXAMPLES["RegisterPerson"])
    await admin.did(
        "/identity-provider",
        {"issuer": issuer.address, "client_id": CLIENT, "client_secret": SECRET},
    )
    granted = await admin.did(
        "/sign-ins", {"person_id": examples.PERSON_ID, "login": LOGIN.upper(), "roles": roles}
    )
    return str(granted["id"])


async def left(company: Any, to: str = "/console/results") -> tuple[str, str, str]:
    """To the provider: the address there, our state, and what the browser keeps."""
    http: httpx.AsyncClient = company.http
    answer = await http.get(f"/login/{company.tenant_id}", params={"to": to})
    assert answer.status_code == 303, answer.text
    http.cookies.clear()
    there = answer.headers["location"]
    state = parse_qs(urlsplit(there).query)["state"][0]
    return there, state, answer.cookies["merit_login"]


async def came_back(company: Any, state: str, code: str, browser: str) -> httpx.Response:
    http: httpx.AsyncClient = company.http
    answer = await http.get(
        "/login/callback",
        params={"state": state, "code": code},
        headers={"Cookie": f"merit_login={browser}"},
    )
    http.cookies.clear()
    return answer


async def signed_in(company: Any, issuer: Issuer) -> httpx.Response:
    there, state, browser = await left(company)
    return await came_back(company, state, issuer.code(there), browser)


async def self_of(company: Any, answer: httpx.Response) -> httpx.Response:
    cookie = {"Cookie": f"{COOKIE_HERE}={answer.cookies[COOKIE_HERE]}"}
    told: httpx.Response = await company.http.get("/api/v1/tenants/self", headers=cookie)
    return told


async def test_somebody_signs_in_and_is_who_they_are(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer, ("employee", "hr"))
    answer = await signed_in(company, issuer)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/console/results"
    me = (await self_of(company, answer)).json()
    assert me["person_id"] == examples.PERSON_ID
    assert me["roles"] == ["employee", "hr"]


async def test_the_secret_is_sealed_and_told_to_nobody(
    company: Any, issuer: Issuer, owner_url: str
) -> None:

    await prepared(company, issuer)
    admin = await company.client("admin")
    told = await admin.saw("/identity-provider")
    assert (told["has_secret"], told["issuer"]) == (True, issuer.address)
    events = (await admin.get("/audit/events", params={"limit": 100})).text
    owner = await asyncpg.connect(owner_url)
    sealed = await owner.fetchval(
        "SELECT client_secret FROM merit.identity_providers WHERE tenant_id = $1",
        company.tenant_id,
    )
    hashes = await owner.fetch(
        "SELECT * FROM merit.sign_ins WHERE tenant_id = $1", company.tenant_id
    )
    await owner.close()
    for text in (str(told), events, str(sealed), str(hashes)):
        assert SECRET not in text
        assert LOGIN not in text
    assert len(sealed) > len(SECRET)


async def test_whom_nobody_lets_in_stays_outside(company: Any, issuer: Issuer) -> None:
    sign_in = await prepared(company, issuer)
    issuer.claims = {"email": "somebody.else@company.example"}
    assert (await signed_in(company, issuer)).json()["type"] == BAD
    issuer.claims = {}
    session = await signed_in(company, issuer)
    assert (await self_of(company, session)).status_code == 200
    admin = await company.client("admin")
    await admin.did(f"/sign-ins/{sign_in}/revoke", {"reason": "left"})
    assert (await signed_in(company, issuer)).json()["type"] == BAD
    for _ in range(20):  # what is remembered, is remembered for seconds
        if (await self_of(company, session)).status_code == 401:
            break
        await asyncio.sleep(0.25)
    assert (await self_of(company, session)).status_code == 401


async def test_other_roles_end_the_session(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    session = await signed_in(company, issuer)
    admin = await company.client("admin")
    grant = {"person_id": examples.PERSON_ID, "login": LOGIN, "roles": ["employee", "manager"]}
    await admin.did("/sign-ins", grant)
    for _ in range(20):
        if (await self_of(company, session)).status_code == 401:
            break
        await asyncio.sleep(0.25)
    assert (await self_of(company, session)).status_code == 401
    again = await signed_in(company, issuer)
    assert (await self_of(company, again)).json()["roles"] == ["employee", "manager"]


async def test_a_login_is_one_persons(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    hr, admin = await company.client("hr"), await company.client("admin")
    other = await hr.did("/people", {"number": "P-other", "name": "赵六"})
    answer = await admin.post(
        "/sign-ins", {"person_id": other["id"], "login": f" {LOGIN}", "roles": ["hr"]}
    )
    assert answer.json()["type"] == "/problems/login-taken"
    (only,) = (await admin.saw("/sign-ins"))["data"]
    assert (only["login"], only["person_id"]) == (LOGIN, examples.PERSON_ID)


# -- the table of bad tokens


def _with(**changed: Any) -> Callable[[Issuer, dict[str, Any]], str]:
    def make(issuer: Issuer, asked: dict[str, Any]) -> str:
        return issuer.sign({**issuer.told(asked), **changed}, issuer.keys[-1])

    return make


def _header(**header: Any) -> Callable[[Issuer, dict[str, Any]], str]:
    return lambda issuer, asked: issuer.signed(asked, **header)


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _said(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"


def _unsigned(issuer: Issuer, asked: dict[str, Any]) -> str:
    return _said({"alg": "none", "kid": "first"}, issuer.told(asked)) + "."


def _confused(issuer: Issuer, asked: dict[str, Any]) -> str:
    # The public key, which everybody has, taken for the secret of an HMAC.
    public = issuer.keys[-1].as_pem(private=False)
    said = _said({"alg": "HS256", "kid": "first"}, issuer.told(asked))
    return f"{said}.{_part(hmac.digest(public, said.encode(), 'sha256'))}"


def _stranger(**header: Any) -> Callable[[Issuer, dict[str, Any]], str]:
    key = RSAKey.generate_key(2048, {"kid": "first"})

    def make(issuer: Issuer, asked: dict[str, Any]) -> str:
        brought = {
            name: key.as_dict(private=False) if value is ... else value
            for name, value in header.items()
        }
        return issuer.sign(issuer.told(asked), key, **brought)

    return make


def _changed(issuer: Issuer, asked: dict[str, Any]) -> str:
    head, _, mark = issuer.signed(asked).split(".")
    claims = {**issuer.told(asked), "email": "ceo@company.example"}
    return f"{head}.{_part(json.dumps(claims).encode())}.{mark}"


NOW = int(time.time())
TOKENS: dict[str, Callable[[Issuer, dict[str, Any]], str]] = {
    "1 not signed": _unsigned,
    "2 the public key as the secret": _confused,
    "3 another issuer": _with(iss="https://elsewhere.example"),
    "3 another issuer, by a slash": lambda issuer, asked: _with(iss=f"{issuer.address}/")(
        issuer, asked
    ),
    "4 for another client": _with(aud="another"),
    "4 for several, of whom another asked": _with(aud=[CLIENT, "another"], azp="another"),
    "4 for several, and nobody asked": _with(aud=[CLIENT, "another"]),
    "4 for nobody": _with(aud=...),
    "5 expired": _with(iat=NOW - 400, exp=NOW - 100),
    "5 issued long ago": _with(iat=NOW - 4000, exp=NOW + 4000),
    "6 not yet": _with(nbf=NOW + 4000),
    "6 issued in the future": _with(iat=NOW + 4000),
    "7 without an end": _with(exp=...),
    "7 without a beginning": _with(iat=...),
    "7 an end that is no number": _with(exp="tomorrow"),
    "8 an access token": _header(typ="at+jwt"),
    "9 brings its key (jwk)": _stranger(jwk=...),
    "9 brings its key (jku)": _stranger(jku="https://elsewhere.example/keys"),
    "9 brings its key (x5u)": _stranger(x5u="https://elsewhere.example/chain"),
    "9 brings its key (x5c)": _stranger(x5c=["MIIB"]),
    "9 signed by a stranger": _stranger(),
    "10 a key that nobody knows": _header(kid="unknown"),
    "11 of another tenant's issuer": _with(iss="https://login.other-tenant.example"),
    "12 far too large": _with(padding="x" * TOKEN_BYTES_MAX),
    "13 another sign-in's": _with(nonce="another"),
    "13 no sign-in's": _with(nonce=...),
    "14 changed on the way": _changed,
    "15 not a token": lambda *_: "not.a.token",
    "15 encrypted": lambda *_: "a.b.c.d.e",
    "15 nothing": lambda *_: "",
    "16 an address that was not verified": _with(email_verified=False),
    "16 no address": _with(email=...),
    "17 nobody": _with(sub=...),
}


@pytest.mark.parametrize("case", TOKENS)
async def test_nobody_is_let_in_by_a_bad_token(company: Any, issuer: Issuer, case: str) -> None:
    await prepared(company, issuer)
    sent: list[str] = []

    def bad(asked: dict[str, Any]) -> str:
        sent.append(TOKENS[case](issuer, asked))
        return sent[0]

    issuer.token = bad
    answer = await signed_in(company, issuer)
    assert answer.status_code == 401, case
    assert answer.json()["type"] == BAD
    assert COOKIE_HERE not in answer.cookies
    # Nor as a bearer's: the API is opened by access keys alone.
    bearer = {"Authorization": f"Bearer {sent[0] or 'x'}"}
    assert (await company.http.get("/api/v1/tenants/self", headers=bearer)).status_code == 401


async def test_a_good_token_is_no_access_key(company: Any, issuer: Issuer) -> None:
    token = issuer.signed({"nonce": "n"})
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await company.http.get("/api/v1/tenants/self", headers=bearer)).status_code == 401


@pytest.mark.parametrize(
    "make",
    [
        lambda: ECKey.generate_key("P-256", {"kid": "e"}),
        lambda: OKPKey.generate_key("Ed25519", {"kid": "o"}),
    ],
)
async def test_other_kinds_of_keys_sign_as_well(
    company: Any, issuer: Issuer, make: Callable[[], Any]
) -> None:
    issuer.keys = [make()]
    await prepared(company, issuer)
    assert (await signed_in(company, issuer)).status_code == 303


# -- round trips


async def test_a_sign_in_comes_back_once(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    there, state, browser = await left(company)
    code = issuer.code(there)
    assert (await came_back(company, state, code, browser)).status_code == 303
    issuer.codes[code] = {name: v[0] for name, v in parse_qs(urlsplit(there).query).items()}
    again = await came_back(company, state, code, browser)
    assert again.json()["type"] == BAD


async def test_a_token_of_one_sign_in_does_not_end_another(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    kept: list[str] = []

    def keeping(asked: dict[str, Any]) -> str:
        kept.append(issuer.signed(asked, jti=...))
        return kept[0]

    issuer.token = keeping
    assert (await signed_in(company, issuer)).status_code == 303
    assert (await signed_in(company, issuer)).json()["type"] == BAD


async def test_the_provider_is_asked_for_what_its_token_does_not_say(
    company: Any, issuer: Issuer
) -> None:
    await prepared(company, issuer)
    issuer.claims = {"email": ..., "email_verified": ...}
    issuer.me = {"sub": "u-1", "email": LOGIN, "email_verified": True}
    assert (await signed_in(company, issuer)).status_code == 303
    for me in (
        {**issuer.me, "sub": "u-2"},
        {**issuer.me, "email_verified": False},
        {"email": LOGIN, "email_verified": True},
    ):
        issuer.me = me
        assert (await signed_in(company, issuer)).json()["type"] == BAD


async def test_a_code_of_another_issuer_is_sent_to_nobody(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    there, state, browser = await left(company)
    answer = await company.http.get(
        "/login/callback",
        params={"state": state, "code": issuer.code(there), "iss": "https://elsewhere.example"},
        headers={"Cookie": f"merit_login={browser}"},
    )
    assert answer.json()["type"] == BAD
    assert "/token" not in issuer.asked


async def test_only_the_browser_that_left_comes_back(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    for browser in ("", "another"):
        there, state, _ = await left(company)
        answer = await came_back(company, state, issuer.code(there), browser)
        assert answer.json()["type"] == BAD


@pytest.mark.parametrize(
    "state",
    [
        "",
        "x",
        "x.y",
        "751b34d1-a0b4-41c5-b067-f11792022be1",
        "56e8c26d-55b8-4094-ac8f-69ff82fe7fbf.x",
        "x" * 5000,
    ],
)
async def test_a_state_that_we_did_not_send(company: Any, issuer: Issuer, state: str) -> None:
    await prepared(company, issuer)
    assert (await came_back(company, state, "code", "x")).json()["type"] == BAD


async def test_a_state_of_one_company_is_not_anothers(
    company: Any, new_company: Any, issuer: Issuer
) -> None:
    await prepared(company, issuer)
    other = await new_company("other")
    await prepared(other, issuer)
    there, state, browser = await left(company)
    moved = f"{other.tenant_id}.{state.partition('.')[2]}"
    answer = await came_back(company, moved, issuer.code(there), browser)
    assert answer.json()["type"] == BAD


async def test_the_provider_may_say_no(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    _, state, browser = await left(company)
    answer = await company.http.get(
        "/login/callback",
        params={"state": state, "error": "access_denied"},
        headers={"Cookie": f"merit_login={browser}"},
    )
    assert answer.json()["type"] == BAD


async def test_one_goes_on_to_a_page_of_ours_alone(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    for to in ("https://elsewhere.example", "//elsewhere.example", "/console\\@x", "x" * 5000):
        there, state, browser = await left(company, to[:3000])
        answer = await came_back(company, state, issuer.code(there), browser)
        assert answer.headers["location"] == "/console"


async def test_new_keys_are_found_and_old_ones_are_gone(
    company: Any, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "AGAIN_S", 0.0)
    await prepared(company, issuer)
    assert (await signed_in(company, issuer)).status_code == 303
    old = issuer.keys[0]
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})]
    assert (await signed_in(company, issuer)).status_code == 303, "without a restart"
    issuer.token = lambda asked: issuer.sign(issuer.told(asked), old)
    assert (await signed_in(company, issuer)).json()["type"] == BAD


async def test_tokens_cannot_make_us_ask_for_keys_again_and_again(
    company: Any, issuer: Issuer
) -> None:
    await prepared(company, issuer)
    issuer.token = lambda asked: issuer.signed(asked, kid=f"unknown-{len(issuer.asked)}")
    for _ in range(4):
        assert (await signed_in(company, issuer)).json()["type"] == BAD
    assert issuer.asked.count("/keys") == 1


async def test_a_provider_that_says_it_is_another_is_none(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    issuer.says_issuer = "https://elsewhere.example"
    answer = await company.http.get(f"/login/{company.tenant_id}")
    assert answer.json()["type"] == "/problems/provider-away"


async def test_a_browser_is_told_on_the_sign_in_page(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    answer = await company.http.get(
        "/login/callback", params={"state": "x"}, headers={"Accept": "text/html"}
    )
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert "sign-in-refused" in answer.text


async def test_the_way_to_the_provider_is_remembered(company: Any, issuer: Issuer) -> None:
    await prepared(company, issuer)
    link = f"/login/{company.tenant_id}?to="
    assert link not in (await company.http.get("/console/sign-in")).text
    left = await company.http.get(f"/login/{company.tenant_id}")
    assert "merit_company" in left.cookies
    assert link in (await company.http.get("/console/sign-in")).text
    company.http.cookies.clear()
    for named, shown in ((str(company.tenant_id), True), ("javascript:x", False), ("x", False)):
        page = await company.http.get("/console/sign-in", params={"company": named})
        assert (link in page.text) is shown


async def test_where_nobody_signs_in_there_is_nothing(company: Any, issuer: Issuer) -> None:
    for tenant in (company.tenant_id, uuid4(), "x"):
        answer = await company.http.get(f"/login/{tenant}")
        assert answer.status_code == 404
    await prepared(company, issuer)
    admin = await company.client("admin")
    await admin.did("/identity-provider/remove", {"reason": "moved"})
    assert (await company.http.get(f"/login/{company.tenant_id}")).status_code == 404
    assert (await admin.get("/identity-provider")).status_code == 404
