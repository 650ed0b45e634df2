"""Who calls, and what their roles open: keys looked up, cached briefly, denied by default."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from api.problems import Said
from tenancy.registry import Credential

EMPLOYEE: Final = "employee"
MANAGER: Final = "manager"
HR: Final = "hr"
FINANCE: Final = "finance"
EXECUTIVE: Final = "executive"
AUDITOR: Final = "auditor"
INTEGRATION: Final = "integration"
ADMIN: Final = "admin"
ONBOARDING: Final = "onboarding"
"""The vendor's migration engineer, as long as the tenant has granted it."""

ROLES: Final = frozenset(
    {EMPLOYEE, MANAGER, HR, FINANCE, EXECUTIVE, AUDITOR, INTEGRATION, ADMIN, ONBOARDING}
)

WHOLE_COMPANY: Final = frozenset({HR, FINANCE, EXECUTIVE, AUDITOR, ADMIN})
"""Who sees everyone's people, appraisals and pay; employees and managers see theirs."""

EVERYONE: Final = ROLES - {ONBOARDING}
"""Everyone of the tenant; the vendor's engineer sees what an import needs, and no more."""

CACHED_FOR = timedelta(seconds=3)
"""A revoked key is refused after this long at the latest; the promise is 5 s."""

CACHED_MAX = 10_000
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="meritledger"'}


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is behind a request. The tenant comes from the key or session, from nowhere else."""

    tenant_id: UUID
    key_id: UUID
    roles: frozenset[str]
    person_id: UUID | None = None
    expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    """Less than its roles open; none is all of it."""
    session_id: UUID | None = None
    """Of a browser; None for who calls with an access key."""
    read_only: bool = False
    """Whether the company has suspended itself."""
    delegate: UUID | None = None
    """Who acts in the name of `person_id`; None where everybody acts for themselves."""

    @property
    def actor(self) -> UUID:
        """The person behind the key, else the key."""
        return self.person_id or self.key_id

    @property
    def reader(self) -> UUID:
        """Who reads the answer: of what is done in another's name, whoever does it."""
        return self.delegate or self.actor

    def has(self, roles: frozenset[str]) -> bool:
        """True when one of the caller's roles is among `roles`."""
        return not self.roles.isdisjoint(roles)

    def reaches(self, scope: str) -> bool:
        """True when the scopes of the key, if it has any, reach so far as this one."""
        return not self.scopes or not self.scopes.isdisjoint({scope, scope.partition(":")[2]})

    @property
    def sees_everyone(self) -> bool:
        return self.has(WHOLE_COMPANY)


Find = Callable[[str], Awaitable[Credential | None]]
Closed = Callable[[str], Awaitable[str | None]]


class Door:
    """Lets callers in by their access key, remembering each for `CACHED_FOR`.

    Args:
        find: what a secret stands for; None for what was never a key.
        closed: the status of the tenant of a secret that was not found; None where it is nobody's.
    """

    def __init__(self, find: Find, closed: Closed) -> None:
        self._find = find
        self._closed = closed
        # By digest, so that no secret stays in memory for longer than its request.
        self._known: dict[bytes, tuple[datetime, Caller]] = {}
        self._used: dict[tuple[UUID, UUID], datetime] = {}

    async def enter(self, authorization: str | None, now: datetime) -> Caller:
        """The caller with this Authorization header.

        Raises:
            Said: `unauthenticated`, `tenant-suspended` or `tenant-erased`.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Said("unauthenticated", "send Authorization: Bearer <key>", headers=_CHALLENGE)
        caller = await self._caller(secret, now)
        if caller is not None and (caller.expires_at is None or now < caller.expires_at):
            self._used[caller.tenant_id, caller.key_id] = now
            return caller
        raise_closed(await self._closed(secret) if caller is None else None)
        raise Said("unauthenticated", "this access key is not valid", headers=_CHALLENGE)

    def used(self) -> dict[tuple[UUID, UUID], datetime]:
        """When keys were used last, by tenant and key; each use is told once."""
        used, self._used = self._used, {}
        return used

    def rung(self, payload: str) -> None:
        """What `ACCESS_CHANNEL` rings: keys of this tenant may be revoked; "" is all tenants."""
        self._known = {
            digest: kept
            for digest, kept in self._known.items()
            if payload and str(kept[1].tenant_id) != payload
        }

    async def _caller(self, secret: str, now: datetime) -> Caller | None:
        digest = hashlib.sha256(secret.encode()).digest()
        if digest in self._known:
            since, caller = self._known[digest]
            # Either way: a clock that is set back must not make what is remembered last longer.
            if abs(now - since) < CACHED_FOR:
                return caller
            del self._known[digest]
        found = await self._find(secret)
        if found is None or not found.usable(now):
            return None
        if len(self._known) >= CACHED_MAX:
            self._known.clear()
        caller = Caller(
            tenant_id=found.tenant_id,
            key_id=found.key_id,
            roles=found.roles & ROLES,
            person_id=found.person_id,
            expires_at=found.expires_at,
            scopes=found.scopes,
            read_only=found.read_only,
        )
        self._known[digest] = (now, caller)
        return caller


def raise_closed(status: str | None) -> None:
    """Tell what became of a tenant; nothing where it is active.

    Raises:
        Said: `tenant-suspended` or `tenant-erased`.
    """
    if status == "suspended":
        raise Said("tenant-suspended", "ask the operator of this installation")
    if status == "erased":
        raise Said("tenant-erased", "its keys were destroyed")


def permit(
    caller: Caller, roles: frozenset[str], scope: str, *, while_suspended: bool = False
) -> None:
    """Let the caller go on when one of its roles is among `roles`, and its scopes reach so far.

    Args:
        caller: who calls.
        roles: one of which is needed.
        scope: what is done to what, as in people:read.
        while_suspended: whether it is done too where the company has suspended itself; what is
            only read always is.

    Raises:
        Said: `not-allowed`, `out-of-scope` or `tenant-read-only`.
    """
    if not caller.has(roles):
        raise Said("not-allowed", f"this needs one of the roles {', '.join(sorted(roles))}")
    if not caller.reaches(scope):
        raise Said("out-of-scope", f"this needs the scope {scope}")
    if caller.read_only and not while_suspended and not scope.endswith(":read"):
        raise Said("tenant-read-only", "an administrator resumes it: POST /tenants/self/resume")
