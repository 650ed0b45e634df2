"""The merit command: for people in sentences, for machines in JSON, with four exit codes."""

import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from ops.cli import (
    auditing,
    backups,
    cycles,
    failover,
    health,
    incidents,
    inspection,
    keys,
    onboarding,
    payouts,
    privacy,
    proofs,
    reporting,
    serving,
    tenants,
    webhooks,
)
from ops.cli.common import Exit, guarded

HELP = """Meritledger: rates people, pays them by the rating, and proves every cent of it.

Exit codes: 0 done, 1 failed, 2 wrong input, 3 not available now. Every command takes --json."""

app = App(name="merit", help=HELP, version=version("meritledger"), help_format="markdown")
for _part in (
    serving,
    tenants,
    keys,
    privacy,
    cycles,
    payouts,
    proofs,
    auditing,
    health,
    inspection,
    failover,
    backups,
    incidents,
    onboarding,
    reporting,
    webhooks,
):
    _part.register(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""

    def work() -> int:
        tokens = sys.argv[1:] if argv is None else list(argv)
        try:
            code = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        except CycloptsError as error:
            sys.stderr.write(f"merit: {' '.join(str(error).split())}\n")
            return int(Exit.WRONG_INPUT)
        return int(code or 0)

    return guarded(work)
