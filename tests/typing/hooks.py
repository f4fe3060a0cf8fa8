"""What type checkers must take and refuse as hooks and callbacks; checked, never run."""

from typing import assert_type

import httpx

from msidweb import AuthorizationError, IdentityBuilder, Principal
from msidweb.acquisition import TokenRequestDraft
from msidweb.credentials import AssertionRequest
from msidweb.telemetry import DownstreamCalled, Event, TokenAcquired


def on_event(event: Event) -> None:
    match event:
        case TokenAcquired():
            assert_type(event.scopes, tuple[str, ...])
        case DownstreamCalled():
            assert_type(event.seconds, float)
        case _:
            assert_type(event.name, str)


def only_of_known_clients(principal: Principal) -> None:
    if principal.client_id is None:
        raise AuthorizationError("Nobody knows who asks.")


async def known(principal: Principal) -> None:
    assert_type(principal.claims["oid"], object)


async def charge(draft: TokenRequestDraft) -> None:
    draft.headers["x-cost-center"] = "4711"


def sign(request: httpx.Request) -> None:
    request.headers["x-signature"] = "…"


async def assertion(request: AssertionRequest) -> str:
    assert_type(request.client_id, str)
    return "…"


def chain() -> IdentityBuilder:
    return (
        IdentityBuilder()
        .add_hook(on_event)
        .on_token_validated(only_of_known_clients)
        .on_token_validated(known)
        .on_before_token_request(charge)
        .on_before_auth_header(sign)
        .on_after_auth_header(sign)
        .customize_request(sign)
        .add_signed_assertion_provider("BuildService", assertion)
    )


def mistakes(builder: IdentityBuilder) -> None:
    builder.add_hook(sign)  # type: ignore[arg-type]
    builder.on_token_validated(sign)  # type: ignore[arg-type]
    builder.on_before_token_request(known)  # type: ignore[arg-type]
    builder.customize_request(charge)  # type: ignore[arg-type]
    builder.on_after_auth_header("sign")  # type: ignore[arg-type]
    builder.add_signed_assertion_provider("P", known)  # type: ignore[arg-type]
