"""Templates: one environment, everything escaped, nothing undefined, no script in any page."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from uuid import uuid4

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.console.formats import Formats, iso
from api.console.language import LANGUAGES, OWN_NAMES, Language, term, words
from api.console.page import HOME
from api.wire import shown

CONTENT_SECURITY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
SECURITY: Final = {
    "Content-Security-Policy": CONTENT_SECURITY,
    # Without a referrer of its own site, a browser's forms would come from the origin "null".
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie, Accept-Language",
}
HTML: Final = "text/html; charset=utf-8"
THEMES: Final = ("light", "dark")

STATIC: Final = files("api.console").joinpath("static")
TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        home=HOME, static=static_address, new_key=lambda: str(uuid4()), languages=LANGUAGES
    )
    environment.globals["own_names"] = OWN_NAMES
    environment.filters["iso"] = iso
    environment.filters["data"] = data
    return environment


def data(value: Any) -> Markup:
    """JSON for a <script type="application/json">: nothing in it can end the element."""
    told = msgspec.json.encode(shown(value)).decode()
    for sign in "<>&":
        told = told.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(told)  # noqa: S704  what could end the element or begin one was replaced above


def render(
    template: str,
    *,
    language: Language,
    write: Formats,
    theme: str,
    values: Mapping[str, Any],
) -> bytes:
    """A page in UTF-8."""

    def say(text: str, **named: object) -> str:
        told = words(text, language)
        return told.format(**named) if named else told

    def named(kind: str, code: object) -> str:
        return term(kind, str(code), language)

    frame = {"_": say, "term": named, "language": language, "write": write, "theme": theme}
    return _environment().get_template(template).render({**values, **frame}).encode()


@lru_cache(maxsize=128)
def static_file(name: str, *, pressed: bool = False) -> tuple[bytes, str] | None:
    """A static file (as it lies there, or its .gz) and its media type; None where there is none."""
    ending = name.rsplit(".", 1)[-1]
    way = f"{name}.gz" if pressed else name
    if ending not in TYPES or ".." in name or name.startswith("/"):
        return None
    path = STATIC.joinpath(*way.split("/"))
    return (path.read_bytes(), TYPES[ending]) if path.is_file() else None


@lru_cache(maxsize=1)
def _mark() -> str:
    # Of all files together: modules import each other by names that are relative to this mark.
    digest = hashlib.sha256()
    for folder in (STATIC, STATIC.joinpath("vendor")):
        for path in sorted(folder.iterdir(), key=lambda each: each.name):
            if path.is_file():
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def static_address(name: str) -> str:
    """Where a static file is served, with a mark of all contents so that it is kept for ever.

    Raises:
        FileNotFoundError: it is not there; `tools/assets.py` fetches what is not ours.
    """
    if static_file(name) is None:
        raise FileNotFoundError(f"the console's {name} is missing; run `make setup`")
    return f"{HOME}/static/{_mark()}/{name}"


def theme_of(cookies: Mapping[str, str]) -> str:
    """The theme that was chosen; empty for the one that the device prefers."""
    chosen = cookies.get("merit_theme", "")
    return chosen if chosen in THEMES else ""
