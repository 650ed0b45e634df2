"""Commands about standby and failover: status, drill, switch."""

from pathlib import Path
from typing import Annotated, Final

import httpx
import msgspec
from cyclopts import App, Parameter

from ops.cli.common import COMMON, Common, Exit, WrongInput, out, run, table, told
from ops.failover.cluster import available
from ops.failover.drill import CONTROL, FAULTS, SHORT, Result, drill, in_words
from ops.failover.patroni import Member, members, switch
from ops.place import settings_of
from tenancy.settings import SettingsRefused

RESULTS: Final = Path("build/failover/results.json")
PATRONI_URLS: Final = "MERIT_PATRONI_URLS"

failover = App(name="failover", help="Standby, planned switch, and the drill that proves both.")


def register(app: App) -> None:
    """Add these commands."""
    app.command(failover)


@failover.command(name="status")
def status(*, patroni: tuple[str, ...] = (), common: Common = COMMON) -> int:
    """Show who is the primary, who stands by, and how far behind.

    Args:
        patroni: Addresses of Patroni's REST API, such as http://10.0.0.1:8008; repeat for each
            node (MERIT_PATRONI_URLS, parted by commas).
        common: Options of every command.
    """
    found = run(members(_urls(patroni, common)))
    shown = table("node", "role", "state", "timeline", "lag (bytes)")
    for member in found:
        shown.add_row(member.name, member.role, member.state, str(member.timeline), str(member.lag))
    told(common, found, shown)
    return Exit.DONE if _well(found) else Exit.FAILED


@failover.command(name="switch")
def switch_over(
    *,
    to: str | None = None,
    patroni: tuple[str, ...] = (),
    user: str | None = None,
    password_file: Path | None = None,
    common: Common = COMMON,
) -> int:
    """Make a standby the primary, planned: writes stop for a few seconds, nothing is lost.

    Args:
        to: The standby; the synchronous one when not given.
        patroni: As of `merit failover status`.
        user: User of Patroni's REST API, where it asks for one.
        password_file: File with that user's password.
        common: Options of every command.
    """
    login = None
    if user is not None:
        if password_file is None:
            raise WrongInput("--user needs --password-file")
        login = httpx.BasicAuth(user, password_file.read_text(encoding="utf-8").strip())
    urls = _urls(patroni, common)
    done = run(switch(urls, to, login))
    told(
        common,
        done,
        f"{done.primary} is the primary now, {done.seconds:.1f} s after it was asked for",
    )
    return Exit.DONE


@failover.command(name="drill")
def run_drill(
    *,
    faults: Annotated[tuple[str, ...], Parameter(name=("--fault",))] = (),
    short: Annotated[bool, Parameter(negative="")] = False,
    etcd: int = 3,
    results: Path = RESULTS,
    common: Common = COMMON,
) -> int:
    """Run the real product on a cluster of three under load, break things, and check everything.

    After each fault: acknowledged events lost 0, duplicated 0, positions without gaps, the ledger
    balanced, proofs valid, views equal to a rebuild; and the control must show a loss. Takes about
    10 minutes, with --short about 2.

    Args:
        faults: Only these; repeat for several.
        short: PostgreSQL killed, host crashed, planned switch.
        etcd: Members of etcd, 1 or 3.
        results: Where the figures go.
        common: Options of every command.
    """
    known = [fault.name for fault in FAULTS]
    names = list(faults) or (list(SHORT) if short else known)
    if unknown := [name for name in names if name not in known]:
        raise WrongInput(f"no such fault: {', '.join(unknown)}; there are: {', '.join(known)}")
    if lacking := available():
        out().print(lacking)
        return Exit.NOT_NOW
    names.sort(key=lambda name: name == CONTROL)  # what it loses is lost for those after it
    found = run(drill(names, etcd=etcd, tell=(lambda _: None) if common.json else out().print))
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    told(common, found, _summary(found, results))
    return Exit.DONE if all(result.passed for result in found) else Exit.FAILED


def _summary(found: list[Result], results: Path) -> str:
    passed = sum(result.passed for result in found)
    lines = [in_words(result) for result in found if not result.passed]
    return "\n".join([*lines, f"{passed} passed, {len(found) - passed} failed; {results}"])


def _well(found: list[Member]) -> bool:
    roles = [member.role for member in found]
    return roles.count("leader") == 1 and any("standby" in role for role in roles)


def _urls(given: tuple[str, ...], common: Common) -> tuple[str, ...]:
    urls = given or tuple(
        url.strip() for url in settings_of(common.data_dir).patroni_urls.split(",") if url.strip()
    )
    if not urls:
        raise SettingsRefused(f"set {PATRONI_URLS} (or give --patroni)")
    return urls
