"""What Entra's AADSTS codes mean in practice, and what helps.

Codes may change (Microsoft says so), so ``error`` and ``suberror`` decide first wherever they can.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Kind(enum.Enum):
    """What a code says about who must act."""

    USER = enum.auto()
    ASSERTION = enum.auto()
    CREDENTIAL = enum.auto()
    SETUP = enum.auto()
    LOOP = enum.auto()
    TRANSIENT = enum.auto()


@dataclass(frozen=True, slots=True)
class Cause:
    """One code, explained.

    Attributes:
        kind: Who must act.
        meaning: What happened.
        remedy: What helps.
    """

    kind: Kind
    meaning: str
    remedy: str


_SIGN_IN = "let the client sign the user in again with the claims of this error"
_CREDENTIAL = "register the credential on the application, or configure one that is registered"
_FEDERATED = "compare issuer, subject and audience of the federated credential with the assertion"
_TENANT = "check TenantId and ClientId"
_SCOPE = "check the scopes of the call against the API's registration"
_AUDIENCE = (
    "check that the incoming token's audience is this application (client id or App ID URI) and "
    "accessTokenAcceptedVersion matches; consent or another secret does not help"
)

CAUSES: Mapping[int, Cause] = {
    50013: Cause(
        Kind.ASSERTION, "the incoming token was not issued for this application", _AUDIENCE
    ),
    500131: Cause(
        Kind.ASSERTION, "the incoming token's audience is another application", _AUDIENCE
    ),
    500132: Cause(Kind.ASSERTION, "the incoming token could not be validated", _AUDIENCE),
    500133: Cause(
        Kind.ASSERTION,
        "the incoming token is outside of its time",
        "let the client get a new token and call again, and check the machine's clock",
    ),
    7000114: Cause(
        Kind.ASSERTION,
        "the incoming token is an application's, not a user's",
        "call get_token_for_app for callers without a user",
    ),
    65001: Cause(
        Kind.USER,
        "the user or an administrator has not consented",
        "grant admin consent, or list the client in knownClientApplications and let it ask",
    ),
    50076: Cause(Kind.USER, "multi-factor authentication is needed", _SIGN_IN),
    50079: Cause(Kind.USER, "the user must register for multi-factor authentication", _SIGN_IN),
    50158: Cause(Kind.USER, "an external challenge is not satisfied", _SIGN_IN),
    53000: Cause(Kind.USER, "the device is not compliant", _SIGN_IN),
    53001: Cause(Kind.USER, "the device is not joined", _SIGN_IN),
    53003: Cause(Kind.USER, "Conditional Access blocks the sign-in", _SIGN_IN),
    50055: Cause(Kind.USER, "the user's password expired", _SIGN_IN),
    50057: Cause(Kind.USER, "the user is disabled", "enable the user, or refuse the call"),
    50058: Cause(Kind.USER, "the user has no session", _SIGN_IN),
    50105: Cause(
        Kind.USER, "the user is not assigned to the application", "assign the user or a group"
    ),
    50173: Cause(Kind.USER, "the user's grant was revoked", _SIGN_IN),
    50020: Cause(
        Kind.USER, "the user comes from another identity provider", "invite the user as a guest"
    ),
    90072: Cause(
        Kind.USER, "the user is not in that tenant", "leave 'tenant' out: the user's own is asked"
    ),
    70000: Cause(Kind.USER, "the grant is unknown or malformed", _SIGN_IN),
    70008: Cause(Kind.USER, "the grant expired", _SIGN_IN),
    70043: Cause(Kind.USER, "the grant's lifetime is over by policy", _SIGN_IN),
    700082: Cause(Kind.USER, "the refresh token expired by inactivity", _SIGN_IN),
    7000215: Cause(
        Kind.CREDENTIAL,
        "the client secret is wrong",
        "configure the secret's value (not its id), and check that it belongs to ClientId",
    ),
    7000222: Cause(Kind.CREDENTIAL, "the client secret expired", "create a new client secret"),
    700027: Cause(Kind.CREDENTIAL, "the client assertion's signature does not hold", _CREDENTIAL),
    700024: Cause(
        Kind.CREDENTIAL,
        "the client assertion is outside of its time",
        "check the machine's clock, and that the assertion is renewed in time",
    ),
    7000214: Cause(Kind.CREDENTIAL, "the certificate was revoked", _CREDENTIAL),
    7000277: Cause(Kind.CREDENTIAL, "the certificate was revoked", _CREDENTIAL),
    1000502: Cause(
        Kind.CREDENTIAL, "the certificate is outside of its validity", "renew the certificate"
    ),
    7000274: Cause(Kind.CREDENTIAL, "the client assertion's signature is invalid", _CREDENTIAL),
    70021: Cause(Kind.CREDENTIAL, "no federated credential matches", _FEDERATED),
    700211: Cause(Kind.CREDENTIAL, "no federated credential has that issuer", _FEDERATED),
    700212: Cause(Kind.CREDENTIAL, "no federated credential has that audience", _FEDERATED),
    700213: Cause(Kind.CREDENTIAL, "no federated credential has that subject", _FEDERATED),
    7000218: Cause(
        Kind.SETUP, "the request showed no client credential", "configure ClientCredentials"
    ),
    700016: Cause(Kind.SETUP, "the application is not in that tenant", _TENANT),
    90002: Cause(Kind.SETUP, "the tenant does not exist", _TENANT),
    650052: Cause(
        Kind.SETUP, "the organization has no service principal of the API", "provision the API"
    ),
    650053: Cause(Kind.SETUP, "the API has no such scope", _SCOPE),
    650057: Cause(
        Kind.SETUP, "the API is not among the application's permissions", "add the permission"
    ),
    500011: Cause(Kind.SETUP, "the API is not in that tenant", _SCOPE),
    70011: Cause(
        Kind.SETUP, "the scope is malformed, or mixes several APIs or .default with others", _SCOPE
    ),
    1002012: Cause(
        Kind.SETUP, "an application's scope must end in /.default", "ask for '{api}/.default'"
    ),
    70003: Cause(Kind.SETUP, "the grant is not supported", "check the application's registration"),
    500207: Cause(Kind.SETUP, "the account type is not supported by the API", _SCOPE),
    900144: Cause(Kind.SETUP, "the request lacks a parameter", "please report it"),
    9002313: Cause(Kind.SETUP, "the request is malformed", "please report it"),
    50196: Cause(
        Kind.LOOP,
        "the same request was repeated too often",
        "stop forcing refreshes, and share one identity object in the process",
    ),
    50000: Cause(Kind.TRANSIENT, "the service could not issue a token", "try again"),
    90033: Cause(Kind.TRANSIENT, "the service is unavailable for a moment", "try again"),
    90036: Cause(Kind.TRANSIENT, "the service failed for a moment", "try again"),
}
"""AADSTS number -> cause."""

RELOADABLE = frozenset({700024, 700027, 1000502, 7000214, 7000274, 7000277})
"""Refusals after which a credential is loaded anew and shown once more. .NET: the same six."""
