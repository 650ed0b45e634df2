"""Serves pages: who is here, what they ask, what their forms do, and every no as a page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler

from api.asked import Asked
from api.console import door, forms, tables
from api.console.catalogue import PAGES
from api.console.flash import Flash, flash_of, remember
from api.console.formats import formats
from api.console.frame import preferences, static
from api.console.language import Language, spoken
from api.console.navigation import menu_of
from api.console.page import HOME, Page
from api.console.problems import failed_of
from api.console.rendering import HTML, SECURITY, render, theme_of
from api.console.visit import Sent, Visit
from api.console.who import Present, SignInNeeded, check, present
from api.console.words import CHINESE
from api.problems import Said
from api.refusing import said_of
from api.routes import Route, Table
from api.services import Services
from api.stamp import arrival, stamp

DONE: Final = "Done."

Fields = Sequence[tuple[str, str]]


def handlers(table: Table) -> list[HTTPRouteHandler]:
    """Every page of the catalogue, and what surrounds them."""
    return [*(_page_handler(page, table) for page in PAGES), *door.HANDLERS, static, preferences]


def _page_handler(page: Page, table: Table) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await Serving(page, table, request).answer()

    return HTTPRouteHandler(
        page.address.replace("}", ":str}"), http_method=["GET", "POST"], status_code=200
    )(serve)


class Serving:
    """One request of one page."""

    def __init__(self, page: Page, table: Table, request: Request[Any, Any, Any]) -> None:
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
        now, fields = arrival(), await self._fields()
        try:
            here = await present(self._request, now)
        except SignInNeeded:
            return door.led_there(self._request, fields)
        except Exception as error:  # noqa: BLE001  told where one signs in
            return door.refused(self._request, error)
        self._state["caller"] = here.caller
        visit = self._visit(here, now)
        try:
            _permit(self._page, here)
            if self._request.method == "POST":
                check(self._request, here, fields)
                return await self._carry_out(visit, fields)
            return await self._shown(visit)
        except Exception as error:  # noqa: BLE001  every no is a page of its own
            return self._refused(visit, error)

    async def _fields(self) -> Fields:
        if self._request.method != "POST":
            return ()
        given = (await self._request.form()).multi_items()
        return [(name, value) for name, value in given if isinstance(value, str)]

    # -- looking

    def _visit(self, here: Present, now: datetime) -> Visit:
        request = self._request
        services: Services = request.app.state.services
        flash = flash_of(request.cookies, str(here.caller.tenant_id))
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
            tenant=here.tenant,
            csrf=here.csrf,
            wait_for=flash.position if flash else 0,
        )

    async def _shown(self, visit: Visit, status: int = 200) -> Response[bytes]:
        visit.exporting = "export" in visit.query and visit.sent is None
        shown = await self._page.load(visit)
        if visit.exporting:
            return _exported(visit, shown)
        flash = flash_of(self._request.cookies, str(visit.caller.tenant_id))
        values = {
            "flash": flash.done if flash else "",
            "done_form": flash.form if flash else "",
            "failed": visit.sent.failed if visit.sent else None,
            "as_of": await _as_of(visit),
            **shown,
        }
        response = self._rendered(visit, self._page.template, status, values)
        if flash and flash.done:
            # Said once; the position is waited for a little longer.
            remember(response, msgspec.structs.replace(flash, done="", form=""))
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
            values={
                "visit": visit,
                "title": visit.say(self._page.title),
                "here": self._page.address,
                "back": visit.path + (f"?{urlencode(asked)}" if asked else ""),
                "menu": menu_of(visit),
                "request_id": str(self._state["request_id"]),
                "address": address,
                **values,
            },
        )
        return Response(content, status_code=status, media_type=HTML, headers=dict(SECURITY))

    # -- doing

    async def _carry_out(self, visit: Visit, fields: Fields) -> Response[bytes]:
        given = dict(fields)
        path = given.get("_do", "")
        try:
            route = _form_of(self._page, visit.route("POST", path))
            body = forms.body_of(fields, route.body, visit.formats.zone)
            hand = visit.lent_by(lent) if (lent := given.get("_lent", "")) else visit
            await hand.do(path, body, key=given.get("_key", ""), version=given.get("_version", ""))
            visit.wait_for = hand.wait_for
        except Exception as error:  # noqa: BLE001  told on the page that it came from
            failed = failed_of(said_of(error), visit.language)
            self._state["problem"] = failed.code
            visit.sent = Sent(form=given.get("_form", ""), fields=given, failed=failed)
            return await self._shown(visit, failed.status)
        to = forms.local(given.get("_to", "") or visit.path, HOME)
        response: Response[bytes] = Response(
            b"", status_code=303, headers={**SECURITY, "Location": to}
        )
        done = given.get("_done", "")
        flash = Flash(
            tenant=str(visit.caller.tenant_id),
            position=visit.wait_for,
            # Only what we say ourselves is said.
            done=done if done in CHINESE else DONE,
            form=given.get("_form", ""),
        )
        remember(response, flash)
        return response

    def _refused(self, visit: Visit, error: Exception) -> Response[bytes]:
        failed = failed_of(said_of(error), visit.language)
        self._state["problem"] = failed.code
        values = {"failed": failed, "title": failed.title}
        return self._rendered(visit, "problem.html", failed.status, values)


def _permit(page: Page, here: Present) -> None:
    if page.roles.isdisjoint(here.caller.roles):
        raise Said("not-allowed", "this page is for other roles")


def _form_of(page: Page, route: Route) -> Route:
    if route.path not in page.does or route.body is None:
        raise Said("not-found", "this page has no such form")
    return route


def _exported(visit: Visit, shown: Mapping[str, Any]) -> Response[bytes]:
    wanted = visit.query.get("table", "")
    every = (each for each in shown.values() if isinstance(each, tables.Table))
    found = next((each for each in every if each.name == wanted and each.exported), None)
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
