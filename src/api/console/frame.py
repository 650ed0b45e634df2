"""What surrounds pages and belongs to nobody: styles, scripts, and what a browser prefers."""

from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath

from api.console.forms import local
from api.console.language import LANGUAGES
from api.console.page import HOME
from api.console.rendering import THEMES, static_file
from api.problems import Said

YEAR_S: Final = 31_536_000
_KEPT: Final = f"public, max-age={YEAR_S}, immutable"


@get(f"{HOME}/static/{{mark:str}}/{{name:path}}")
async def static(request: Request[Any, Any, Any], name: FromPath[Path]) -> Response[bytes]:
    """A style, a script or a picture; its address changes with its content, so it is kept."""
    told = str(name).lstrip("/")
    pressed = None
    if "gzip" in request.headers.get("accept-encoding", ""):
        pressed = static_file(told, pressed=True)
    found = pressed or static_file(told)
    if found is None:
        raise Said("not-found", "there is no such file")
    headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding"}
    if pressed is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(found[0], media_type=found[1], headers=headers)


@post(f"{HOME}/preferences", status_code=303)
async def preferences(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Language and theme of this browser; nothing of a tenant, so nobody need be signed in."""
    given = await request.form()
    back = local(str(given.get("to", "")), HOME)
    response: Response[bytes] = Response(b"", status_code=303, headers={"Location": back})
    if given.get("language") in LANGUAGES:
        _prefer(response, "merit_language", str(given["language"]))
    if given.get("theme") in {*THEMES, "device"}:
        _prefer(response, "merit_theme", str(given["theme"]))
    return response


def _prefer(response: Response[bytes], key: str, value: str) -> None:
    response.set_cookie(
        key=key, value=value, max_age=YEAR_S, path="/", httponly=True, samesite="lax"
    )
