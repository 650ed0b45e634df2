"""A company's identity provider as we speak to it: its addresses, its keys, its tokens."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from api.oidc import BadToken, Expected, UnknownKid, claims_of
from api.outside import NotOutside, Outside

KNOWN_S: Final = 600.0
"""For how long addresses and keys are remembered."""
AGAIN_S: Final = 5.0
"""A key that is not known is looked for once in so long: tokens cannot make us ask and ask."""
PROVIDERS_MAX: Final = 1000


class Addresses(msgspec.Struct, frozen=True):
    """What the provider says of itself (OpenID Connect Discovery)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(msgspec.Struct, frozen=True):
    """What a code was exchanged for."""

    id_token: str
    access_token: str | None = None
    """Asked with once, for claims that the ID token does not have; kept nowhere."""


class _Known:
    """One issuer: what it said, and when."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.keys: Mapping[str, Any] = {}
        self.said_at = time.monotonic()
        self.keys_at = float("-inf")
        self.looking = asyncio.Lock()


class Providers:
    """The identity providers that this process speaks to."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._known: dict[str, _Known] = {}

    async def addresses(self, issuer: str) -> Addresses:
        """Where its endpoints are.

        Raises:
            NotOutside: it cannot be asked.
            BadToken: it says that it is another one.
        """
        return (await self._of(issuer)).addresses

    async def _of(self, issuer: str) -> _Known:
        known = self._known.get(issuer)
        if known is not None and time.monotonic() < known.said_at + KNOWN_S:
            return known
        told = await self._outside.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            addresses = msgspec.convert(told, Addresses)
        except msgspec.ValidationError as error:
            raise NotOutside(f"{issuer} does not say where its endpoints are") from error
        if addresses.issuer != issuer:
            raise BadToken("the provider says that it is another issuer")
        if len(self._known) >= PROVIDERS_MAX:
            self._known.clear()
        self._known[issuer] = known = _Known(addresses)
        return known

    async def claims(self, token: str, expected: Expected) -> Mapping[str, Any]:
        """The claims of an ID token; keys that are new are looked up, once.

        Raises:
            NotOutside: the provider cannot be asked for its keys.
            BadToken: nobody is let in by it.
        """
        known = await self._of(expected.issuer)
        await self._read_keys(known, KNOWN_S)
        try:
            return claims_of(token, known.keys, expected)
        except UnknownKid:
            # It may have new keys since.
            await self._read_keys(known, AGAIN_S)
            return claims_of(token, known.keys, expected)

    async def _read_keys(self, known: _Known, unless_s: float) -> None:
        async with known.looking:
            if time.monotonic() < known.keys_at + unless_s:
                return
            known.keys = await self._outside.get(known.addresses.jwks_uri)
            known.keys_at = time.monotonic()

    async def exchange(
        self, issuer: str, client: tuple[str, str | None], code: str, verifier: str, back: str
    ) -> Tokens:
        """The tokens that the provider gives for a code.

        Args:
            issuer: the provider.
            client: our client id there, and its secret.
            code: as it came back.
            verifier: of PKCE.
            back: the address that it came back to.

        Raises:
            NotOutside: the provider does not answer, or says no.
            BadToken: it gives none.
        """
        addresses = await self.addresses(issuer)
        client_id, secret = client
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        user = None
        if secret is None:
            fields["client_id"] = client_id
        elif "client_secret_basic" in addresses.token_endpoint_auth_methods_supported:
            user = (client_id, secret)
        else:
            fields |= {"client_id": client_id, "client_secret": secret}
        told = await self._outside.post(addresses.token_endpoint, fields, user=user)
        try:
            return msgspec.convert(told, Tokens)
        except msgspec.ValidationError as error:
            raise BadToken("the provider gave no ID token") from error

    async def with_more(
        self, issuer: str, tokens: Tokens, claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The claims of an ID token, with those that the provider tells when it is asked.

        Raises:
            NotOutside: the provider does not answer.
            BadToken: it tells of somebody else.
        """
        addresses = await self.addresses(issuer)
        if addresses.userinfo_endpoint is None or tokens.access_token is None:
            return claims
        told = await self._outside.get(addresses.userinfo_endpoint, bearer=tokens.access_token)
        if told.get("sub") != claims["sub"]:
            raise BadToken("the provider tells of somebody else")
        # What was signed goes before what was said.
        return {**told, **claims}
