"""Client assertions as Entra ID checks them: signed by the app, or by an issuer that it trusts.

An assertion may be shown again until it ends, as Entra ID lets it be: MSAL does so for minutes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

from .directory import App
from .errors import RefusalError
from .keys import thumbprint, thumbprint_sha256

_SKEW = 300

#: The signature alone is PyJWT's: MSAL.NET writes its times as strings, which PyJWT refuses.
_SIGNATURE_ALONE: Options = {
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


def check_assertion(app: App, assertion: str, audiences: Iterable[str], *, now: float) -> None:
    """Refuse *assertion* unless it proves that its bearer is *app*."""
    try:
        header = jwt.get_unverified_header(assertion)
        claimed = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise RefusalError(700027) from None
    if str(claimed.get("iss")).startswith("https://"):
        _check_federated(app, assertion, claimed)
    else:
        _check_own(app, assertion, header, audiences, now)
    starts = max(_moment(claimed.get(name), 0) for name in ("nbf", "iat"))
    if not starts - _SKEW <= now < _moment(claimed.get("exp"), 0) + _SKEW:
        raise RefusalError(700024)


def _check_own(
    app: App, assertion: str, header: Mapping[str, object], audiences: Iterable[str], now: float
) -> None:
    certificate = _registered(app, header)
    if certificate is None:
        raise RefusalError(700027)
    claims = _verified(assertion, certificate.public_key())
    own = claims.get("iss") == app.client_id and claims.get("sub") == app.client_id
    if not own or str(claims.get("aud")) not in set(audiences):
        raise RefusalError(700027, "Client assertion is not of this client or not for this server.")
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not starts.timestamp() <= now < ends.timestamp():
        raise RefusalError(1000502)


def _check_federated(app: App, assertion: str, claimed: Mapping[str, object]) -> None:
    trusted = [item for item in app.federated_credentials if item.issuer.url == claimed.get("iss")]
    if not trusted:
        raise RefusalError(700211)
    claims = _verified(assertion, trusted[0].issuer.key.private.public_key())
    trusted = [item for item in trusted if item.subject == claims.get("sub")]
    if not trusted:
        raise RefusalError(700213)
    audiences = claims.get("aud")
    named = audiences if isinstance(audiences, list) else [audiences]
    if not any(item.audience in named for item in trusted):
        raise RefusalError(700212)


def _registered(app: App, header: Mapping[str, object]) -> x509.Certificate | None:
    chain = header.get("x5c")
    leaf = chain[0] if isinstance(chain, list) and chain else chain
    named = {_bare(header.get(name)) for name in ("x5t", "x5t#S256", "kid")} | {_bare(leaf)}
    for der in app.certificates:
        digest = thumbprint(der)
        names = {
            digest,
            _hex(digest),
            thumbprint_sha256(der),
            _bare(base64.b64encode(der).decode()),
        }
        if names & named:
            return x509.load_der_x509_certificate(der)
    return None


def _verified(assertion: str, key: object) -> dict[str, object]:
    if not isinstance(key, RSAPublicKey):
        raise RefusalError(700027)
    try:
        claims: dict[str, object] = jwt.decode(
            assertion, key, algorithms=["RS256", "PS256"], options=_SIGNATURE_ALONE
        )
    except jwt.PyJWTError:
        raise RefusalError(700027) from None
    return claims


def _bare(value: object) -> str:
    # MSAL for Python pads its thumbprints and breaks the lines of its certificates.
    return "".join(str(value).split()).rstrip("=")


def _hex(digest: str) -> str:
    return binascii.hexlify(base64.urlsafe_b64decode(f"{digest}==")).decode().upper()


def _moment(value: object, missing: float) -> float:
    if isinstance(value, str) and value.isdecimal():
        return float(value)
    return float(value) if isinstance(value, int | float) else missing
