"""Who sends a token request: the client, and the proof that it is."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .directory import App, Directory, Tenant
from .errors import RefusalError
from .keys import thumbprint, thumbprint_sha256

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def basic_credentials(authorization: str) -> dict[str, str]:
    """Client id and secret of an HTTP Basic field (RFC 6749 section 2.3.1), else nothing."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


def authenticate(
    form: Mapping[str, str],
    directory: Directory,
    tenant: Tenant,
    *,
    audiences: Iterable[str],
    now: float,
) -> App:
    """The client behind a token request; raises the refusal when it is none or has no proof."""
    client_id = form.get("client_id")
    if not client_id:
        raise RefusalError(900144, "The request body must contain the parameter 'client_id'.")
    app = directory.find_app(client_id, tenant.id)
    if app is None:
        raise RefusalError(700016)
    if form.get("client_assertion"):
        _check_assertion(app, form, audiences, now)
    elif form.get("client_secret"):
        _check_secret(app, form["client_secret"], now)
    elif not app.public:
        raise RefusalError(7000218)
    return app


def _check_secret(app: App, offered: str, now: float) -> None:
    for secret in app.secrets:
        if hmac.compare_digest(secret.value.encode(), offered.encode()):
            if secret.expires_at is not None and secret.expires_at <= now:
                raise RefusalError(7000222)
            return
    raise RefusalError(7000215)


def _check_assertion(
    app: App, form: Mapping[str, str], audiences: Iterable[str], now: float
) -> None:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise RefusalError(900144, "The request body must contain 'client_assertion_type'.")
    claims = _verified(app, form["client_assertion"])
    own = claims.get("iss") == app.client_id and claims.get("sub") == app.client_id
    if not own or str(claims.get("aud")) not in set(audiences):
        raise RefusalError(700027, "Client assertion is not of this client or not for this server.")
    starts, ends = _moment(claims.get("nbf"), 0), _moment(claims.get("exp"), 0)
    if not starts - _SKEW <= now < ends + _SKEW:
        raise RefusalError(700024)


def _verified(app: App, assertion: str) -> dict[str, object]:
    try:
        header = jwt.get_unverified_header(assertion)
        key = _registered_key(app, header)
        if key is None:
            raise RefusalError(700027)
        # Signature alone: MSAL.NET writes its times as strings, which PyJWT refuses.
        claims: dict[str, object] = jwt.decode(
            assertion,
            key,
            algorithms=["RS256", "PS256"],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except jwt.PyJWTError:
        raise RefusalError(700027) from None
    return claims


def _registered_key(app: App, header: Mapping[str, object]) -> RSAPublicKey | None:
    chain = header.get("x5c")
    leaf = chain[0] if isinstance(chain, list) and chain else chain
    named = {_bare(header.get("x5t")), _bare(header.get("x5t#S256")), _bare(leaf)}
    for der in app.certificates:
        names = {thumbprint(der), thumbprint_sha256(der), _bare(base64.b64encode(der).decode())}
        key = x509.load_der_x509_certificate(der).public_key()
        if names & named and isinstance(key, RSAPublicKey):
            return key
    return None


def _bare(value: object) -> str:
    # MSAL for Python pads its thumbprints and breaks the lines of its certificates.
    return "".join(str(value).split()).rstrip("=")


def _moment(value: object, missing: float) -> float:
    if isinstance(value, str) and value.isdecimal():
        return float(value)
    return float(value) if isinstance(value, int | float) else missing


_SKEW = 300
