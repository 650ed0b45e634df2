"""Requests of a directory below /scim/v2: who may, what is meant, and its own way to say no."""

import json
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import structlog
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.types import Method
from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    InvalidSyntaxException,
    ListResponse,
    Meta,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    PreconditionFailedException,
    ResourceType,
    Schema,
    SCIMException,
    ServiceProviderConfig,
)

from api.problems import MEANINGS, Said, problem
from api.refusing import said_of
from api.scim.call import BASE, Call, id_of
from api.scim.groups import Groups
from api.scim.lists import listed, parameters_of, search_of
from api.scim.models import CONFIG, PASSED_OVER, POLICY, PROVIDER
from api.scim.users import Users
from api.services import Services
from api.stamp import arrival, stamp
from api.wire import expected_version, matches
from tenancy.errors import StaleVersion

MEDIA_TYPE: Final = "application/scim+json"
TAKEN: Final = frozenset({MEDIA_TYPE, "application/json", ""})
METHODS: Final[tuple[Method, ...]] = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ATTEMPTS_MAX: Final = 5
"""Of a request without If-Match, where others change the same thing."""
NOT_FOUND: Final = 404

LOG = structlog.get_logger("api.scim")

KINDS: Final[dict[str, type[Users] | type[Groups]]] = {"Users": Users, "Groups": Groups}
DISCOVERY: Final = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas"})


async def serve(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Answer a request of a directory."""
    parts = [unquote(part) for part in request.scope["path"].removeprefix(BASE).split("/") if part]
    state: dict[str, Any] = request.scope["state"]
    state["template"] = f"{BASE}/{_template(parts)}"
    try:
        return await _answer(await _called(request, state), parts)
    except Exception as error:  # noqa: BLE001  every no is said as a directory reads it
        return _refused(request, error)


def handlers() -> list[HTTPRouteHandler]:
    """Everything below /scim/v2."""
    return [
        HTTPRouteHandler([BASE, f"{BASE}/{{rest:path}}"], http_method=METHODS, status_code=200)(
            serve
        )
    ]


def _template(parts: list[str]) -> str:
    if not parts or parts[0] not in {*KINDS, *DISCOVERY}:
        return "-"
    return parts[0] if len(parts) == 1 else f"{parts[0]}/{{id}}"


async def _called(request: Request[Any, Any, Any], state: dict[str, Any]) -> Call:
    services: Services = request.app.state.services
    now = arrival()
    # By an access key alone: a browser's session is no directory.
    caller = await services.door.enter(request.headers.get("authorization"), now)
    state["caller"] = caller
    state["limits"] = await services.limits.admit(caller)
    public = services.settings.public_url.rstrip("/")
    given, _ = request.content_type
    body = await request.body()
    if body and given not in TAKEN:
        raise Said("unsupported-media-type", f"send {MEDIA_TYPE}")
    return Call(
        services=services,
        caller=caller,
        stamp=stamp(now, caller.actor, state["request_id"]),
        method=request.method,
        template=state["template"],
        address=public or str(request.base_url).rstrip("/"),
        headers={name.lower(): value for name, value in request.headers.items()},
        query=dict(request.query_params.items()),
        body=body,
    )


async def _answer(call: Call, parts: list[str]) -> Response[bytes]:
    match parts:
        case [word] | [word, _] if word in DISCOVERY:
            call.permit(writes=False)
            _only(call, "GET")
            return _discovered(call, parts)
        case [word] if word in KINDS:
            return await _collection(call, KINDS[word](call))
        case [word, ".search"] if word in KINDS:
            call.permit(writes=False)
            _only(call, "POST")
            resources = KINDS[word](call)
            return _sent(await listed(resources, search_of(_json(call), resources.model)))
        case [word, text] if word in KINDS:
            return await _one(call, KINDS[word](call), text)
        case [".search"]:
            call.permit(writes=False)
            raise NotImplementedException(detail="search /Users or /Groups")
        case _:
            raise NotFoundException(detail="there is nothing here")


def _only(call: Call, *methods: str) -> None:
    if call.method not in methods:
        allowed = ", ".join(methods)
        raise Said("method-not-allowed", f"allowed: {allowed}", headers={"Allow": allowed})


# -- what there is


def _discovered(call: Call, parts: list[str]) -> Response[bytes]:
    word, wanted = parts[0], parts[1] if len(parts) > 1 else None
    if word == "ServiceProviderConfig":
        if wanted is not None:
            raise NotFoundException(detail="there is nothing here")
        return _sent(_described(call, CONFIG, word, None))
    found: list[Any] = list(PROVIDER.schemas if word == "Schemas" else PROVIDER.resource_types)
    if wanted is not None:
        (one,) = [each for each in found if each.id == wanted] or [None]
        if one is None:
            raise NotFoundException(detail="there is nothing of this name")
        return _sent(_described(call, one, word, wanted))
    if "filter" in call.query:
        raise Said("not-allowed", "what there is cannot be filtered")
    model = Schema if word == "Schemas" else ResourceType
    told: dict[str, Any] = ListResponse[model](  # type: ignore[valid-type]  # one of two models
        total_results=len(found), start_index=1, items_per_page=len(found), resources=found
    ).model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    told["Resources"] = [_described(call, each, word, str(each.id)) for each in found]
    return _sent(told)


def _described(
    call: Call, resource: Schema | ResourceType | ServiceProviderConfig, word: str, name: str | None
) -> dict[str, Any]:
    kind = type(resource).__name__
    place = f"{call.address}{BASE}/{word}" + ("" if name is None else f"/{name}")
    shown = resource.model_copy(update={"meta": Meta(resource_type=kind, location=place)})
    told: dict[str, Any] = shown.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return told


# -- users and groups


async def _collection(call: Call, resources: Users | Groups) -> Response[bytes]:
    _only(call, "GET", "POST")
    model: Any = resources.model
    if call.method == "GET":
        call.permit(writes=False)
        return _sent(await listed(resources, parameters_of(call.query, model)))
    call.permit(writes=True)
    body = _resource(_json(call))
    if isinstance(resources, Users):
        body = _saying(body, active=True)
    given = model.model_validate(
        body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
    )
    resource_id = await resources.create(given)
    made, version = await resources.one(resource_id)
    return _told(call, made, version, Context.RESOURCE_CREATION_RESPONSE, status=201)


async def _one(call: Call, resources: Users | Groups, text: str) -> Response[bytes]:
    _only(call, "GET", "PUT", "PATCH", "DELETE")
    resource_id = id_of(text)
    if call.method == "GET":
        call.permit(writes=False)
        shown, version = await resources.one(resource_id)
        if matches(call.headers.get("if-none-match"), version):
            return Response(b"", status_code=304, headers={"ETag": f'"{version}"'})
        return _told(call, shown, version, Context.RESOURCE_QUERY_RESPONSE)
    expected = expected_version(call.headers.get("if-match"))
    if call.method == "DELETE":
        call.permit(writes=True, takes_away=True)
        _, version = await resources.one(resource_id)
        await resources.remove(resource_id, version if expected is None else expected)
        return Response(b"", status_code=204)
    for attempt in range(ATTEMPTS_MAX):
        try:
            return await _changed(call, resources, resource_id, expected)
        except StaleVersion:
            if expected is not None:
                raise PreconditionFailedException(detail="it has changed since") from None
            if attempt == ATTEMPTS_MAX - 1:
                raise
    raise AssertionError("the last attempt answers or raises")


async def _changed(
    call: Call, resources: Users | Groups, resource_id: Any, expected: int | None
) -> Response[bytes]:
    # A first look for whoever may look alone; what is told is told to whoever may write.
    call.permit(writes=True, takes_away=True)
    model: Any = resources.model
    there: Any
    there, version = await resources.one(resource_id)
    if expected is not None and expected != version:
        raise PreconditionFailedException(detail="it has changed since")
    if call.method == "PUT":
        body = _resource(_json(call))
        if isinstance(resources, Users):
            # A PUT that says nothing about it lets nobody in again.
            body = _saying(body, active=there.active)
        wanted = model.model_validate(
            body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY
        )
        wanted.replace(there)
        context = Context.RESOURCE_REPLACEMENT_RESPONSE
    else:
        wanted = there
        patch = PatchOp[model].model_validate(
            _operations(_json(call)), scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
        )
        patch.patch(wanted, scim_policy=POLICY)
        context = Context.RESOURCE_PATCH_RESPONSE
    ends = isinstance(resources, Users) and wanted.active is False
    call.permit(writes=True, takes_away=ends)
    await resources.change(resource_id, wanted, version)
    shown, version = await resources.one(resource_id)
    return _told(call, shown, version, context)


# -- bodies


def _json(call: Call) -> dict[str, Any]:
    try:
        # A body of a directory has no numbers that anybody calculates with.
        given = json.loads(call.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidSyntaxException(detail="the body is not JSON") from error
    if not isinstance(given, dict):
        raise InvalidSyntaxException(detail="the body is an object")
    return given


def _resource(given: dict[str, Any]) -> dict[str, Any]:
    """Without what is ours to say; Entra writes true and false as words."""
    kept = {name: value for name, value in given.items() if name.lower() not in PASSED_OVER}
    return {name: _truth(name, value) for name, value in kept.items()}


def _saying(given: dict[str, Any], *, active: bool) -> dict[str, Any]:
    """With whether the user is active, where the body does not say it."""
    said = any(name.lower() == "active" and value is not None for name, value in given.items())
    return given if said else {**given, "active": active}


def _truth(name: str, value: Any) -> Any:
    if name.rpartition(":")[2].lower() == "active" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def _named(item: Any) -> Any:
    """An entry without what it does not say: Entra writes null for it."""
    if not isinstance(item, dict):
        return item
    return {name: value for name, value in item.items() if value is not None}


def _operations(given: dict[str, Any]) -> dict[str, Any]:
    """Operations with the truth as JSON says it, and without what is ours to say."""
    told = []
    for each in given.get("Operations") or given.get("operations") or []:
        if not isinstance(each, dict):
            raise InvalidSyntaxException(detail="an operation is an object")
        path, value = each.get("path"), each.get("value")
        if path and str(path).lower() in PASSED_OVER - {"groups", "meta", "id"}:
            continue
        if isinstance(value, dict) and not path:
            value = _resource(value)
        elif isinstance(path, str):
            value = [_named(item) for item in value] if isinstance(value, list) else value
            value = _truth(path, value)
        told.append({**each, "value": value} if "value" in each else each)
    kept = {name: each for name, each in given.items() if name.lower() == "schemas"}
    return {**kept, "Operations": told}


# -- answers


def _sent(told: dict[str, Any], status: int = 200) -> Response[bytes]:
    return Response(msgspec.json.encode(told), status_code=status, media_type=MEDIA_TYPE)


def _told(
    call: Call, resource: Any, version: int, context: Context, status: int = 200
) -> Response[bytes]:
    asked = parameters_of(
        {name: call.query[name] for name in call.query if name.lower().endswith("attributes")},
        type(resource),
    )
    answer = _sent(resource.model_dump(scim_ctx=context, response_parameters=asked), status)
    answer.headers["ETag"] = f'"{version}"'
    answer.headers["Location"] = resource.meta.location
    return answer


SCIM_TYPES: Final = {
    "bad-directory-text": "invalidValue",
    "bad-name": "invalidValue",
    "too-many-members": "tooMany",
    "invalid-header": "invalidVers",
}
_STATUS_OF_VALUES: Final = 400


def _refused(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    headers: dict[str, str] = {}
    if isinstance(error, ValidationError):
        told = Error.from_validation_errors(error)[0]
    elif isinstance(error, SCIMException):
        told = error.to_error()
    else:
        said = said_of(error)
        request.scope["state"]["problem"] = said.code
        meaning = MEANINGS[said.code]
        says = problem(
            said,
            path=request.scope["path"],
            request_id=str(request.scope["state"]["request_id"]),
            accept_language=request.headers.get("accept-language", ""),
        )
        scim_type = SCIM_TYPES.get(said.code)
        status = _STATUS_OF_VALUES if scim_type == "invalidValue" else meaning.status
        told = Error(
            status=status, scim_type=scim_type, detail=f"{says.title} {says.detail} ({said.code})"
        )
        headers = dict(said.headers)
    body = told.model_dump(scim_ctx=Context.DEFAULT)
    answer = _sent(body, int(told.status or _STATUS_OF_VALUES))
    answer.headers.update(headers)
    return answer
