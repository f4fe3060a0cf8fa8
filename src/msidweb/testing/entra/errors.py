"""Refusals in Entra ID's own words: AADSTS codes, their OAuth errors, the JSON around them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from msidweb.testing.exchange import Answer


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an AADSTS code says. The texts are the public ones, shortened."""

    error: str
    text: str
    suberror: str | None = None
    status: int = 400


_CATALOG: Mapping[int, Meaning] = {
    16000: Meaning(
        "interaction_required",
        "Either multiple user identities are available for the current request or the selected "
        "account is not supported for the scenario.",
    ),
    50011: Meaning(
        "invalid_request",
        "The redirect URI specified in the request does not match the redirect URIs configured "
        "for the application.",
    ),
    50013: Meaning(
        "invalid_grant",
        "Assertion failed signature validation, or its audience is not this application.",
    ),
    50020: Meaning(
        "invalid_request",
        "The user account from this identity provider does not exist in the tenant and cannot "
        "access the application. The account needs to be added as an external user first.",
    ),
    50034: Meaning("invalid_grant", "The user account does not exist in the directory."),
    50049: Meaning("invalid_instance", "Unknown or invalid instance."),
    50055: Meaning("invalid_grant", "The password is expired.", "user_password_expired"),
    50057: Meaning("invalid_grant", "The user account is disabled."),
    50058: Meaning(
        "interaction_required",
        "A silent sign-in request was sent but no user is signed in.",
    ),
    50076: Meaning(
        "interaction_required",
        "Due to a configuration change made by your administrator, or because you moved to a new "
        "location, you must use multi-factor authentication to access the resource.",
        "basic_action",
    ),
    50079: Meaning(
        "interaction_required",
        "You must enroll in multi-factor authentication to access the resource.",
        "basic_action",
    ),
    50105: Meaning("invalid_grant", "The signed in user is not assigned to a role."),
    50126: Meaning("invalid_grant", "Error validating credentials: invalid username or password."),
    50158: Meaning("interaction_required", "External security challenge was not satisfied."),
    50173: Meaning(
        "invalid_grant",
        "The provided grant has expired due to it being revoked. The user might have changed or "
        "reset their password.",
        "bad_token",
    ),
    50194: Meaning(
        "invalid_request",
        "The application is not configured as a multi-tenant application. Usage of the /common "
        "and /organizations endpoints is not supported for it.",
    ),
    50196: Meaning(
        "invalid_grant",
        "The server terminated an operation because it encountered a client request loop.",
    ),
    53000: Meaning("invalid_grant", "The device is not compliant."),
    53001: Meaning("invalid_grant", "The device is not joined to the domain."),
    53003: Meaning("invalid_grant", "Access has been blocked by Conditional Access policies."),
    65001: Meaning(
        "invalid_grant",
        "The user or administrator has not consented to use the application. Send an interactive "
        "authorization request for this user and resource.",
        "consent_required",
    ),
    54005: Meaning(
        "invalid_grant",
        "OAuth2 authorization code was already redeemed, please retry with a new valid code or "
        "use an existing refresh token.",
    ),
    65004: Meaning("access_denied", "User declined to consent to access the app."),
    70000: Meaning("invalid_grant", "The provided grant is invalid or malformed.", "bad_token"),
    70003: Meaning("unsupported_grant_type", "The app requested an unsupported grant type."),
    70005: Meaning("unsupported_response_type", "The response type is not supported."),
    70008: Meaning("invalid_grant", "The provided grant has expired.", "token_expired"),
    70011: Meaning(
        "invalid_scope", "The provided value for the input parameter 'scope' is invalid."
    ),
    70016: Meaning(
        "authorization_pending",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    70018: Meaning("bad_verification_code", "Invalid verification code."),
    70019: Meaning("expired_token", "Verification code expired."),
    70043: Meaning(
        "invalid_grant", "The refresh token has expired or is invalid.", "token_expired"
    ),
    90002: Meaning("invalid_request", "Tenant not found."),
    50000: Meaning("temporarily_unavailable", "There was an error issuing a token.", status=503),
    90014: Meaning("invalid_request", "A required field is missing from the request."),
    90023: Meaning("invalid_request", "A parameter has a value that is not supported."),
    90033: Meaning("temporarily_unavailable", "A transient error has occurred.", status=503),
    90036: Meaning("temporarily_unavailable", "An unexpected error has occurred.", status=503),
    90055: Meaning("temporarily_unavailable", "The server is too busy.", status=429),
    90072: Meaning("invalid_grant", "The user account does not exist in the tenant."),
    90094: Meaning(
        "access_denied",
        "An administrator of the organization must grant permissions that only an administrator "
        "can grant. Ask an administrator to grant permission to this app.",
    ),
    500011: Meaning("invalid_resource", "The resource principal was not found in the tenant."),
    500112: Meaning(
        "invalid_client",
        "The reply address does not match the reply address provided when requesting the "
        "authorization code.",
        status=401,
    ),
    500121: Meaning("access_denied", "Authentication failed during strong authentication request."),
    500133: Meaning("invalid_grant", "Assertion is not within its valid time range."),
    501481: Meaning(
        "invalid_grant",
        "The code_verifier does not match the code_challenge supplied in the authorization "
        "request.",
    ),
    501491: Meaning("invalid_request", "Invalid size of code_challenge parameter."),
    650053: Meaning(
        "invalid_client", "The application asked for a scope that does not exist.", status=401
    ),
    700005: Meaning(
        "invalid_grant",
        "The provided authorization code is intended to use against another tenant.",
    ),
    700016: Meaning("unauthorized_client", "The application was not found in the directory."),
    700211: Meaning(
        "invalid_client",
        "No matching federated identity record found for presented assertion issuer.",
        status=401,
    ),
    700212: Meaning(
        "invalid_client",
        "No matching federated identity record found for presented assertion audience.",
        status=401,
    ),
    700213: Meaning(
        "invalid_client",
        "No matching federated identity record found for presented assertion subject.",
        status=401,
    ),
    700024: Meaning(
        "invalid_client", "Client assertion is not within its valid time range.", status=401
    ),
    700027: Meaning("invalid_client", "Client assertion failed signature validation.", status=401),
    700051: Meaning(
        "unsupported_response_type", "response_type 'token' is not enabled for the application."
    ),
    700054: Meaning(
        "unsupported_response_type",
        "response_type 'id_token' is not enabled for the application.",
    ),
    700082: Meaning(
        "invalid_grant", "The refresh token has expired due to inactivity.", "token_expired"
    ),
    700084: Meaning(
        "invalid_grant",
        "The refresh token was issued to a single page app (SPA), and therefore has a fixed, "
        "limited lifetime, which cannot be extended. It is now expired.",
        "token_expired",
    ),
    900144: Meaning("invalid_request", "The request body must contain a required parameter."),
    1002012: Meaning(
        "invalid_scope",
        "The provided value for scope is not valid. Client credential flows must have a scope "
        "value with /.default suffixed to the resource identifier.",
    ),
    1000502: Meaning(
        "invalid_client", "The provided certificate is not within its validity.", status=401
    ),
    7000114: Meaning(
        "unauthorized_client", "The application is not allowed to make on-behalf-of calls."
    ),
    7000214: Meaning("invalid_client", "The certificate has been revoked.", status=401),
    7000274: Meaning(
        "invalid_client", "The client assertion contains an invalid signature.", status=401
    ),
    7000277: Meaning("invalid_client", "The certificate has been revoked.", status=401),
    7000215: Meaning("invalid_client", "Invalid client secret provided.", status=401),
    7000218: Meaning(
        "invalid_client",
        "The request body must contain 'client_assertion' or 'client_secret'.",
        status=401,
    ),
    7000222: Meaning("invalid_client", "The provided client secret keys are expired.", status=401),
    9002313: Meaning("invalid_request", "Request is malformed or invalid."),
    9002325: Meaning(
        "invalid_request",
        "Proof Key for Code Exchange is required for cross-origin authorization code redemption.",
    ),
    9002326: Meaning(
        "invalid_request",
        "Cross-origin token redemption is permitted only for the 'Single-Page Application' "
        "client-type.",
    ),
    9002327: Meaning(
        "invalid_request",
        "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via "
        "cross-origin requests.",
    ),
    9002332: Meaning(
        "invalid_request",
        "The application is configured for use by Azure Active Directory users only. Please do "
        "not use the /consumers endpoint to serve this request.",
    ),
}


class RefusalError(Exception):
    """The emulator refuses a request, with a code of Entra ID."""

    def __init__(
        self,
        code: int,
        text: str | None = None,
        *,
        error: str | None = None,
        suberror: str | None = None,
        claims: str | None = None,
        subcode: str | None = None,
        status: int | None = None,
    ) -> None:
        meaning = _CATALOG.get(code) or Meaning("invalid_request", "The request was refused.")
        super().__init__(f"AADSTS{code}")
        self.code = code
        self.text = text or meaning.text
        self.error = error or meaning.error
        self.suberror = suberror or meaning.suberror
        self.claims = claims
        self.subcode = subcode
        self.status = status or meaning.status
        self.face: Face | None = None

    def shown_by(self, face: Face) -> Self:
        """The same refusal, answered in another way than the endpoint's own."""
        self.face = face
        return self

    def body(
        self, *, now: float, trace_id: str, correlation_id: str, host: str
    ) -> dict[str, object]:
        """Entra ID's JSON for this refusal."""
        timestamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        body: dict[str, object] = {
            "error": self.error,
            "error_description": (
                f"AADSTS{self.code}: {self.text} Trace ID: {trace_id} "
                f"Correlation ID: {correlation_id} Timestamp: {timestamp}"
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://{host}/error?code={self.code}",
        }
        if self.suberror:
            body["suberror"] = self.suberror
        if self.claims:
            body["claims"] = self.claims
        if self.subcode:
            body["error_subcode"] = self.subcode
        return body


#: Turns a refusal and its body into an answer: JSON, a page, a redirect.
Face = Callable[[RefusalError, Mapping[str, object]], Answer]


def new_trace_id() -> str:
    """A GUID for one answer."""
    return str(uuid.uuid4())
