"""Commands about erasing what is personal about somebody."""

from uuid import UUID

from cyclopts import App

from api.erasing import carried_out
from api.services import Services, opened
from domain import ids
from domain.erasure import ERASURE, ApproveErasure, Basis, RequestErasure
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.place import with_database
from ops.tenants import stamp
from tenancy.erasures import Certificate

privacy = App(name="privacy", help="Erasing what is personal about somebody.")


def register(app: App) -> None:
    """Add these commands."""
    app.command(privacy)


def _text(certificate: Certificate) -> str:
    keys = "\n".join(f"  {each}" for each in certificate.key_ids)
    return f"destroyed keys, ordered {certificate.ordered_at:%Y-%m-%d %H:%M}:\n{keys}"


@privacy.command
def shred(
    person: UUID,
    *,
    tenant: UUID,
    reference: str | None = None,
    basis: Basis = "subject-request",
    common: Common = COMMON,
) -> int:
    """Ask to erase somebody; where another has asked already, erase them, for good.

    It takes two: who has asked by this command cannot approve by it. Before the law lets go of the
    data it is refused, with the day.

    Args:
        person: Whose data.
        tenant: Whose person it is.
        reference: Of the file in which the request lies; needed to ask.
        basis: Why it is to be erased.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            services.erasures.require()
            store = await services.histories.of(tenant)
            stream = ids.erasure_id(person)
            state, _ = await store.load(ERASURE, stream)
            if state is None or state.state == "declined":
                if reference is None:
                    raise WrongInput("nobody has asked yet: give --reference, and ask")
                command = RequestErasure(person_id=person, basis=basis, reference=reference)
                await store.execute(ERASURE, stream, command, stamp())
                text = "asked; now somebody else approves: POST /people/PERSON/erasure/approve"
                told(common, {"state": "requested", "person_id": person}, text)
                return Exit.DONE
            if state.state == "requested":
                await store.execute(ERASURE, stream, ApproveErasure(), stamp())
            certificate = await _carry_out(services, tenant, person)
        told(common, {"state": "erased", "certificate": certificate}, _text(certificate))
        return Exit.DONE

    return run(work())


async def _carry_out(services: Services, tenant: UUID, person: UUID) -> Certificate:
    return await carried_out(
        services.histories, services.erasures, services.registry, tenant, person
    )


@privacy.command
def certificate(person: UUID, *, tenant: UUID, common: Common = COMMON) -> int:
    """The certificate of an erasure: which keys were destroyed.

    Args:
        person: Whose data it was.
        tenant: Whose person it was.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            found = await services.erasures.certified(tenant, person)
        if found is None:
            raise WrongInput("nothing was erased of this person")
        told(common, found, f"{_text(found)}\n\n{found.note}")
        return Exit.DONE

    return run(work())


@privacy.command(name="list")
def list_orders(*, common: Common = COMMON) -> int:
    """The erasure list: what a restored copy has to erase again before it serves.

    Args:
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            orders = [order for order, _ in services.erasures.orders()]
        rows = table("tenant", "what", "subjects", "keys", "ordered")
        for order in orders:
            rows.add_row(
                str(order.tenant_id),
                order.scope,
                str(len(order.subjects)),
                str(len(order.key_ids)),
                f"{order.ordered_at:%Y-%m-%d %H:%M}",
            )
        told(common, orders, rows if orders else "nothing was erased")
        return Exit.DONE

    return run(work())
