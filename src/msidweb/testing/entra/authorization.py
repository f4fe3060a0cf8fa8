"""The authorization request: what a client asks of a browser's user (RFC 6749 section 4.1.1).

Until the redirect URI is known to be the client's, a refusal is a page; from then on it goes back
to the client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from .codes import Challenge
from .delivery import Delivery, ResponseMode
from .directory import CONSUMERS_TENANT, SHARED_TENANTS, App, Directory
from .errors import RefusalError
from .policies import ClaimsRequest
from .redirects import RedirectUri, find_redirect

_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_PROMPTS = frozenset({"", "none", "login", "select_account", "consent"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sign-in is for: who asks, for which permissions, and how the user shall be met."""

    client: App
    segment: str
    scope: str
    claims: ClaimsRequest
    prompt: str = ""
    login_hint: str = ""
    domain_hint: str = ""

    @classmethod
    def parse(cls, client: App, segment: str, fields: Mapping[str, str]) -> Wish:
        """Read the parameters; raises the refusal."""
        prompt = fields.get("prompt", "")
        if prompt not in _PROMPTS:
            raise RefusalError(90023, f"Unsupported 'prompt' value '{prompt}'.")
        return cls(
            client,
            segment,
            scope=_need(fields, "scope"),
            claims=ClaimsRequest.parse(fields.get("claims")),
            prompt=prompt,
            login_hint=fields.get("login_hint", ""),
            domain_hint=fields.get("domain_hint", ""),
        )


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A wish, and where its answer goes."""

    wish: Wish
    redirect: RedirectUri
    delivery: Delivery
    challenge: Challenge
    nonce: str | None
    client_info: bool

    @classmethod
    def parse(
        cls, segment: str, fields: Mapping[str, str], directory: Directory
    ) -> AuthorizationRequest:
        """Read the parameters; raises the refusal, shown as the module says."""
        client = find_client(segment, fields, directory)
        asked = _need(fields, "redirect_uri")
        redirect = find_redirect(client.redirect_uris, asked)
        if redirect is None:
            raise RefusalError(50011, _mismatch(asked, client))
        delivery = Delivery(asked, "query", fields.get("state"))
        try:
            delivery = Delivery(asked, _response_mode(fields), fields.get("state"))
            _check_response_type(fields)
            return cls(
                wish=Wish.parse(client, segment, fields),
                redirect=redirect,
                delivery=delivery,
                challenge=_challenge(fields, redirect),
                nonce=fields.get("nonce") or None,
                client_info=fields.get("client_info") in {"1", "2"},
            )
        except RefusalError as refusal:
            raise refusal.shown_by(delivery.refuse) from None


def find_client(segment: str, fields: Mapping[str, str], directory: Directory) -> App:
    """The client of a sign-in under a tenant segment; raises the refusal."""
    client_id = _need(fields, "client_id")
    tenant = directory.find_tenant(segment)
    if tenant is None and segment not in SHARED_TENANTS:
        raise RefusalError(90002, f"Tenant '{segment}' not found.")
    if segment in {"consumers", CONSUMERS_TENANT}:
        raise RefusalError(9002332)
    client = directory.apps.get(client_id)
    if client is not None and segment in SHARED_TENANTS:
        if not client.multi_tenant:
            raise RefusalError(50194)
        return client
    client = directory.find_app(client_id, tenant.id) if tenant else None
    if client is None:
        raise RefusalError(
            700016, f"Application with identifier '{client_id}' was not found in the directory."
        )
    return client


def _response_mode(fields: Mapping[str, str]) -> ResponseMode:
    asked = fields.get("response_mode") or "query"
    for mode in get_args(ResponseMode):
        if asked == mode:
            return mode  # type: ignore[no-any-return] # mypy gives up on get_args
    raise RefusalError(90023, f"Unsupported 'response_mode' value '{asked}'.")


def _check_response_type(fields: Mapping[str, str]) -> None:
    wanted = frozenset(_need(fields, "response_type").split())
    if wanted == {"code"}:
        return
    if "id_token" in wanted:
        raise RefusalError(700054)
    raise RefusalError(700051 if "token" in wanted else 70005)


def _challenge(fields: Mapping[str, str], redirect: RedirectUri) -> Challenge:
    value, method = fields.get("code_challenge"), fields.get("code_challenge_method") or "plain"
    if redirect.platform == "spa" and (not value or method != "S256"):
        raise RefusalError(9002325)
    if not value:
        return Challenge()
    if method not in {"S256", "plain"}:
        raise RefusalError(90023, f"Unsupported 'code_challenge_method' value '{method}'.")
    if not _CHALLENGE.fullmatch(value):
        raise RefusalError(501491)
    return Challenge(value, method)


def _need(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name)
    if not value:
        raise RefusalError(900144, f"The request must contain the parameter '{name}'.")
    return value


def _mismatch(asked: str, client: App) -> str:
    return (
        f"The redirect URI '{asked}' specified in the request does not match the redirect URIs "
        f"configured for the application '{client.client_id}'."
    )
