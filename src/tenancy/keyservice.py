"""A root key that another service keeps: it wraps and unwraps, and never lets the key out.

    POST {url}/v1/wrap      {"plaintext", "context"} -> {"ciphertext", "key_id"}
    POST {url}/v1/unwrap    {"ciphertext", "context"} -> {"plaintext"}
    POST {url}/v1/rotate    {} -> {"key_id"}
    POST {url}/v1/retire    {} -> {"key_ids"}
    GET  {url}/v1/key       -> {"key_id"}

Bytes are in base64. The context is the associated data (AWS calls it the encryption context): it
holds a purpose and ids, nothing secret, and may show in the service's own audit log. Refusals are
404 for a key that the service does not have and 422 for bytes that are not genuine. A proxy in
front of a cloud's key management is all that it takes to use one.
"""

import stat
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
import msgspec

from tenancy.cipher import NotGenuine
from tenancy.errors import KeysUnavailable
from tenancy.master import MasterKeyRefused, UnknownKey

T = TypeVar("T")

TIMEOUT_S = 2.0
_MISSING, _NOT_GENUINE = 404, 422
_REFUSED = frozenset({401, 403})
_JSON = msgspec.json.Encoder()


class Wrap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    plaintext: bytes
    context: bytes


class Wrapped(msgspec.Struct, frozen=True, kw_only=True):
    ciphertext: bytes
    key_id: UUID


class Unwrap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ciphertext: bytes
    context: bytes


class Unwrapped(msgspec.Struct, frozen=True, kw_only=True):
    plaintext: bytes


class CurrentKey(msgspec.Struct, frozen=True, kw_only=True):
    key_id: UUID


class Retired(msgspec.Struct, frozen=True, kw_only=True):
    key_ids: list[UUID]


class KeyService:
    """The client; a `RootKey`.

    Args:
        url: where the service is.
        token: what it lets us in by.
        timeout_s: after which a call is given up.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_s,
            trust_env=False,
        )

    @classmethod
    def with_token_file(cls, url: str, path: Path) -> Self:
        """With the token in a file that only we may read.

        Raises:
            MasterKeyRefused: others may read the file, or there is none.
        """
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            token = path.read_text().strip()
        except OSError as error:
            raise MasterKeyRefused(f"the key service's token: {path}: {error.strerror}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise MasterKeyRefused(f"{path} has mode {mode:04o}: others may read the token")
        return cls(url, token)

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        asked = Wrap(plaintext=key, context=context)
        return (await self._ask("POST", "/v1/wrap", asked, Wrapped)).ciphertext

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        asked = Unwrap(ciphertext=wrapped, context=context)
        return (await self._ask("POST", "/v1/unwrap", asked, Unwrapped)).plaintext

    async def current(self) -> UUID:
        return (await self._ask("GET", "/v1/key", None, CurrentKey)).key_id

    async def rotate(self) -> UUID:
        return (await self._ask("POST", "/v1/rotate", {}, CurrentKey)).key_id

    async def retire(self) -> list[UUID]:
        return (await self._ask("POST", "/v1/retire", {}, Retired)).key_ids

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, path: str, asked: Any, wanted: type[T]) -> T:
        content = None if asked is None else _JSON.encode(asked)
        try:
            answer = await self._http.request(method, path, content=content)
        except httpx.HTTPError as error:
            # Its text may name the address; the kind is all that is needed.
            raise KeysUnavailable(
                f"the key service cannot be reached: {type(error).__name__}"
            ) from None
        match answer.status_code:
            case 200:
                return _read(answer.content, wanted)
            case code if code == _MISSING:
                raise UnknownKey("the key service does not have this key")
            case code if code == _NOT_GENUINE:
                raise NotGenuine("the key service finds that the bytes or their place were changed")
            case code if code in _REFUSED:
                raise MasterKeyRefused("the key service does not take our token")
            case code:
                raise KeysUnavailable(f"the key service answered {code}")


def _read(content: bytes, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=wanted)
    except msgspec.MsgspecError:
        raise KeysUnavailable("the key service answered what nobody can read") from None
