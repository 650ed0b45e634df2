"""What a route is: one row that routing, authorisation, documentation and tests all read."""

import re
from collections.abc import Awaitable, Callable, Mapping
from itertools import zip_longest
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response

from api.asked import Asked
from api.auth import AUDITOR, ROLES
from api.queries import Ask, Listing, Parameters, Plain, PlainListing, answer
from domain.kernel import Decider

BASE = "/api/v1"

StreamOf = Callable[[Mapping[str, UUID], Any], UUID]
"""(ids in the path, command) -> the command's own stream."""

Guard = Callable[[Asked], Awaitable[None]]
"""Raises `Said` when the caller may not know of what the path names."""

GOES_ON = frozenset(
    {
        "/keys/{key_id}/revoke",
        "/sign-ins/{sign_in_id}/revoke",
        "/people/{person_id}/erasure",
        "/people/{person_id}/erasure/approve",
        "/people/{person_id}/erasure/decline",
        "/tenants/self/suspend",
        "/tenants/self/export",
        "/tenants/self/resume",
        "/tenants/self/erase",
        "/tenants/self/erase/cancel",
        "/tenants/self/erase/confirm",
    }
)
"""What is written even while a company has suspended itself: its own way back and out, taking
access away, and what people may ask by law."""

_ID = re.compile(r"\{(\w+)\}")


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """How the body of a POST becomes a command that is carried out."""

    command: type[msgspec.Struct]
    decider: Decider[Any]
    stream: StreamOf
    creates: str | None = None
    """Path of what it creates, with {id}; None where it changes what is there."""
    guard: Guard | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A method on a path, who may use it, and what it takes and gives."""

    method: Literal["GET", "POST"]
    path: str
    """Below `BASE`."""
    tag: str
    summary: str
    description: str = ""
    roles: frozenset[str]
    serve: Callable[[Asked], Awaitable[Response[Any]]]
    act: Act | None = None
    body: Any = None
    """Type of the body; None for none. That of an act is made from its command."""
    media_type: str = "application/json"
    """Of the body."""
    parameters: type[Plain] | None = None
    result: Any = None
    """Type of the answer, of an item where it is a list."""
    listed: bool = False
    status: int = 200
    keyed: bool = False
    """Whether it needs an Idempotency-Key."""
    statuses: tuple[int, ...] = ()
    """Of its problems, beside those that every route has."""
    streamed: bool = False
    """Whether its body is received as it comes, never as a whole."""
    produces: str = "application/json"
    """Media type of the answer; of another one it writes down itself who reads it."""

    @property
    def scope(self) -> str:
        """What an access key with scopes needs: its resource, and whether it is only read."""
        reads = self.method == "GET" or not (self.keyed or self.act or self.path == "/bulk")
        return f"{self.tag}:{'read' if reads else 'write'}"

    @property
    def goes_on(self) -> bool:
        """Whether it is served too while the company has suspended itself."""
        return self.scope.endswith(":read") or self.path in GOES_ON

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the ids in the path."""
        return tuple(_ID.findall(self.path))


READ_ONLY = frozenset({AUDITOR})
"""Auditors read and never write; no list of writers can name them by mistake."""


def get(
    path: str,
    ask: Ask,
    *,
    roles: frozenset[str],
    result: Any,
    projections: tuple[str, ...] = (),
    parameters: type[Plain] = Parameters,
) -> Route:
    """A question of one resource, or of a list where its parameters are a `Listing`."""

    async def serve(asked: Asked) -> Response[Any]:
        return await answer(asked, parameters, projections, ask)

    return Route(
        method="GET",
        path=path,
        tag=_tag(path),
        summary=_summary(ask),
        roles=roles,
        serve=serve,
        parameters=parameters,
        result=result,
        listed=issubclass(parameters, Listing | PlainListing),
    )


def writers(*roles: str) -> frozenset[str]:
    """Roles that may write; an auditor is never among them.

    Raises:
        ValueError: a role that is not known, or that only reads.
    """
    given = frozenset(roles)
    if not given <= ROLES - READ_ONLY:
        raise ValueError(f"not roles that write: {', '.join(sorted(given - (ROLES - READ_ONLY)))}")
    return given


def _tag(path: str) -> str:
    return path.split("/")[1]


def _summary(described: object) -> str:
    text = (described.__doc__ or "").strip().split("\n")[0]
    return text.rstrip(".")


def _pattern(path: str) -> re.Pattern[str]:
    words = (re.escape(word) for word in _ID.split(path)[::2])
    names = (f"(?P<{name}>[^/]+)" for name in _ID.findall(path))
    pairs = zip_longest(words, names, fillvalue="")
    return re.compile("".join(word + name for word, name in pairs))


class Table:
    """All routes, by path; finds the one for a request's path as the router does."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.routes = routes
        self.by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = self.by_path.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"two routes for {route.method} {route.path}")
            methods[route.method] = route
        # A word in a path comes before an id in the same place.
        paths = sorted(self.by_path, key=lambda path: path.count("{"))
        self._patterns = [(_pattern(path), path) for path in paths]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of `method` on `path` (below `BASE`), and the path's ids as text."""
        for pattern, template in self._patterns:
            match = pattern.fullmatch(path)
            if match and method in self.by_path[template]:
                return self.by_path[template][method], match.groupdict()
        return None
