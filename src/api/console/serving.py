"""Serves pages: who is here, what they ask, what their forms do, and every no as a page."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.asked import Asked
from api.console import forms, tables
from api.console.catalogue import PAGES
from api.console.formats import formats
from api.console.language import LANGUAGES, Language, spoken
from api.console.navigation import menu_of
from api.console.page import HOME, Page
from api.console.problems import failed_of
from api.console.rendering import CONTENT_SECURITY, THEMES, render, static_file, theme_of
from api.console.visit import Sent, Visit
from api.console.who import Present, SignInNeeded, check, present
from api.console.words import CHINESE
from api.problems import Said
from api.refusing import said_of
from api.routes import Table
from api.services import Services
from api.stamp import arrival, stamp

SECURITY: Final = {"Content-Security-Policy": CONTENT_SECURITY, "Vary": "Cookie, Accept-Language"}
FLASH: Final = "merit_flash"
FLASH_S = 60
"""How long one's own write is waited for on the pages that follow it."""
YEAR_S: Final = 31_536_000
HTML: Final = "text/html; charset=utf-8"

Any3 = Request[Any, Any, Any]


class Flash(msgspec.Struct, frozen=True, kw_only=True):
    """What the page after a form has to know of it; kept in a cookie for moments."""

    tenant: str
    position: int
    done: str = ""
    """A text of the catalogue; empty once it was shown."""
    form: str = ""


def handlers(table: Table) -> list[HTTPRouteHandler]:
    """Every page of the catalogue."""
    return [
        *(_page_handler(page, table) for page in PAGES),
        static,
        preferences,
    ]


def _page_handler(page: Page, table: Table) -> HTTPRouteHandler:
    async def serve(request: Any3) -> Response[bytes]:
        return await Serving(page, table, request).answer()

    return HTTPRouteHandler(
        page.address.replace("}", ":str}"), http_method=["GET", "POST"], status_code=200
    )(serve)


@get(f"{HOME}/static/{{mark:str}}/{{name:path}}")
async def static(request: Any3, name: FromPath[Path]) -> Response[bytes]:
    """A style, a script or a picture; its address changes with its content, so it is kept."""
    told = str(name).lstrip("/")
    pressed = "gzip" in request.headers.get("accept-encoding", "")
    found = (static_file(told, pressed=True) if pressed else None) or static_file(told)
    if found is None:
        raise Said("not-found", "there is no such file")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if pressed and static_file(told, pressed=True) is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(found[0], media_type=found[1], headers=headers)


@post(f"{HOME}/preferences", status_code=303)
async def preferences(request: Any3) -> Response[bytes]:
    """Language and theme of this browser; nothing of a tenant, so nobody need be signed in."""
    given = await request.form()
    back = forms.local(str(given.get("to", "")), HOME)
    response: Response[bytes] = Response(b"", status_code=303, headers={"Location": back})
    if given.get("language") in LANGUAGES:
        _prefer(response, "merit_language", str(given["language"]))
    if given.get("theme") in (*THEMES, "device"):
        _prefer(response, "merit_theme", str(given["theme"]))
    return response


def _prefer(response: Response[bytes], key: str, value: str) -> None:
    response.set_cookie(
        key=key, value=value, max_age=YEAR_S, path="/", httponly=True, samesite="lax"
    )


class Serving:
    """One request of one page."""

    def __init__(self, page: Page, table: Table, request: Any3) -> None:
        self._page = page
        self._table = table
        self._request = request
        self._language: Language = spoken(
            request.cookies, request.headers.get("accept-language", "")
        )
        self._state: dict[str, Any] = request.scope["state"]
        self._state["template"] = page.address

    async def answer(self) -> Response[bytes]:
        """The page, what its form did, or why not."""
        now = arrival()
        fields: list[tuple[str, str]] = []
        if self._request.method == "POST":
            fields = [
                (name, value)
                for name, value in (await self._request.form()).multi_items()
                if isinstance(value, str)
            ]
        try:
            here = await present(self._request, now)
        except SignInNeeded as ended:
            return ended.answer(self._request, self._language, fields)
        self._state["caller"] = here.caller
        visit = self._visit(here, now)
        try:
            if self._page.roles.isdisjoint(here.caller.roles):
                raise Said("not-allowed", "this page is for other roles")
            if self._request.method == "POST":
                check(here, dict(fields))
                return await self._carry_out(visit, fields)
            return await self._shown(visit)
        except Exception as error:  # noqa: BLE001  every no is a page of its own
            if "DEBUGH" in __import__("os").environ: __import__("traceback").print_exc()
            return self._refused(visit, error)

    # -- looking

    def _visit(self, here: Present, now: datetime) -> Visit:
        request = self._request
        services: Services = request.app.state.services
        flash = _flash_of(request.cookies, str(here.caller.tenant_id))
        return Visit(
            table=self._table,
            asked=Asked(
                services=services,
                caller=here.caller,
                stamp=stamp(now, here.caller.actor, self._state["request_id"]),
                method="GET",
                path=request.scope["path"],
                headers={},
            ),
            path=request.scope["path"],
            ids={name: str(value) for name, value in request.path_params.items()},
            query={name: value for name, value in request.query_params.items() if value},
            language=self._language,
            formats=formats(self._language, request.cookies),
            name=here.name,
            csrf=here.csrf,
            wait_for=flash.position if flash else 0,
        )

    async def _shown(self, visit: Visit, status: int = 200) -> Response[bytes]:
        visit.exporting = "export" in visit.query and visit.sent is None
        shown = await self._page.load(visit)
        if visit.exporting:
            return _exported(visit, shown)
        flash = _flash_of(self._request.cookies, str(visit.caller.tenant_id))
        response = self._rendered(
            visit,
            self._page.template,
            status,
            {
                "flash": flash.done if flash else "",
                "done_form": flash.form if flash else "",
                "failed": visit.sent.failed if visit.sent else None,
                "as_of": await _as_of(visit),
                **shown,
            },
        )
        if flash and flash.done:
            # Said once; the position is waited for a little longer.
            _remember(response, msgspec.structs.replace(flash, done="", form=""))
        return response

    def _rendered(
        self, visit: Visit, template: str, status: int, values: Mapping[str, Any]
    ) -> Response[bytes]:
        def address(**changed: str | None) -> str:
            kept = {**visit.query, **changed}
            return urlencode({name: value for name, value in kept.items() if value})

        asked = list(self._request.query_params.items())
        content = render(
            template,
            language=visit.language,
            write=visit.formats,
            theme=theme_of(self._request.cookies),
            visit=visit,
            here=self._page.address,
            back=visit.path + (f"?{urlencode(asked)}" if asked else ""),
            menu=menu_of(visit),
            tenant=self._state.get("tenant", ""),
            request_id=str(self._state["request_id"]),
            address=address,
            **{"title": visit.say(self._page.title), **values},
        )
        return Response(content, status_code=status, media_type=HTML, headers=dict(SECURITY))

    # -- doing

    async def _carry_out(self, visit: Visit, fields: list[tuple[str, str]]) -> Response[bytes]:
        given = dict(fields)
        path = given.get("_do", "")
        try:
            route = visit.route("POST", path)
            if route.path not in self._page.does or route.body is None:
                raise Said("not-found", "this page has no such form")
            body = forms.body_of(fields, route.body)
            await visit.do(path, body, key=given.get("_key", ""), version=given.get("_version", ""))
        except Exception as error:  # noqa: BLE001  told on the page that it came from
            failed = failed_of(said_of(error), visit.language)
            self._state["problem"] = failed.code
            visit.sent = Sent(form=given.get("_form", ""), fields=given, failed=failed)
            return await self._shown(visit, failed.status)
        response: Response[bytes] = Response(
            b"",
            status_code=303,
            headers={
                **SECURITY,
                "Location": forms.local(given.get("_to", "") or visit.path, HOME),
            },
        )
        _remember(
            response,
            Flash(
                tenant=str(visit.caller.tenant_id),
                position=visit.wait_for,
                done=done if (done := given.get("_done", "")) in CHINESE else "Done.",
                form=given.get("_form", ""),
            ),
        )
        return response

    def _refused(self, visit: Visit, error: Exception) -> Response[bytes]:
        failed = failed_of(said_of(error), visit.language)
        self._state["problem"] = failed.code
        return self._rendered(
            visit, "problem.html", failed.status, {"failed": failed, "title": failed.title}
        )


def _exported(visit: Visit, shown: Mapping[str, Any]) -> Response[bytes]:
    wanted = visit.query.get("table", "")
    found = next(
        (
            each
            for each in shown.values()
            if isinstance(each, tables.Table) and each.name == wanted and each.exported
        ),
        None,
    )
    if found is None:
        raise Said("not-found", "there is no such table on this page")
    workbook = visit.query["export"] == "xlsx"
    content = tables.as_xlsx(found, visit) if workbook else tables.as_csv(found, visit)
    ending = "xlsx" if workbook else "csv"
    return Response(
        content,
        media_type=tables.XLSX_TYPE if workbook else tables.CSV_TYPE,
        headers={
            "Content-Disposition": f'attachment; filename="{found.name}.{ending}"',
            **SECURITY,
        },
    )


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which event the views of a page have come."""

    position: int
    at: datetime | None


async def _as_of(visit: Visit) -> AsOf:
    services = visit.asked.services
    position = await services.views.reached(visit.caller.tenant_id)
    store = await visit.asked.store()
    newest = await store.log(position - 1, 1) if position else []
    return AsOf(position=position, at=newest[0].recorded_at if newest else None)


# -- what the next page has to know


def _flash_of(cookies: Mapping[str, str], tenant: str) -> Flash | None:
    try:
        flash = msgspec.json.decode(bytes.fromhex(cookies.get(FLASH, "")), type=Flash)
    except (ValueError, msgspec.MsgspecError):
        return None
    return flash if flash.tenant == tenant and flash.position >= 0 else None


def _remember(response: Response[bytes], flash: Flash) -> None:
    response.set_cookie(
        key=FLASH,
        value=msgspec.json.encode(flash).hex(),
        max_age=FLASH_S,
        path=HOME,
        httponly=True,
        samesite="lax",
    )
