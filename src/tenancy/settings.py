"""What an installation may be told by its environment: read once, and nothing unknown accepted."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

PREFIX = "MERIT_"
HIDDEN = "(hidden)"


class SettingsRefused(SystemExit):
    """The environment says something that cannot be followed; the message names the setting."""


class Setting(msgspec.Struct, frozen=True):
    """One setting, as `merit doctor --settings` tells it."""

    name: str
    value: str
    """Passwords are left out."""
    meaning: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; each is the environment's MERIT_ and the field's name in capitals."""

    database_url: Annotated[
        str | None, Meta(description="PostgreSQL for the application; none starts an embedded one")
    ] = None
    owner_database_url: Annotated[
        str | None, Meta(description="the same database as merit_owner, for migrations only")
    ] = None
    database_connections: Annotated[
        int, Meta(ge=2, le=1000, description="database connections of each process, at most")
    ] = 8
    postgres_bin: Annotated[
        Path | None, Meta(description="folder of the programs of the embedded PostgreSQL")
    ] = None
    data_dir: Annotated[
        Path | None, Meta(description="folder of the embedded database and of the master key")
    ] = None
    master_key_file: Annotated[
        Path | None,
        Meta(description="the key over all keys; none is the data folder's master.key"),
    ] = None
    master_key: Annotated[
        str | None,
        Meta(description="the same in base64; several, parted by commas: the first one wraps"),
    ] = None
    key_service_url: Annotated[
        str | None, Meta(description="service that keeps the key over all keys, in place of both")
    ] = None
    key_service_token_file: Annotated[
        Path | None, Meta(description="file with the token that the key service lets us in by")
    ] = None
    keys_trusted_s: Annotated[
        float,
        Meta(ge=1, le=3600, description="for how long reading goes on without the key service"),
    ] = 300.0
    erasure_list: Annotated[
        Path | None,
        Meta(description="what was erased for good; none is the data folder's erasures.ndjson"),
    ] = None
    witness_url: Annotated[
        str | None, Meta(description="witness that checkpoints are sent to, to be cosigned")
    ] = None
    witness_key: Annotated[
        str | None, Meta(description="public key of that witness: name+hash+key")
    ] = None
    witness_dir: Annotated[
        Path | None, Meta(description="folder outside of the database that keeps checkpoints")
    ] = None
    public_url: Annotated[str, Meta(description="how callers reach the API, as in links")] = ""
    host: Annotated[str, Meta(description="address that the API listens on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="port that the API listens on")] = 8000
    demo: Annotated[
        bool, Meta(description="offers the people of the demo company at sign-in, without a secret")
    ] = False
    issuers: Annotated[
        str,
        Meta(description="identity providers that lie inside, by origin, parted by commas"),
    ] = ""
    webhook_receivers: Annotated[
        str,
        Meta(description="receivers of webhooks that lie inside, by origin, parted by commas"),
    ] = ""
    requests_per_s: Annotated[
        int, Meta(ge=0, le=1_000_000, description="requests of a tenant, over all workers; 0: any")
    ] = 2000
    key_requests_per_s: Annotated[
        int, Meta(ge=0, le=1_000_000, description="the same of one access key or session; 0: any")
    ] = 1000
    proxies: Annotated[
        str,
        Meta(description="addresses of proxies before us, whose X-Forwarded-For is believed"),
    ] = ""
    workers: Annotated[int, Meta(ge=1, le=256, description="processes that serve the API")] = 1
    log_format: Annotated[
        Literal["json", "console"], Meta(description="json for machines, console for people")
    ] = "json"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="what is logged at least")
    ] = "info"
    patroni_urls: Annotated[
        str, Meta(description="REST addresses of the standby set's Patroni, parted by commas")
    ] = ""
    operator_token_file: Annotated[
        Path | None,
        Meta(description="token of operators for /health and /metrics; none: this machine alone"),
    ] = None
    certificates: Annotated[
        str, Meta(description="certificate files whose end /health watches, parted by commas")
    ] = ""
    drain_s: Annotated[
        float, Meta(ge=0, le=60, description="seconds between not ready and the end, on SIGTERM")
    ] = 0.0
    otlp_endpoint: Annotated[
        str | None, Meta(description="collector for traces and metrics; none keeps them here")
    ] = None

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this process.

        Raises:
            SettingsRefused: one of them is unknown, or is not what it must be.
        """
        found = os.environ if environ is None else environ
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in found.items()
            if name.startswith(PREFIX)
        }
        names = {field.encode_name for field in msgspec.structs.fields(cls)}
        if unknown := sorted(given.keys() - names):
            raise SettingsRefused(
                f"unknown settings: {', '.join(PREFIX + name.upper() for name in unknown)}"
            )
        # An empty variable is how shells and unit files write "not set".
        given = {name: value for name, value in given.items() if value}
        try:
            return msgspec.convert(given, cls, strict=False, dec_hook=_decode)
        except msgspec.ValidationError as refused:
            raise SettingsRefused(f"settings: {refused}") from None

    @property
    def key_file(self) -> Path:
        """Where the master key lies.

        Raises:
            SettingsRefused: neither it nor a data folder was named.
        """
        if self.master_key_file is not None:
            return self.master_key_file
        if self.data_dir is None:
            raise SettingsRefused("set MERIT_MASTER_KEY_FILE or MERIT_DATA_DIR")
        return self.data_dir / "master.key"

    @property
    def erasures_file(self) -> Path | None:
        """Where it is kept what was erased; None where neither it nor a data folder was named."""
        if self.erasure_list is not None or self.data_dir is None:
            return self.erasure_list
        return self.data_dir / "erasures.ndjson"

    @property
    def figures_dir(self) -> Path:
        """Where the processes of this installation tell each other their figures."""
        if self.data_dir is not None:
            return self.data_dir
        return Path(tempfile.gettempdir()) / f"meritledger-{os.getuid()}-{self.port}"

    def explained(self) -> list[Setting]:
        """Every setting with its present value, for people to read."""
        told = []
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            told.append(
                Setting(
                    PREFIX + field.name.upper(), _shown(field.name, value), _meaning(field.type)
                )
            )
        return told

    def __repr__(self) -> str:
        # Settings end up in error reports; the passwords in the addresses must not.
        return f"Settings({', '.join(f'{one.name}={one.value}' for one in self.explained())})"


def _decode(wanted: type, value: Any) -> Any:
    if wanted is Path:
        return Path(value).expanduser()
    raise NotImplementedError(f"no setting is of type {wanted}")


def _shown(name: str, value: object) -> str:
    if value is None:
        return ""
    if name == "master_key":
        return HIDDEN
    if name.endswith("database_url") and (password := urlsplit(str(value)).password):
        return str(value).replace(password, HIDDEN)
    return str(value)


def _meaning(annotation: Any) -> str:
    return next((str(meta.description) for meta in annotation.__metadata__ if meta.description), "")
