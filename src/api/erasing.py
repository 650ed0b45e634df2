"""Erasing what is personal about somebody: asked for, approved by another, certified."""

from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.asked import Asked
from api.commands import carry_out, post
from api.queries import Parameters, found
from api.routes import Act, Route, get, writers
from api.wire import One
from domain import ids
from domain.access import AccessKeyIssued
from domain.appraisal import AppraisalCreated
from domain.directory import DirectoryUserLinked
from domain.erasure import (
    ERASURE,
    RETENTION_POLICY,
    ApproveErasure,
    Basis,
    DeclineErasure,
    RequestErasure,
    SetRetention,
)
from domain.facts import ActualCorrected, ActualRecorded
from domain.organisation import PERSON, EmployeeHired, EmployeeRehired
from domain.payout import PayoutCalculated
from domain.reward import InstantRewardNominated
from tenancy.erasures import Certificate, ErasureList
from tenancy.registry import Registry
from tenancy.store import Histories, Store

ASKERS = writers(auth.HR, auth.ADMIN)
APPROVERS = writers(auth.EXECUTIVE, auth.ADMIN)
READERS = frozenset({auth.HR, auth.EXECUTIVE, auth.AUDITOR, auth.ADMIN})


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """删除申请"""

    person_id: UUID
    state: Literal["none", "requested", "declined", "erased"]
    basis: Basis | None = None
    reference: str | None = None
    requested_by: UUID | None = None
    certificate: Certificate | None = None
    """Once it was carried out."""
    version: int


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """It is done and cannot be undone."""

    id: UUID
    version: int
    position: int
    certificate: Certificate


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """保存期限"""

    months_after_employment: int
    version: int


ABOUT_SOMEBODY = (
    AccessKeyIssued.TOPIC,
    DirectoryUserLinked.TOPIC,
    EmployeeHired.TOPIC,
    EmployeeRehired.TOPIC,
    AppraisalCreated.TOPIC,
    ActualRecorded.TOPIC,
    ActualCorrected.TOPIC,
    PayoutCalculated.TOPIC,
    InstantRewardNominated.TOPIC,
)


async def subjects_of(store: Store, person_id: UUID) -> list[UUID]:
    """Whose keys hold what is personal about somebody: a function of the log alone.

    The person's own; and those of employments, appraisals, facts, payouts and rewards, whose events
    name no person, so that their texts are sealed under the stream's own key. What is written about
    a team goes with the first of them.
    """
    found, employments = {person_id}, set()
    for each in await store.log(topics=ABOUT_SOMEBODY):
        match each.event:
            case EmployeeHired() | EmployeeRehired() as event if event.person_id == person_id:
                employments.add(each.stream_id)
                found |= {each.stream_id, ids.clawback_id(each.stream_id)}
            case (
                AppraisalCreated()
                | PayoutCalculated()
                | AccessKeyIssued()
                | DirectoryUserLinked() as event
            ) if event.person_id == person_id:
                found.add(each.stream_id)
            case ActualRecorded() | ActualCorrected() as event:
                if event.employment_id in employments:
                    found.add(each.stream_id)
            case InstantRewardNominated() as event:
                if any(share.person_id == person_id for share in event.shares):
                    found.add(each.stream_id)
            case _:
                pass
    return sorted(found)


async def carried_out(
    histories: Histories,
    erasures: ErasureList,
    registry: Registry,
    tenant_id: UUID,
    person_id: UUID,
) -> Certificate:
    """Destroy the keys of somebody whose erasure was decided; a second time it only certifies.

    Raises:
        ErasureListMissing: no order can be kept for restored copies.
    """
    store = await histories.of(tenant_id)
    certificate = await erasures.erase_subjects(tenant_id, await subjects_of(store, person_id))
    await registry.close_keys_of(tenant_id, person_id)
    histories.forget(tenant_id)
    return certificate


async def _approve(asked: Asked) -> Response[Any]:
    asked.services.erasures.require()
    receipt, _ = await carry_out(APPROVE_ACT, ApproveErasure, asked)
    # Decided first: died in between, a worker finds it in the log and carries it out.
    person_id, tenant_id = asked.ids["person_id"], asked.caller.tenant_id
    services = asked.services
    certificate = await carried_out(
        services.histories, services.erasures, services.registry, tenant_id, person_id
    )
    done = Erased(
        id=receipt.stream_id,
        version=receipt.version,
        position=receipt.position,
        certificate=certificate,
    )
    return Response(
        msgspec.json.encode(done),
        status_code=200,
        headers={"Merit-Position": str(receipt.position)},
        media_type="application/json",
    )


async def _erasure(asked: Asked, _: Parameters) -> One:
    """The request to erase a person, and the certificate once that is done."""
    person_id, store = asked.one_id(), await asked.store()
    erasure, version = await store.load(ERASURE, ids.erasure_id(person_id))
    if erasure is None:
        found((await store.load(PERSON, person_id))[0])
        return One(value=Erasure(person_id=person_id, state="none", version=0), version=0)
    return One(
        value=Erasure(
            person_id=person_id,
            state=erasure.state,
            basis=erasure.basis,
            reference=erasure.reference,
            requested_by=erasure.requested_by,
            certificate=await asked.services.erasures.certified(asked.caller.tenant_id, person_id),
            version=version,
        ),
        version=version,
    )


async def _retention(asked: Asked, _: Parameters) -> One:
    """For how long what is personal is kept."""
    policy, version = await (await asked.store()).load(RETENTION_POLICY, ids.RETENTION_POLICY_ID)
    value = Retention(months_after_employment=policy.months_after_employment, version=version)
    return One(value=value, version=version)


def _of_person(given: Any, _: object) -> UUID:
    return ids.erasure_id(given["person_id"])


APPROVE_ACT = Act(command=ApproveErasure, decider=ERASURE, stream=_of_person)

ROUTES: tuple[Route, ...] = (
    post(
        "/people/{person_id}/erasure",
        RequestErasure,
        ERASURE,
        roles=ASKERS,
        stream=_of_person,
    ),
    post(
        "/people/{person_id}/erasure/decline",
        DeclineErasure,
        ERASURE,
        roles=APPROVERS,
        stream=_of_person,
    ),
    msgspec.structs.replace(
        post(
            "/people/{person_id}/erasure/approve",
            ApproveErasure,
            ERASURE,
            roles=APPROVERS,
            stream=_of_person,
        ),
        act=None,
        serve=_approve,
        result=Erased,
    ),
    get("/people/{person_id}/erasure", _erasure, roles=READERS, result=Erasure),
    post(
        "/retention",
        SetRetention,
        RETENTION_POLICY,
        roles=writers(auth.ADMIN),
        stream=lambda *_: ids.RETENTION_POLICY_ID,
    ),
    get("/retention", _retention, roles=READERS, result=Retention),
)
