"""Commands that work on a cycle in bulk, over the API, with an access key."""

import os
from collections import Counter
from uuid import UUID

from cyclopts import App
from rich.console import RenderableType

from domain.cycle import OpenCycle
from ops.cli.bars import shown
from ops.cli.common import REMOTE, Exit, Remote, WrongInput, run, table, told
from ops.client import Api, Problem
from ops.closing import over_all
from ops.place import running_in
from ops.tree import drawn

cycle = App(name="cycle", help="A cycle in bulk: open, status, score, lock. Needs an access key.")

NOT_FOUND = 404


def register(app: App) -> None:
    """Add these commands."""
    app.command(cycle)
    app.command(explain)


def reached(remote: Remote) -> tuple[Api, str]:
    """The API and the key to use.

    Raises:
        WrongInput: no key was given, or nobody says where the API is.
    """
    url, key = reached_at(remote)
    return Api(url), key


def reached_at(remote: Remote) -> tuple[str, str]:
    """The address of the API and the key to use.

    Raises:
        WrongInput: no key was given, or nobody says where the API is.
    """
    key = remote.key or os.environ.get("MERIT_API_KEY")
    if not key:
        raise WrongInput("give --key, or set MERIT_API_KEY")
    url = remote.url or os.environ.get("MERIT_API_URL")
    if not url:
        settings = remote.settings
        running = running_in(settings.data_dir) if settings.data_dir else None
        if running is None:
            raise WrongInput("give --url, or set MERIT_API_URL: no `merit up` runs here")
        url = running.address
    return url, key


@cycle.command(name="open")
def open_cycle(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """Open a planned cycle for goals.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            done = await api.post(key, f"/cycles/{cycle}/open", OpenCycle())
        told(remote, done, f"open, version {done.version}")
        return Exit.DONE

    return run(work())


@cycle.command
def status(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """How far a cycle and its appraisals have come.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            found = await api.get(key, f"/cycles/{cycle}")
            stages = Counter(
                [row["stage"] async for row in api.pages(key, f"/cycles/{cycle}/appraisals")]
            )
        rows = table("appraisals", "stage", title=f"{found['code']}: {found['stage']}")
        for stage, count in stages.most_common():
            rows.add_row(str(count), stage)
        told(remote, {"cycle": found, "appraisals": dict(stages)}, rows)
        return Exit.DONE

    return run(work())


@cycle.command
def score(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """Calculate the initial score of every appraisal of a cycle.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    return _over_all(cycle, "score", remote)


@cycle.command
def lock(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """Lock the score of every appraisal of a cycle that may be locked.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    return _over_all(cycle, "lock", remote)


def _over_all(cycle: UUID, what: str, remote: Remote) -> int:
    api, key = reached(remote)

    async def work() -> int:
        with shown(
            {"score": "scoring", "lock": "locking"}.get(what, what), quiet=remote.json
        ) as tick:
            async with api:
                answer = await over_all(api, key, cycle, what, tick)
        lines = [f"done: {answer.done}, refused: {len(answer.refused)}"]
        lines += [f"  {each.id}  {each.code}: {each.detail}" for each in answer.refused]
        found = {"done": answer.done, "refused": answer.refused}
        told(remote, found, "\n".join(lines))
        return Exit.FAILED if answer.refused else Exit.DONE

    return run(work())


def explain(thing: UUID, *, remote: Remote = REMOTE) -> int:
    """Why a score or a payout is what it is, down to the events.

    Args:
        thing: Id of an appraisal or of a payout.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            try:
                found = await api.get(key, f"/payouts/{thing}/explanation")
                title = "payout, in minor units"
            except Problem as problem:
                if problem.status != NOT_FOUND:
                    raise
                found = await api.get(key, f"/appraisals/{thing}/explanation")
                title = "score"
        tree: RenderableType = drawn(found["explanation"], title)
        told(remote, found, tree)
        return Exit.DONE

    return run(work())
