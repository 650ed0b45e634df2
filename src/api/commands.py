"""One way to turn a POST body into something that happened: read, guard, execute, answer."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Response
from opentelemetry import trace

from api.asked import Asked
from api.problems import FieldError, Said
from api.routes import BASE, Act, Guard, Route
from api.wire import entity_tag, expected_version
from domain.delegation import in_the_name_of
from domain.kernel import Decider
from tenancy.errors import Unavailable
from tenancy.failover import read_from_standby
from tenancy.records import Idempotency, Receipt

B = TypeVar("B", bound=msgspec.Struct)

TRACER = trace.get_tracer("meritledger.api")

KEY_LENGTH_MAX = 255
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_AT = re.compile(r" - at `(\$[^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_INTEGER_MAX = 2**63 - 1
_EXPONENT_MAX = 40
"""Decimals beyond 10^40 or finer than 10^-40 are refused before anyone calculates with them."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a command answers."""

    id: UUID
    version: int
    """Of the stream; the entity tag for If-Match."""
    position: int
    """Of the log; wait for it to read your own write."""


def body_type(act: Act, ids: tuple[str, ...]) -> type[msgspec.Struct]:
    """The command without the ids that the path carries."""
    fields = msgspec.structs.fields(act.command)
    if not any(field.name in ids for field in fields):
        return act.command
    kept = [_definition(field) for field in fields if field.name not in ids]
    return msgspec.defstruct(
        act.command.__name__, kept, frozen=True, kw_only=True, forbid_unknown_fields=True
    )


def _definition(field: msgspec.structs.FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.required:
        return field.name, field.type
    if field.default is not msgspec.NODEFAULT:
        return field.name, field.type, field.default
    return field.name, field.type, msgspec.field(default_factory=field.default_factory)


def post(
    path: str,
    command: type[msgspec.Struct],
    decider: Decider[Any],
    *,
    roles: frozenset[str],
    stream: Any,
    creates: str | None = None,
    guard: Any = None,
) -> Route:
    """A command on a path."""
    act = Act(command=command, decider=decider, stream=stream, creates=creates, guard=guard)
    ids = tuple(re.findall(r"\{(\w+)\}", path))
    body = body_type(act, ids)

    async def serve(asked: Asked) -> Response[Any]:
        receipt, _ = await carry_out(act, body, asked)
        return told(receipt, creates=act.creates)

    words = re.sub(r"(?<!^)([A-Z])", r" \1", command.__name__).capitalize()
    text = (command.__doc__ or "").strip()
    return Route(
        method="POST",
        path=path,
        tag=path.split("/")[1],
        summary=words,
        # A struct without a docstring has its own signature for one.
        description="" if text.startswith(f"{command.__name__}(") else text,
        roles=roles,
        serve=serve,
        act=act,
        body=body,
        result=Done,
        status=201 if creates else 200,
        keyed=True,
        statuses=(409, 412, 415, 422),
    )


def from_path(stream_id: str) -> Any:
    """The stream that an id in the path names."""

    def stream(ids: Mapping[str, UUID], _command: object) -> UUID:
        return ids[stream_id]

    return stream


async def carry_out(act: Act, body: type[msgspec.Struct], asked: Asked) -> tuple[Receipt, Any]:
    """Carry out the command in the body; what came of it, and the command.

    Raises:
        Said: the request is not one; nothing was stored.
        Refused, Overtaken, StaleVersion, IdempotencyConflict, Unavailable: as the store says.
    """
    key = idempotency(asked)
    expected = expected_version(asked.headers.get("if-match"))
    command = command_of(act, body, asked)
    if act.guard is not None:
        await guarded(act.guard, asked)
    store = await asked.store()
    stream_id = act.stream(asked.ids, command)
    execute = partial(
        store.execute,
        _decider(act, asked),
        stream_id,
        command,
        asked.stamp,
        expected_version=expected,
        idempotency=key,
    )
    if not trace.get_current_span().is_recording():
        receipt = await execute()
    else:
        with TRACER.start_as_current_span(f"command {act.command.__name__}") as span:
            span.set_attribute("merit.tenant_id", str(asked.caller.tenant_id))
            span.set_attribute("merit.stream_id", str(stream_id))
            receipt = await execute()
            span.set_attribute("merit.position", receipt.position)
    return receipt, command


def _decider(act: Act, asked: Asked) -> Decider[Any]:
    if asked.acting is None:
        return act.decider
    return in_the_name_of(act.decider, asked.acting.delegation_id, asked.acting.kind)


async def guarded(guard: Guard, asked: Asked) -> None:
    """Ask the guard; what it refuses is refused on what the primary knows.

    Raises:
        Said: as the guard says.
        Unavailable: it refuses, and a standby answered, which may lack what was just written.
    """
    try:
        await guard(asked)
    except Said as refused:
        if read_from_standby():
            raise Unavailable("the database cannot be written now; nothing was carried out") from (
                refused
            )
        raise


def command_of(act: Act, body: type[msgspec.Struct], asked: Asked) -> msgspec.Struct:
    """The command: its fields from the body, and ids from the path where it has such fields."""
    given = decode(asked.body, body)
    if body is act.command:
        return given
    fields = {name: getattr(given, name) for name in given.__struct_fields__}
    wanted = {
        name: value for name, value in asked.ids.items() if name in act.command.__struct_fields__
    }
    return act.command(**fields, **wanted)


def told(receipt: Receipt, *, creates: str | None) -> Response[bytes]:
    """The answer to a command; the same again when its key is repeated."""
    headers = {"ETag": entity_tag(receipt.version), "Merit-Position": str(receipt.position)}
    if creates:
        headers["Location"] = BASE + creates.replace("{id}", str(receipt.stream_id))
    if receipt.replayed:
        headers["Idempotent-Replayed"] = "true"
    done = Done(id=receipt.stream_id, version=receipt.version, position=receipt.position)
    return Response(
        msgspec.json.encode(done),
        status_code=201 if creates else 200,
        headers=headers,
        media_type="application/json",
    )


def idempotency(asked: Asked) -> Idempotency:
    """The request's key, bound to its method, path and body.

    Raises:
        Said: `idempotency-key-missing` or `idempotency-key-invalid`.
    """
    key = asked.headers.get("idempotency-key")
    if key is None:
        raise Said("idempotency-key-missing", "send a new Idempotency-Key with every new command")
    if not _KEY.fullmatch(key):
        raise Said("idempotency-key-invalid", f"1 to {KEY_LENGTH_MAX} visible ASCII characters")
    digest = hashlib.sha256(f"{asked.method} {asked.path}\n".encode())
    digest.update(asked.body)
    return Idempotency(key=key, fingerprint=digest.digest())


def decode(raw: bytes, body: type[B]) -> B:
    """A body of this type; an empty one counts as {}.

    Raises:
        Said: `malformed-json` or `invalid-body`, with a pointer to each thing that is wrong.
    """
    try:
        given: B = msgspec.json.decode(raw or b"{}", type=body)
    except msgspec.ValidationError as error:
        raise _invalid(_errors(raw, body) or [_error(str(error))]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Said("malformed-json", str(error)) from error
    if wrong := [FieldError(pointer=at, detail=why) for at, why in _unstorable(given, "")]:
        raise _invalid(wrong)
    return given


def _invalid(errors: list[FieldError]) -> Said:
    detail = "; ".join(f"{error.pointer or '/'}: {error.detail}" for error in errors[:3])
    return Said("invalid-body", detail, errors=errors)


def _error(text: str, prefix: str = "") -> FieldError:
    at = _AT.search(text)
    pointer = prefix + "".join(
        f"/{name or index}" for name, index in _STEP.findall(at[1] if at else "")
    )
    why = _AT.sub("", text)
    field = re.search(r"(?:unknown|required) field `(.*)`", why)
    return FieldError(pointer=f"{pointer}/{field[1]}" if field else pointer, detail=why)


def _errors(raw: bytes, body: type[msgspec.Struct]) -> list[FieldError]:
    # The decoder stops at the first error; a client mends all of them at once if told of all.
    try:
        given = msgspec.json.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    if not isinstance(given, dict):
        return []
    fields = {field.encode_name: field for field in msgspec.structs.fields(body)}
    wrong = [
        FieldError(pointer=f"/{name}", detail=f"Object contains unknown field `{name}`")
        for name in given.keys() - fields.keys()
    ]
    for name, field in fields.items():
        if name not in given:
            if field.required:
                why = f"Object missing required field `{name}`"
                wrong.append(FieldError(pointer=f"/{name}", detail=why))
            continue
        try:
            msgspec.json.decode(msgspec.json.encode(given[name]), type=field.type)
        except msgspec.ValidationError as error:
            wrong.append(_error(str(error), f"/{name}"))
    return sorted(wrong, key=lambda error: error.pointer)


def _unstorable(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Values that JSON can say and a database or exact arithmetic cannot take."""
    match value:
        case None | bool() | UUID():
            return
        case str():
            if "\x00" in value:
                yield at, "text has a NUL character"
        case int():
            if abs(value) > _INTEGER_MAX:
                yield at, "integer of more than 64 bits"
        case Decimal():
            if not value.is_finite():
                yield at, "not a finite number"
            elif value and (
                abs(value.adjusted()) > _EXPONENT_MAX
                or len(value.as_tuple().digits) > _EXPONENT_MAX
            ):
                yield at, f"more than {_EXPONENT_MAX} digits"
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _unstorable(getattr(value, name), f"{at}/{name}")
        case tuple() | list():
            for index, item in enumerate(value):
                yield from _unstorable(item, f"{at}/{index}")
        case dict():
            for name, item in value.items():
                yield from _unstorable(name, at)
                yield from _unstorable(item, f"{at}/{name}")
