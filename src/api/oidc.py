"""What an ID token has to be before anybody is let in by it. No network, no clock of its own."""

import base64
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""Signatures with a key of which only one half is the provider's alone: no HMAC, no "none"."""
EDWARDS: Final = ("Ed25519", "EdDSA")
TOKEN_BYTES_MAX: Final = 16 * 1024
LEEWAY_S: Final = 60
"""By how much the provider's clock may be wrong."""
AGE_S_MAX: Final = 600
"""An ID token is for the sign-in that asked for it: an old one is not."""
FOREIGN_KEYS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"})
"""Headers that would let a token bring its own key, or mean something that we do not check."""
_PARTS: Final = 3
TYPES: Final = frozenset({"jwt", "id+jwt", "", "application/jwt"})


class BadToken(Exception):
    """Why nobody is let in; for the log, not for whoever sent it."""


class UnknownKid(BadToken):
    """Signed with a key that is not among the provider's: it may have new ones."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Of one sign-in at one provider."""

    issuer: str
    client_id: str
    nonce: str


class _Header(msgspec.Struct, frozen=True):
    alg: str = ""
    kid: str | None = None
    typ: str = ""


def claims_of(token: str, keys: Mapping[str, Any], expected: Expected) -> Mapping[str, Any]:
    """The claims of an ID token.

    Args:
        token: as the provider's token endpoint gave it.
        keys: the provider's JWKS.
        expected: what it has to be of.

    Raises:
        UnknownKid: the key that it names is not among `keys`.
        BadToken: it is not one, or not for this.
    """
    header = _header(token)
    known = [key for key in keys.get("keys", ()) if _may_sign(key)]
    if header.kid is None:
        if len(known) != 1:
            raise BadToken("names no key, and there are several")
    elif header.kid not in {key.get("kid") for key in known}:
        raise UnknownKid(header.kid)
    try:
        # "EdDSA" is what providers still say; joserfc calls it what RFC 9864 does as well.
        decoded = jwt.decode(
            token,
            KeySet.import_key_set({"keys": known}),
            algorithms=[*ALGORITHMS, *EDWARDS],
            registry=JWSRegistry(algorithms=[*ALGORITHMS, *EDWARDS]),
        )
        _registry(expected).validate(decoded.claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadToken(f"{type(error).__name__}: {error}") from error
    _check(decoded.claims, expected)
    return decoded.claims


def _header(token: str) -> _Header:
    """What the token says of itself: judged before a key is looked at."""
    if len(token) > TOKEN_BYTES_MAX:
        raise BadToken("larger than any that we ask for")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise BadToken("not a signed token")
    try:
        raw = msgspec.json.decode(_base64url(parts[0]))
        header = msgspec.convert(raw, _Header)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadToken("its header cannot be read") from error
    if brought := FOREIGN_KEYS & raw.keys():
        raise BadToken(f"its header says {', '.join(sorted(brought))}")
    if header.alg not in {*ALGORITHMS, *EDWARDS}:
        raise BadToken("signed in a way that is not accepted")
    if header.typ.lower() not in TYPES:
        raise BadToken(f"a token of type {header.typ}")
    return header


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _may_sign(key: Any) -> bool:
    return (
        isinstance(key, dict)
        and key.get("kty") in {"RSA", "EC", "OKP"}
        and key.get("use", "sig") == "sig"
    )


def _registry(expected: Expected) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(time.time()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": expected.nonce},
    )


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    """What the registry does not look at."""
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
        raise BadToken("for several, and does not say which of them asked")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise BadToken("somebody else asked for it")
    if time.time() - float(claims["iat"]) > AGE_S_MAX + LEEWAY_S:
        raise BadToken("issued too long ago")


def login_of(claims: Mapping[str, Any], claim: str) -> str:
    """What the provider calls who signed in.

    Raises:
        BadToken: it does not say, or has not verified it.
    """
    login = claims.get(claim)
    if not isinstance(login, str) or not login.strip():
        raise BadToken(f"has no claim {claim}")
    if claim == "email" and claims.get("email_verified") is not True:
        raise BadToken("its e-mail address was not verified")
    return login
