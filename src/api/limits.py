"""How much a tenant and a key may ask for, over all workers; and how often sign-in may fail.

Each worker takes shares of what is left (see `tenancy.allowances`) and answers from them, so a
request costs no round trip. Who is over the limit costs none either: a worker that got nothing
does not ask again for a tenth of a second, and meanwhile refuses the same header at the edge, with
nothing spent on it. While the database cannot be asked, nobody is refused.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from litestar import Request

from api.auth import Caller
from api.problems import Said
from tenancy.allowances import NOBODY, Allowances, Limit, Share, bucket_of
from tenancy.database import is_retryable
from tenancy.settings import Settings

LOG = structlog.get_logger("api.limits")

SHARE_S: Final = 0.1
"""A share is what is allowed in so long."""
BURST_S: Final = 2.0
"""What is saved up at most is what is allowed in so long."""
ASKED_AGAIN_S: Final = 0.1
LIMIT_KNOWN_S: Final = 10.0
"""A changed limit is followed after so long at the latest."""
BUCKETS_MAX: Final = 50_000

FAILURES_BURST: Final = 30.0
FAILURES_PER_S: Final = 0.5
"""Of sign-ins, by address: thirty at once, then one every two seconds."""
KEY_FAILURES_BURST: Final = 5.0
KEY_FAILURES_PER_S: Final = 0.05
"""Of sign-ins with one key: five at once, then one every twenty seconds."""


class Bucket:
    """This worker's share of one allowance."""

    def __init__(self, name: str, bucket: bytes, rate: int) -> None:
        self.name = name
        self.bucket = bucket
        self.rate = rate
        self.share = 0.0
        self.left = 0.0
        """With the others, when it was asked last."""
        self.empty_until = 0.0

    @property
    def wanted(self) -> Share:
        return Share(
            bucket=self.bucket,
            rate=self.rate,
            burst=max(1.0, self.rate * BURST_S),
            wanted=max(1.0, self.rate * SHARE_S),
        )


class Spent:
    """Who has asked for too much, and until when that is certain."""

    def __init__(self, caller: Caller, until: float, said: Said) -> None:
        self.caller = caller
        self.until = until
        """Before that nobody asks the database again."""
        self.said = said
        self.refused = 0
        """At once, with what was said."""


class Limits:
    """The limits of this process's callers."""

    def __init__(self, allowances: Allowances, settings: Settings) -> None:
        self.allowances = allowances
        self._settings = settings
        self._limits: dict[UUID, tuple[float, Limit]] = {}
        self._buckets: dict[tuple[UUID, bytes], Bucket] = {}
        self._asking: dict[UUID, asyncio.Lock] = {}
        # By digest, so that no secret stays in memory for longer than its request.
        self._spent: dict[bytes, Spent] = {}

    def refusal(self, authorization: bytes) -> Said | None:
        """What to say at once to who sends this Authorization header: it was just told the same."""
        if not self._spent:
            return None
        spent = self._spent.get(key := _digest(authorization))
        if spent is None:
            return None
        if time.monotonic() < spent.until:
            spent.refused += 1
            return spent.said
        self._no_more(key)
        return None

    async def admit(self, caller: Caller, authorization: str = "") -> dict[str, str]:
        """Count a request; the headers that tell what is left.

        Args:
            caller: who calls.
            authorization: the header that it came with. Where it is told that it is too much, the
                next ones with the same are refused before anything else is done (`refusal`).

        Raises:
            Said: `too-many-requests`.
        """
        buckets = await self._of(caller)
        if not buckets:
            return {}
        if any(each.share < 1 for each in buckets):
            await self._refill(caller.tenant_id, buckets)
        told = _headers(buckets)
        if short := [each for each in buckets if each.share < 1]:
            said = Said(
                "too-many-requests",
                f"more than {short[0].rate} a second of this {short[0].name}",
                headers={**told, "Retry-After": "1"},
            )
            until = max(each.empty_until for each in short)
            if authorization and time.monotonic() < until:
                self._remember(_digest(authorization.encode("latin-1")), caller, until, said)
            raise said
        for each in buckets:
            each.share -= 1
        return told

    def _remember(self, key: bytes, caller: Caller, until: float, said: Said) -> None:
        if len(self._spent) > BUCKETS_MAX:
            self._spent.clear()
        self._no_more(key)
        self._spent[key] = Spent(caller, until, said)

    def _no_more(self, key: bytes) -> None:
        """Forget it, and tell in one line how many were refused meanwhile: they had none."""
        spent = self._spent.pop(key, None)
        if spent is not None and spent.refused:
            LOG.info(
                "requests-refused",
                number=spent.refused,
                tenant=str(spent.caller.tenant_id),
                actor=str(spent.caller.actor),
            )

    async def _of(self, caller: Caller) -> tuple[Bucket, ...]:
        limit = await self._limit(caller.tenant_id)
        given = (
            ("tenant", "", _first(limit.requests_per_s, self._settings.requests_per_s)),
            (
                "key",
                str(caller.key_id),
                _first(limit.key_requests_per_s, self._settings.key_requests_per_s),
            ),
        )
        if len(self._buckets) > BUCKETS_MAX:
            self._buckets.clear()
        found = []
        for name, whose, rate in given:
            if rate == 0:
                continue
            bucket = bucket_of(name, whose)
            key = (caller.tenant_id, bucket)
            known = self._buckets.get(key)
            if known is None or known.rate != rate:
                known = self._buckets[key] = Bucket(name, bucket, rate)
            found.append(known)
        return tuple(found)

    async def _limit(self, tenant_id: UUID) -> Limit:
        until, limit = self._limits.get(tenant_id, (0.0, Limit()))
        if time.monotonic() < until:
            return limit
        if len(self._limits) > BUCKETS_MAX:
            self._limits.clear()
        # Remembered first: while one request looks, the others go on with what was known.
        self._limits[tenant_id] = (time.monotonic() + LIMIT_KNOWN_S, limit)
        with _unless_away():
            limit = await self.allowances.limit(tenant_id)
        self._limits[tenant_id] = (time.monotonic() + LIMIT_KNOWN_S, limit)
        return limit

    async def _refill(self, tenant_id: UUID, buckets: Sequence[Bucket]) -> None:
        # One request of a tenant asks; the others find what it got.
        async with self._asking.setdefault(tenant_id, asyncio.Lock()):
            now = time.monotonic()
            asked = [each for each in buckets if each.share < 1 and now >= each.empty_until]
            if not asked:
                return
            # Better served without a limit for a moment than not at all.
            got = {each.bucket: 0.0 for each in asked}
            with _unless_away():
                got = await self.allowances.take(tenant_id, [each.wanted for each in asked])
            for each in asked:
                if each.bucket in got:
                    each.share += each.wanted.wanted
                    each.left = max(0.0, got[each.bucket])
                else:
                    each.left = 0.0
                    each.empty_until = time.monotonic() + ASKED_AGAIN_S

    # -- sign-ins

    async def may_try(self, address: str, key_prefix: str = "") -> None:
        """Let somebody try to sign in.

        Raises:
            Said: `too-many-requests`, after too many that failed.
        """
        for share in _failures(address, key_prefix):
            left = share.burst
            with _unless_away():
                left = await self.allowances.left(NOBODY, share)
            if left <= 0:
                wait = {"Retry-After": str(int(1 / share.rate) + 1)}
                raise Said("too-many-requests", "too many sign-ins failed", headers=wait)

    async def failed(self, address: str, key_prefix: str = "") -> None:
        """Count a sign-in that failed."""
        with _unless_away():
            await self.allowances.take(NOBODY, _failures(address, key_prefix))


def _failures(address: str, key_prefix: str) -> list[Share]:
    of_address = Share(
        bucket=bucket_of("sign-in from", address),
        rate=FAILURES_PER_S,
        burst=FAILURES_BURST,
        wanted=1.0,
    )
    of_key = Share(
        bucket=bucket_of("sign-in with", key_prefix),
        rate=KEY_FAILURES_PER_S,
        burst=KEY_FAILURES_BURST,
        wanted=1.0,
    )
    return [of_address, of_key] if key_prefix else [of_address]


def address_of(request: Request[Any, Any, Any]) -> str:
    """Where a request comes from: what the proxies that are trusted say, else who connected."""
    settings: Settings = request.app.state.services.settings
    proxies = {each.strip() for each in settings.proxies.split(",") if each.strip()}
    client = request.client.host if request.client else ""
    if client not in proxies:
        return client
    # From the right: what stands left of the first stranger may have been made up by it.
    said = [each.strip() for each in request.headers.get("x-forwarded-for", "").split(",")]
    return next((each for each in reversed(said) if each and each not in proxies), client)


def _digest(authorization: bytes) -> bytes:
    return hashlib.sha256(authorization).digest()


def _first(own: int | None, of_installation: int) -> int:
    return of_installation if own is None else own


def _headers(buckets: Sequence[Bucket]) -> dict[str, str]:
    """RateLimit header fields for HTTP (draft-ietf-httpapi-ratelimit-headers-10)."""
    return {
        "RateLimit-Policy": ", ".join(f'"{each.name}";q={each.rate};w=1' for each in buckets),
        "RateLimit": ", ".join(
            f'"{each.name}";r={int(max(0.0, each.share - 1) + each.left)};t=1' for each in buckets
        ),
    }


@contextlib.contextmanager
def _unless_away() -> Iterator[None]:
    """Leave out what cannot be done while the database cannot be asked."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, TimeoutError) and not is_retryable(error):
            raise
        LOG.warning("limits-not-counted", error=type(error).__name__)
