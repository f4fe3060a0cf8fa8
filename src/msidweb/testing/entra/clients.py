"""Who sends a token request: the client, and the proof that it is."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus

from .assertions import check_assertion
from .directory import App, Directory, Tenant
from .errors import RefusalError

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
    check_assertion(app, form["client_assertion"], audiences, now=now)
