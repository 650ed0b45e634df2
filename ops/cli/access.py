"""Commands about who may come in, and how much they may ask for."""

from pathlib import Path
from uuid import UUID

from api.login import secret_bound
from api.services import opened
from domain.ids import identity_provider_id
from domain.signing_in import IDENTITY_PROVIDER, SetIdentityProvider
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, told
from ops.place import with_database
from ops.tenants import stamp
from tenancy.allowances import Limit
from tenancy.sign_ins import Provider

REQUESTS_MAX = 1_000_000


def limit(
    tenant: UUID,
    *,
    requests_per_s: int | None = None,
    key_requests_per_s: int | None = None,
    common: Common = COMMON,
) -> int:
    """Let a tenant have other limits than the installation; without numbers it has none of its own.

    Args:
        tenant: The tenant's id.
        requests_per_s: Requests a second, of all of its keys together.
        key_requests_per_s: Requests a second of one key or session.
        common: Options of every command.
    """
    for given in (requests_per_s, key_requests_per_s):
        if given is not None and not 0 < given <= REQUESTS_MAX:
            raise WrongInput(f"a limit is 1 to {REQUESTS_MAX:,} requests a second")
    wanted = Limit(requests_per_s=requests_per_s, key_requests_per_s=key_requests_per_s)

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            await services.limits.allowances.set_limit(tenant, wanted)
        shown = (
            f"{requests_per_s or 'as the installation'} requests a second,"
            f" {key_requests_per_s or 'as the installation'} of one key; within ten seconds"
        )
        told(common, wanted, shown)
        return Exit.DONE

    return run(work())


def oidc(
    tenant: UUID,
    *,
    issuer: str,
    client_id: str,
    secret_file: Path | None = None,
    login_claim: str = "email",
    common: Common = COMMON,
) -> int:
    """Let a tenant's people sign in through its identity provider.

    Args:
        tenant: The tenant's id.
        issuer: The provider, as its tokens name it.
        client_id: What we are called there.
        secret_file: File with the client's secret; none for a client without one.
        login_claim: The claim that says who signed in.
        common: Options of every command.
    """
    secret = None if secret_file is None else secret_file.read_text(encoding="utf-8").strip()
    command = SetIdentityProvider(issuer=issuer, client_id=client_id, login_claim=login_claim)

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            store = await services.histories.of(tenant)
            await store.execute(IDENTITY_PROVIDER, identity_provider_id(), command, stamp())
            keys = await services.keyring.of(tenant)
            await keys.sealing(1)
            sealed = keys.seal(secret.encode(), secret_bound(tenant)) if secret else None
            await services.sign_ins.provide(
                Provider(
                    tenant_id=tenant,
                    issuer=issuer,
                    client_id=client_id,
                    client_secret=sealed,
                    login_claim=login_claim,
                )
            )
            page = f"{services.settings.public_url.rstrip('/')}/login/{tenant}"
        told(common, {"sign_in_at": page}, f"people sign in at {page}")
        return Exit.DONE

    return run(work())
