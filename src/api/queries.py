"""One way to answer a GET: read its parameters, wait for the view, ask, tell."""

import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response

from api.asked import Asked
from api.auth import INTEGRATION, WHOLE_COMPANY
from api.problems import RETRY_AFTER_S, FieldError, Said
from api.wire import One, many, single
from projections.past import NotWritten, TooFar
from projections.questions import LIMIT_DEFAULT, LIMIT_MAX, BadQuestion, Page

WAIT_MAX_S = 5.0
WAIT_FIRST_S = 0.25
"""Views are usually there by then; only later is it worth asking where the log ends."""
LOOKING_BACK = WHOLE_COMPANY | {INTEGRATION}
"""Who may ask for the past: those whose rights do not depend on whom they manage."""
_POSITION_MAX = 2**63 - 1
_AT = re.compile(r" - at `\$\.?([^`]*)`$")

Position = Annotated[int, msgspec.Meta(ge=0, le=_POSITION_MAX)]


class Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of every GET."""

    fields: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    """Only these fields, by comma."""
    wait_for: Position | None = None
    """Answer when the view has reached this log position (Merit-Position of a command)."""


class Parameters(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of every GET whose answer is derived from history."""

    known_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """As it was known at this time: from what had been recorded by then."""
    position: Position | None = None
    """As it was at this position of the log."""

    @property
    def asks_back(self) -> bool:
        """Whether the past is asked for."""
        return self.known_at is not None or self.position is not None


class PlainListing(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of a list that is not derived from history."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    """`next_cursor` of the page before."""


class Listing(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of every list."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    """`next_cursor` of the page before."""


class Dated(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of a GET about what takes effect on a day."""

    valid_at: date | None = None
    """As it is in force on this day."""
    on: date | None = None
    """The same; `valid_at` where both are given."""

    @property
    def day(self) -> date | None:
        """The day that was asked for."""
        return self.valid_at or self.on


class DatedListing(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of a list of what takes effect on a day."""

    valid_at: date | None = None
    """As it is in force on this day."""
    on: date | None = None
    """The same; `valid_at` where both are given."""

    @property
    def day(self) -> date | None:
        """The day that was asked for."""
        return self.valid_at or self.on


P = TypeVar("P", bound=Plain)
Ask = Callable[[Asked, Any], Awaitable[One | Page[Any]]]


def read(asked: Asked, parameters: type[P]) -> P:
    """The query parameters.

    Raises:
        Said: `invalid-query`: unknown, repeated or of a wrong value.
    """
    given: dict[str, str] = {}
    for name, value in asked.query:
        if name in given:
            raise invalid(name, "given twice")
        given[name] = value
    try:
        told = msgspec.convert(given, parameters, strict=False)
    except msgspec.ValidationError as error:
        text = str(error)
        unknown = re.match(r"Object contains unknown field `(.*)`$", text)
        if unknown:
            raise invalid(unknown[1], "unknown") from error
        at = _AT.search(text)
        raise invalid(at[1] if at else "", _AT.sub("", text)) from error
    for field in msgspec.structs.fields(parameters):
        sent, value = given.get(field.encode_name), getattr(told, field.name)
        # The lax conversion takes the text "null" for nothing, and a number for a time.
        if sent is not None and (
            value is None or (isinstance(value, datetime) and "T" not in sent.upper())
        ):
            raise invalid(field.encode_name, f"{sent[:40]!r} is not a value of it")
    return told


def invalid(name: str, why: str) -> Said:
    """The refusal of a query parameter."""
    return Said(
        "invalid-query",
        f"{name}: {why}",
        errors=[FieldError(pointer=f"?{name}", detail=why)],
    )


async def answer(
    asked: Asked, parameters: type[Plain], projections: tuple[str, ...], ask: Ask
) -> Response[bytes]:
    """Wait where wanted, ask, and tell the result.

    Raises:
        Said: `view-behind`, `invalid-query`, and whatever the question says.
    """
    given = read(asked, parameters)
    if isinstance(given, Parameters) and given.asks_back:
        asked = await as_of(asked, given.known_at, given.position)
    elif given.wait_for is not None and projections:
        await wait(asked, projections, given.wait_for)
    try:
        result = await ask(asked, given)
    except BadQuestion as error:
        raise invalid("cursor", str(error)) from error
    except TooFar as error:
        raise Said("as-of-too-far", str(error)) from error
    if isinstance(result, One):
        return single(asked, result, given.fields)
    return many(asked, result, given.fields)


async def as_of(asked: Asked, known_at: datetime | None, position: int | None) -> Asked:
    """The same request, put at a moment of the past, where its clock stands still.

    Raises:
        Said: `not-allowed`: who sees only what concerns them sees it as it is now, because whom
            it concerns was another question then. `invalid-query`: the log does not reach so far.
    """
    if not asked.caller.has(LOOKING_BACK):
        raise Said("not-allowed", f"the past needs one of {', '.join(sorted(LOOKING_BACK))}")
    views, tenant_id = asked.services.views, asked.caller.tenant_id
    try:
        moment = await views.moment(tenant_id, known_at=known_at, position=position)
    except NotWritten as error:
        raise invalid("position", str(error)) from error
    now = known_at or moment.recorded_at or asked.stamp.now
    stamp = msgspec.structs.replace(asked.stamp, now=min(now, asked.stamp.now))
    return msgspec.structs.replace(asked, then=moment, stamp=stamp)


async def wait(asked: Asked, projections: tuple[str, ...], position: int) -> None:
    """Until the views have reached a log position, a bounded while.

    Raises:
        Said: `view-behind`, or `invalid-query` where the log itself is not there yet.
    """
    tenant_id, views = asked.caller.tenant_id, asked.services.views
    if await views.wait_for(tenant_id, projections, position, WAIT_FIRST_S):
        return
    if position > (head := await (await asked.store()).head()):
        raise invalid("wait_for", f"the log ends at {head}")
    if not await views.wait_for(tenant_id, projections, position, WAIT_MAX_S):
        raise Said(
            "view-behind",
            f"{', '.join(projections)} did not reach position {position} within {WAIT_MAX_S:g} s",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )


def found(value: Any) -> Any:
    """`value`, unless it is None.

    Raises:
        Said: `not-found`.
    """
    if value is None:
        raise Said("not-found", "there is nothing of this id")
    return value
