"""Schemes: drafted, checked up, simulated, approved by another, published, compared, retired."""

from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, Parameters, PlainListing, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.indicator_library import (
    INDICATOR_DEFINITION,
    DefineIndicator,
    IndicatorNature,
    RetireIndicator,
)
from domain.lint import Finding, LintLimits, lint
from domain.scheme import (
    ApproveScheme,
    CloneScheme,
    DraftFromTemplate,
    DraftScheme,
    LintScheme,
    PublishScheme,
    RetireScheme,
    Scheme,
    SimulateScheme,
)
from domain.scheme_decisions import SCHEME
from domain.scheme_diff import Change, diff
from domain.scheme_policy import SCHEME_POLICY, SetLintLimits
from domain.templates import TEMPLATES, Template
from projections import schemes
from projections.questions import Page

VIEWS = (schemes.NAME,)
WRITERS = writers(auth.HR, auth.ADMIN)
APPROVERS = writers(auth.HR, auth.ADMIN, auth.EXECUTIVE)


class OfVersion(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    """Of the scheme."""


class Compared(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    before: int
    after: int
    with_scheme: UUID | None = None
    """The scheme that `after` is a version of, where it is another one."""


class Indicators(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    nature: IndicatorNature | None = None


class LintReport(msgspec.Struct, frozen=True, kw_only=True):
    """A check-up by the limits that are in force now."""

    scheme_id: UUID
    version: int
    findings: tuple[Finding, ...]
    limits: LintLimits


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions."""

    before: int
    after: int
    changes: tuple[Change, ...]


async def _schemes(asked: Asked, given: Listing) -> Page[schemes.Scheme]:
    """Schemes by code, with all their versions."""
    async with asked.view() as view:
        return await schemes.schemes(view, limit=given.limit, cursor=given.cursor)


async def _scheme(asked: Asked, _: Parameters) -> One:
    """A scheme with all its versions and the standing of each."""
    async with asked.view() as view:
        scheme = found(await schemes.scheme(view, asked.one_id()))
    return One(value=scheme, version=scheme.version)


async def _loaded(asked: Asked, scheme_id: UUID) -> Scheme:
    store = await asked.store()
    state, _ = await store.load(SCHEME, scheme_id)
    scheme: Scheme = found(state)
    return scheme


async def _lint(asked: Asked, given: OfVersion) -> One:
    """The check-up of a version, by the limits that are in force now."""
    scheme_id = asked.one_id()
    content = (await _loaded(asked, scheme_id)).version(given.version).content
    store = await asked.store()
    policy, _ = await store.load(SCHEME_POLICY, ids.SCHEME_POLICY_ID)
    return One(
        value=LintReport(
            scheme_id=scheme_id,
            version=given.version,
            findings=lint(content, policy.limits).findings,
            limits=policy.limits,
        )
    )


async def _diff(asked: Asked, given: Compared) -> One:
    """What differs between two versions of a scheme, or of two schemes."""
    scheme_id = asked.one_id()
    before = (await _loaded(asked, scheme_id)).version(given.before)
    after = (await _loaded(asked, given.with_scheme or scheme_id)).version(given.after)
    changes = diff(before.content, after.content)
    return One(value=Difference(before=given.before, after=given.after, changes=changes))


async def _simulations(asked: Asked, _: Parameters) -> One:
    """The newest simulations of a scheme, newest first, with every line."""
    async with asked.view() as view:
        told = found(await schemes.simulations(view, asked.one_id()))
    return One(value=told, version=told.version)


async def _templates(_: Asked, given: PlainListing) -> Page[Template]:
    """Schemes to begin from, for marketing and for functional departments."""
    every = tuple(TEMPLATES.values())
    return Page(items=every[: given.limit], next=None)


async def _policy(asked: Asked, _: Parameters) -> One:
    """The limits by which schemes are checked up."""
    store = await asked.store()
    policy, version = await store.load(SCHEME_POLICY, ids.SCHEME_POLICY_ID)
    return One(value=policy.limits, version=version)


async def _indicators(asked: Asked, given: Indicators) -> Page[schemes.IndicatorDefinition]:
    """The indicator library by code."""
    async with asked.view() as view:
        return await schemes.indicators(
            view, nature=given.nature, limit=given.limit, cursor=given.cursor
        )


async def _indicator(asked: Asked, _: Parameters) -> One:
    """A definition of the library with all its versions."""
    async with asked.view() as view:
        definition = found(await schemes.indicator(view, asked.one_id()))
    return One(value=definition, version=definition.version)


_SCHEME = "/schemes/{scheme_id}"

ROUTES: tuple[Route, ...] = (
    *(
        post(
            path,
            command,
            SCHEME,
            roles=WRITERS,
            stream=lambda _, command: ids.scheme_id(command.code),
            creates="/schemes/{id}",
        )
        for path, command in (
            ("/schemes", DraftScheme),
            ("/schemes/clone", CloneScheme),
            ("/schemes/from-template", DraftFromTemplate),
        )
    ),
    *(
        post(f"{_SCHEME}/{name}", command, SCHEME, roles=roles, stream=from_path("scheme_id"))
        for name, command, roles in (
            ("lint", LintScheme, WRITERS),
            ("simulate", SimulateScheme, WRITERS),
            ("approve", ApproveScheme, APPROVERS),
            ("publish", PublishScheme, WRITERS),
            ("retire", RetireScheme, WRITERS),
        )
    ),
    get(
        "/schemes",
        _schemes,
        roles=auth.EVERYONE,
        result=schemes.Scheme,
        projections=VIEWS,
        parameters=Listing,
    ),
    get(_SCHEME, _scheme, roles=auth.EVERYONE, result=schemes.Scheme, projections=VIEWS),
    get(
        f"{_SCHEME}/lint",
        _lint,
        roles=auth.EVERYONE,
        result=LintReport,
        parameters=OfVersion,
    ),
    get(
        f"{_SCHEME}/diff",
        _diff,
        roles=auth.EVERYONE,
        result=Difference,
        parameters=Compared,
    ),
    get(
        f"{_SCHEME}/simulations",
        _simulations,
        # Its lines name people's pay.
        roles=auth.WHOLE_COMPANY,
        result=schemes.Simulations,
        projections=VIEWS,
    ),
    get(
        "/scheme-templates",
        _templates,
        roles=auth.EVERYONE,
        result=Template,
        parameters=PlainListing,
    ),
    get("/scheme-policy", _policy, roles=auth.EVERYONE, result=LintLimits),
    post(
        "/scheme-policy",
        SetLintLimits,
        SCHEME_POLICY,
        roles=APPROVERS,
        stream=lambda _ids, _command: ids.SCHEME_POLICY_ID,
    ),
    post(
        "/indicators",
        DefineIndicator,
        INDICATOR_DEFINITION,
        roles=WRITERS,
        stream=lambda _, command: ids.indicator_definition_id(command.code),
        creates="/indicators/{id}",
    ),
    get(
        "/indicators",
        _indicators,
        roles=auth.EVERYONE,
        result=schemes.IndicatorDefinition,
        projections=VIEWS,
        parameters=Indicators,
    ),
    get(
        "/indicators/{definition_id}",
        _indicator,
        roles=auth.EVERYONE,
        result=schemes.IndicatorDefinition,
        projections=VIEWS,
    ),
    post(
        "/indicators/{definition_id}/retire",
        RetireIndicator,
        INDICATOR_DEFINITION,
        roles=WRITERS,
        stream=from_path("definition_id"),
    ),
)
