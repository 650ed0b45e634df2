"""One person on one page: asks and commands through the API's own routes, in process.

A page knows no other way to the data. So whoever may not ask something of the API may not see it
here either, and there is nothing that the console can do and the API cannot.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

import msgspec

from api.acting import in_place_of, lends, stand_in
from api.asked import Asked, ids_of
from api.auth import Caller, permit
from api.console.detailing import Told, Wrong, told
from api.console.formats import Formats
from api.console.language import Language, term, words
from api.noting import read_by
from api.problems import Said
from api.routes import BASE, Route, Table
from domain.delegation import ApprovalKind
from projections import directory
from projections.questions import LIMIT_MAX

EVERY_MAX = 100_000
"""Rows of one export; more than that is a matter for `merit export`."""
OURS = "00000000-0000-4000-8000-"
"""So the ids of those begin who act for the installation: its operators and its worker."""
PURPOSE_MAX = 200
_NOT_HERE = frozenset({"not-found", "not-published"})


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a form was not carried out, in the visitor's language."""

    code: str
    status: int
    title: str
    detail: Told
    next_step: str
    errors: tuple[Wrong, ...] = ()

    def of(self, name: str) -> tuple[Told, ...]:
        """What is wrong with the field of this name; empty where nothing is."""
        pointer = "/" + name.replace(".", "/")
        return tuple(each.detail for each in self.errors if each.pointer == pointer)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it came back and could not be carried out."""

    form: str
    fields: Mapping[str, str]
    failed: Failed


class Visit(msgspec.Struct, kw_only=True):
    """What a page may know and ask."""

    table: Table
    asked: Asked
    path: str
    """Of the page, with its ids filled in."""
    ids: Mapping[str, str]
    """The parameters of the path."""
    query: Mapping[str, str]
    language: Language
    formats: Formats
    name: str = ""
    """Of who is here."""
    tenant: str = ""
    csrf: str = ""
    wait_for: int = 0
    """The log position that the views of this visit have reached: one's own writes are seen."""
    sent: Sent | None = None
    exporting: bool = False
    """Lists give all of their pages."""
    lent: str = ""
    """The delegation by which all is asked and done; empty where everybody acts for themselves."""
    kinds: tuple[ApprovalKind, ...] = ()
    """What it lends."""
    lender: "Visit | None" = None

    @property
    def own(self) -> "Visit":
        """The same page, of nobody but who is here."""
        return self.lender or self

    @property
    def caller(self) -> Caller:
        return self.asked.caller

    @property
    def me(self) -> UUID | None:
        """The person who is here; None for a key of a machine or of an auditor."""
        return self.caller.person_id

    def has(self, *roles: str) -> bool:
        """Whether the visitor has one of these roles."""
        return self.caller.has(frozenset(roles))

    def may(self, method: str, path: str) -> bool:
        """Whether the visitor's roles open a route of the API."""
        found = self.table.find(method, path)
        if found is None:
            return False
        route = found[0]
        if self.lent and not any(lends(kind, route) for kind in self.kinds):
            return False
        return self.caller.has(route.roles) and self.caller.reaches(route.scope)

    # -- words

    def say(self, text: str, **values: object) -> str:
        """An English text of ours in the visitor's language, its {names} filled in."""
        told = words(text, self.language)
        return told.format(**values) if values else told

    def term(self, kind: str, code: object) -> str:
        """What a code (a stage, a topic, a role) is called."""
        return term(kind, str(code), self.language)

    def detail(self, text: str) -> Told:
        """What a refusal says in particular."""
        return told(text, self.language)

    # -- questions

    async def ask(self, path: str, **query: object) -> Any:
        """The answer of GET `path`, as JSON values: money and decimals are text.

        Raises:
            Said: as the API would answer; `not-allowed` where the visitor's roles do not open it.
            Refused: the question has no answer now.
        """
        told = [(name, _text(value)) for name, value in query.items() if value not in (None, "")]
        if self.wait_for:
            told.append(("wait_for", str(self.wait_for)))
        route, asked = self._routed("GET", path)
        asked = msgspec.structs.replace(asked, query=tuple(told))
        response = await route.serve(await self._permitted(route, asked))
        return msgspec.json.decode(response.content)

    async def maybe(self, path: str, **query: object) -> Any:
        """As `ask`; None where there is nothing, or nothing yet that the visitor may see."""
        try:
            return await self.ask(path, **query)
        except Said as no:
            if no.code in _NOT_HERE:
                return None
            raise

    async def cycles(self, ids: Iterable[str]) -> dict[str, Any]:
        """The cycles with these ids, each asked for once."""
        return {each: await self.ask(f"/cycles/{each}") for each in set(ids)}

    async def page(self, path: str, **query: object) -> tuple[list[Any], str | None]:
        """Rows of a list and the cursor of its next page; all rows while exporting."""
        if self.exporting:
            return [row async for row in self.each(path, **query)], None
        told = await self.ask(path, **{"cursor": self.query.get("cursor"), **query})
        return told["data"], told["next_cursor"]

    async def each(self, path: str, **query: object) -> AsyncIterator[Any]:
        """Every row of a list, page by page.

        Raises:
            Said: `invalid-query`, where there are more than `EVERY_MAX`.
        """
        cursor, count = None, 0
        while True:
            told = await self.ask(path, **{**query, "limit": LIMIT_MAX, "cursor": cursor})
            for row in told["data"]:
                yield row
            count += len(told["data"])
            cursor = told["next_cursor"]
            if cursor is None:
                return
            if count >= EVERY_MAX:
                raise Said("invalid-query", f"more than {EVERY_MAX} rows: narrow it down")

    async def names(self, ids: Iterable[str | UUID | None]) -> "Names":
        """Names of people whom an answer of the API has named to this visitor by their ids.

        Like every read of what is personal it is written down before the page leaves.
        """
        wanted = list(dict.fromkeys(UUID(str(each)) for each in ids if each))
        found: dict[str, str] = {}
        async with self.asked.view() as view:
            for first in range(0, len(wanted), LIMIT_MAX):
                named = await directory.names(view, wanted[first : first + LIMIT_MAX])
                found |= {str(person_id): name for person_id, name in named.items() if name}
        await self._note([each for each in wanted if str(each) in found and each != self.me])
        return Names(known=found, me=str(self.me or ""), visit=self)

    async def _note(self, subjects: list[UUID]) -> None:
        if not subjects:
            return
        entry = read_by(
            self.caller,
            self.asked.stamp,
            "GET",
            "/people/{person_id}",
            purpose=f"console: names on {self.path}"[:PURPOSE_MAX],
            subjects=subjects,
            fields=("name",),
            row_count=len(subjects),
        )
        await self.asked.services.reads.note(self.caller.tenant_id, entry)

    # -- commands

    async def do(self, path: str, body: bytes, *, key: str = "", version: str = "") -> Any:
        """What POST `path` answers, and its log position from then on.

        Args:
            path: below the API's base.
            body: JSON.
            key: idempotency key, so that a form sent twice happens once.
            version: the stream version that the form was made from; empty for any.

        Raises:
            Said, Refused, Overtaken, StaleVersion, IdempotencyConflict, Unavailable: as the API.
        """
        route, asked = self._routed("POST", path)
        asked = await self._permitted(route, asked)
        headers = {"idempotency-key": key or str(uuid4())}
        if version:
            headers["if-match"] = f'"{version}"'
        response = await route.serve(msgspec.structs.replace(asked, headers=headers, body=body))
        self.wait_for = int(response.headers.get("Merit-Position", 0)) or self.wait_for
        return msgspec.json.decode(response.content)

    def route(self, method: str, path: str) -> Route:
        """The API's route of this path.

        Raises:
            Said: `not-found`.
        """
        return self._routed(method, path)[0]

    async def in_the_name_of(self, delegation: Any) -> "Visit":
        """This visit as of whom a delegation names, for what it lends and nothing else."""
        caller = await in_place_of(self.asked, UUID(delegation["person_id"]))
        return msgspec.structs.replace(
            self,
            asked=msgspec.structs.replace(self.asked, caller=caller),
            lent=delegation["delegation_id"],
            kinds=tuple(delegation["kinds"]),
            lender=self,
        )

    def lent_by(self, delegation_id: str) -> "Visit":
        """This visit, doing what it does by a delegation; who may not is told so by the API."""
        return msgspec.structs.replace(self, lent=delegation_id, lender=self)

    async def _permitted(self, route: Route, asked: Asked) -> Asked:
        if self.lent:
            return await stand_in(asked, route, self.lent)
        permit(self.caller, route.roles, route.scope)
        return asked

    def _routed(self, method: str, path: str) -> tuple[Route, Asked]:
        found = self.table.find(method, path)
        if found is None:
            raise Said("not-found", f"there is no {method} {path}")
        route, parameters = found
        permit(self.caller, route.roles, route.scope, while_suspended=route.goes_on)
        ids, position = ids_of(parameters)
        asked = msgspec.structs.replace(
            self.asked,
            method=method,
            path=BASE + path,
            headers={},
            query=(),
            ids=ids,
            position=position,
            body=b"",
        )
        return route, asked


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Names by id, for showing who did what; without one: machines, and people who were erased."""

    known: Mapping[str, str]
    me: str
    visit: Visit

    def __call__(self, person_id: object) -> str:
        """The name, "you", or the beginning of an id that has no name."""
        told = str(person_id or "")
        if told and told == self.me:
            return self.visit.say("you")
        if not told:
            return self.visit.say("nobody")
        if told.startswith(OURS):
            return self.visit.say("the system")
        return self.known.get(told) or self.visit.say("without a name, {id}", id=told[:8])


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)
