"""For operators: how the installation is in detail, and its figures for Prometheus.

Both answer who brings the operators' token; where none is set, who asks from this machine.
"""

import asyncio
import hmac
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import msgspec
from litestar import Request, Response, get

from api.problems import Said
from api.services import Services
from domain.catalogue import EVENTS
from projections.catalogue import PROJECTIONS
from projections.health import Lag, Unanswered, WebhookLag, overview
from projections.history import TenantLogs
from tenancy.metrics import figures_of
from tenancy.signing import certificate_ends

Status = Literal["pass", "warn", "fail"]
GRAVITY: Final[dict[Status, int]] = {"pass": 0, "warn": 1, "fail": 2}
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "testclient"})
FORWARDED: Final = frozenset({"x-forwarded-for", "forwarded"})
DEADLINE_S: Final = 5.0

LAG_WARN_S: Final = 5.0
LAG_FAIL_S: Final = 60.0
UNDELIVERED_WARN_S: Final = 3600.0
DISK_WARN_PCT: Final = 15
DISK_FAIL_PCT: Final = 5
BACKUP_WARN_S: Final = 26 * 3600
BACKUP_FAIL_S: Final = 50 * 3600
DRILL_WARN_DAYS: Final = 8
CERTIFICATE_WARN_DAYS: Final = 14
CERTIFICATE_FAIL_DAYS: Final = 2


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question and its answer, in the shape of application/health+json."""

    status: Status
    observed: float | str | None = None
    unit: str = ""
    output: str = ""
    """What to do, or why nobody knows."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How everything is: as bad as its worst part."""

    status: Status
    time: datetime
    checks: dict[str, Check]


class BackupState(msgspec.Struct, frozen=True, kw_only=True):
    """What `merit backup` has left in the data folder."""

    last_backup_at: datetime | None = None
    last_drill_at: datetime | None = None
    last_drill_ok: bool | None = None


def admit(request: Request[Any, Any, Any], services: Services) -> None:
    """Let operators in.

    Raises:
        Said: `unauthenticated`.
    """
    token_file = services.settings.operator_token_file
    if token_file is not None:
        wanted = token_file.read_text(encoding="utf-8").strip()
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if wanted and hmac.compare_digest(given.encode(), wanted.encode()):
            return
    elif (
        request.client is not None
        and request.client.host in LOOPBACK
        # A proxy on this machine speaks for anybody: then set a token.
        and FORWARDED.isdisjoint(name.lower() for name in request.headers)
    ):
        return
    raise Said(
        "unauthenticated",
        "operators bring the token of MERIT_OPERATOR_TOKEN_FILE, or ask from the machine itself",
        headers={"WWW-Authenticate": 'Bearer realm="meritledger operators"'},
    )


@get("/metrics")
async def prometheus(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Figures of every process of this installation, in Prometheus' text format."""
    services: Services = request.app.state.services
    admit(request, services)
    folder = services.settings.figures_dir
    text = await asyncio.to_thread(figures_of(folder, "api").all)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@get("/health")
async def health(request: Request[Any, Any, Any]) -> Response[bytes]:
    """How everything is, part by part: from the server to the certificates."""
    services: Services = request.app.state.services
    admit(request, services)
    found = await condition(services)
    return Response(
        msgspec.json.encode(found),
        status_code=503 if found.status == "fail" else 200,
        media_type="application/health+json",
    )


async def condition(services: Services) -> Condition:
    """Ask everything at once, each question with its deadline."""
    questions = (
        _database,
        _replication,
        _followers,
        _seal,
        _keys,
        _backup,
        _disk,
        _certificates,
    )
    answers = await asyncio.gather(*(_asked(question, services) for question in questions))
    checks = {name: check for answer in answers for name, check in answer.items()}
    worst = max((check.status for check in checks.values()), key=GRAVITY.__getitem__)
    return Condition(status=worst, time=datetime.now(UTC), checks=checks)


async def _asked(question: Any, services: Services) -> dict[str, Check]:
    name = question.__name__.lstrip("_")
    try:
        async with asyncio.timeout(DEADLINE_S):
            found: dict[str, Check] = await question(services)
            return found
    except TimeoutError:
        return {name: Check(status="fail", output=f"no answer within {DEADLINE_S:.0f} s")}
    except Exception as error:  # noqa: BLE001 - any error is the answer; its text may hold secrets
        return {name: Check(status="fail", output=type(error).__name__)}


async def _database(services: Services) -> dict[str, Check]:
    async with services.database.connection(read_only=True) as connection:
        standby = await connection.fetchval("SELECT pg_is_in_recovery()")
    role = "standby" if standby else "primary"
    return {
        "postgres:role": Check(
            status="warn" if standby else "pass",
            observed=role,
            output="there is no primary: reads only" if standby else "",
        )
    }


async def _replication(services: Services) -> dict[str, Check]:
    urls = [url.strip() for url in services.settings.patroni_urls.split(",") if url.strip()]
    if not urls:
        return {}
    async with httpx.AsyncClient(timeout=2.0) as client:
        said = await asyncio.gather(
            *(client.get(f"{url}/cluster") for url in urls), return_exceptions=True
        )
    for answer in said:
        if isinstance(answer, httpx.Response) and answer.is_success:
            members = answer.json()["members"]
            break
    else:
        return {"replication:members": Check(status="fail", output="no Patroni answers")}
    synchronous = sum(each["role"] in ("sync_standby", "quorum_standby") for each in members)
    lags = [each["lag"] for each in members if isinstance(each.get("lag"), int)]
    return {
        "replication:sync_standbys": Check(
            status="pass" if synchronous else "fail", observed=synchronous
        ),
        "replication:lag": Check(
            status="pass" if max(lags, default=0) < 16 * 1024 * 1024 else "warn",
            observed=max(lags, default=0),
            unit="byte",
        ),
    }


async def _followers(services: Services) -> dict[str, Check]:
    """Whoever follows the logs: views, process managers, webhooks. Each tenant is visited once.

    Of whom something cannot be answered is in the log and the follower's row, not here.
    """
    logs = TenantLogs(services.database, services.keyring, EVENTS)
    found = await overview(services.database, logs, PROJECTIONS)
    checks: dict[str, Check] = {}
    for each in found.views:
        checks |= _view(each)
    for name, troubled in found.unanswered.items():
        checks[f"process-manager:{name}:unanswered"] = _answering(troubled)
    return checks | _webhooks(found.webhooks)


def _view(found: Lag) -> dict[str, Check]:
    return {
        f"projection:{found.projection}:lag": Check(
            status="fail" if found.stuck else _late(found.seconds),
            observed=round(found.seconds, 3),
            unit="s",
            output=f"{len(found.stuck)} tenants are stuck" if found.stuck else "",
        ),
        f"projection:{found.projection}:lag_events": Check(status="pass", observed=found.events),
    }


def _webhooks(found: WebhookLag) -> dict[str, Check]:
    """A receiver that takes nothing is its owner's trouble; what nobody has tried is ours."""
    late = found.oldest_s > UNDELIVERED_WARN_S
    return {
        "webhooks:lag": Check(
            status=_late(found.untried_s), observed=round(found.untried_s, 3), unit="s"
        ),
        "webhooks:oldest_undelivered": Check(
            status="warn" if late else "pass",
            observed=round(found.oldest_s, 3),
            unit="s",
            output="a receiver takes nothing" if late else "",
        ),
        "webhooks:waiting": Check(status="pass", observed=found.waiting, unit="events"),
        "webhooks:dead": Check(status="pass", observed=found.dead, unit="events"),
    }


def _answering(troubled: Sequence[Unanswered]) -> Check:
    tried = sum(each.attempts > 0 for each in troubled)
    if tried:
        output = f"{tried} tenants are stuck"
    else:
        output = f"of {len(troubled)} tenants events were passed over" if troubled else ""
    status: Status = "fail" if tried else "warn" if troubled else "pass"
    return Check(status=status, observed=len(troubled), unit="tenants", output=output)


async def _seal(services: Services) -> dict[str, Check]:
    logs = TenantLogs(services.database, services.keyring, EVENTS)
    behind = 0.0
    for tenant_id in await logs.tenants():
        history = await logs.of(tenant_id)
        checkpoint = await services.transparency.checkpoint(tenant_id)
        sealed = 0 if checkpoint is None else checkpoint.tree_size
        if await history.head() > sealed:
            waiting = (await history.after(sealed, 1))[0].recorded_at
            behind = max(behind, (datetime.now(UTC) - waiting).total_seconds())
    return {"sealer:lag": Check(status=_late(behind), observed=round(behind, 3), unit="s")}


def _late(seconds: float) -> Status:
    return "fail" if seconds > LAG_FAIL_S else "warn" if seconds > LAG_WARN_S else "pass"


async def _keys(services: Services) -> dict[str, Check]:
    began = asyncio.get_running_loop().time()
    root = services.keyring.root
    sample = bytes(32)
    well = await root.unwrap(await root.wrap(sample, sample), sample) == sample
    took_ms = round((asyncio.get_running_loop().time() - began) * 1000, 3)
    return {"keys:unwrap": Check(status="pass" if well else "fail", observed=took_ms, unit="ms")}


async def _backup(services: Services) -> dict[str, Check]:
    folder = services.settings.data_dir
    path = None if folder is None else folder / "backup.json"
    if path is None or not path.exists():
        none = Check(status="warn", output="no data: `merit backup run` and `drill` tell")
        return {"backup:age": none, "restore-drill:age": none}
    state = msgspec.json.decode(path.read_bytes(), type=BackupState)
    now = datetime.now(UTC)
    checks = {}
    if state.last_backup_at is None:
        checks["backup:age"] = Check(status="fail", output="there was none yet")
    else:
        age = (now - state.last_backup_at).total_seconds()
        status: Status = (
            "fail" if age > BACKUP_FAIL_S else "warn" if age > BACKUP_WARN_S else "pass"
        )
        checks["backup:age"] = Check(status=status, observed=round(age), unit="s")
    if state.last_drill_at is None:
        checks["restore-drill:age"] = Check(status="warn", output="there was none yet")
    else:
        days = (now - state.last_drill_at).total_seconds() / 86400
        status = "fail" if not state.last_drill_ok else "pass"
        if status == "pass" and days > DRILL_WARN_DAYS:
            status = "warn"
        checks["restore-drill:age"] = Check(status=status, observed=round(days, 2), unit="d")
    return checks


async def _disk(services: Services) -> dict[str, Check]:
    folder = services.settings.data_dir or Path.cwd()
    usage = await asyncio.to_thread(shutil.disk_usage, folder)
    free = 100 * usage.free // usage.total
    status: Status = "fail" if free < DISK_FAIL_PCT else "warn" if free < DISK_WARN_PCT else "pass"
    return {"disk:free": Check(status=status, observed=free, unit="%")}


async def _certificates(services: Services) -> dict[str, Check]:
    paths = [path.strip() for path in services.settings.certificates.split(",") if path.strip()]
    checks = {}
    for path in paths:
        ends = await asyncio.to_thread(certificate_ends, Path(path))
        days = (ends - datetime.now(UTC)).total_seconds() / 86400
        status: Status = (
            "fail"
            if days < CERTIFICATE_FAIL_DAYS
            else "warn"
            if days <= CERTIFICATE_WARN_DAYS
            else "pass"
        )
        checks[f"certificate:{Path(path).name}"] = Check(
            status=status, observed=round(days, 1), unit="d"
        )
    return checks
