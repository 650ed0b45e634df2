"""What must hold after a fault: asked of the database, of the API's answers, and of the proofs."""

import shutil
from collections import Counter
from pathlib import Path
from uuid import UUID

import msgspec

from api.services import Services
from domain.catalogue import EVENTS
from ops.bundles import export, verify
from ops.failover.cluster import Cluster
from ops.failover.load import Ack
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import Projection
from projections.rebuild import rebuild

VIEWS_OF_A_SHORT_DRILL = frozenset({"directory", "pay_ledger", "audit_trail"})

EVENTS_OF = """
SELECT position, stream_id, version, topic FROM merit.events
WHERE tenant_id = '{tenant_id}' ORDER BY position
"""
BALANCED = """
SELECT count(*) FROM (
    SELECT currency FROM {entries} WHERE tenant_id = '{tenant_id}' AND build = {build}
    GROUP BY currency HAVING sum(amount_minor) <> 0
) AS unbalanced
"""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What became of what was acknowledged."""

    acknowledged: int
    lost: int
    duplicated: int
    gapless: bool


class Stored(msgspec.Struct, frozen=True):
    """One event's place in the log."""

    position: int
    stream_id: UUID
    version: int
    topic: str


def stored(cluster: Cluster, node: str, tenant_id: UUID) -> list[Stored]:
    """A tenant's log as a node's superuser sees it."""
    found = []
    for line in cluster.sql(node, EVENTS_OF.format(tenant_id=tenant_id)).splitlines():
        position, stream_id, version, topic = line.split("|")
        found.append(Stored(int(position), UUID(stream_id), int(version), topic))
    return found


def account(acks: list[Ack], log: list[Stored], withdrawn_before: int, topic: str) -> Account:
    """Compare what one tenant was told with what its log holds.

    Args:
        acks: of this tenant, of this round.
        log: all of it.
        withdrawn_before: withdrawals of earlier rounds.
        topic: of withdrawals; every other kind has a stream of its own.
    """
    places = {(each.position, each.stream_id, each.version) for each in log}
    told = [(ack.position, ack.stream_id, ack.version) for ack in acks]
    lost = sum(place not in places for place in told)
    withdrawn = sum(each.topic == topic for each in log) - withdrawn_before
    asked = sum(ack.kind == "withdraw" for ack in acks)
    twice = sum(count - 1 for count in Counter(told).values())
    return Account(
        acknowledged=len(acks),
        lost=lost,
        # A withdrawal that was carried out twice leaves one event more than were asked for.
        duplicated=max(0, withdrawn - asked) + twice,
        gapless=[each.position for each in log] == list(range(1, len(log) + 1)),
    )


async def views_equal(services: Services, tenant_id: UUID, *, every: bool) -> bool:
    """Whether views built anew from the log say what the live ones say."""
    logs = TenantLogs(services.database, services.keyring, EVENTS)
    chosen: list[Projection] = [
        each for each in PROJECTIONS if every or each.name in VIEWS_OF_A_SHORT_DRILL
    ]
    equal = True
    for projection in chosen:
        report = await rebuild(services.database, logs, projection, tenant_id)
        equal = equal and report.equal
    return equal


async def proofs_hold(services: Services, tenant_id: UUID, folder: Path) -> bool:
    """Whether the exported history verifies offline, with every number in it."""
    shutil.rmtree(folder, ignore_errors=True)
    await export(services, tenant_id, folder, content=True)
    found = verify(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return found.ok
