"""Every error that msidweb raises, and what each is for.

    MsidwebError
    ├── ConfigurationError              every problem of the configuration, before anything runs
    ├── InvalidCallError            500 the calling code passed something wrong; nothing was sent
    ├── BlockingCallError           503 a blocking call was given up
    ├── AuthenticationError         401 the incoming token was refused
    │   ├── MissingTokenError           there is none
    │   ├── MalformedTokenError         it is no compact, strict JWT
    │   ├── UnknownKeyError             its key id is not one of the authority's
    │   ├── InvalidSignatureError       its signature does not hold
    │   ├── InvalidClaimError           it is not for this API, or not from this authority
    │   └── ExpiredTokenError           its time is over
    ├── AuthorizationError          403 the caller lacks a scope or a role
    ├── MetadataUnavailableError    503 the authority's documents or keys never came
    ├── TokenAcquisitionError       502 Entra ID gave no token
    │   ├── UserChallengeError      401 the user must consent or sign in again
    │   ├── AssertionRejectedError      the incoming token cannot be exchanged
    │   ├── CredentialError             the client's secret, certificate or assertion was refused
    │   ├── ThrottledError          503 Entra ID asks to wait
    │   └── UserRequiredError       500 a call for a user, and no user is known
    ├── ConsentRequiredError            msidweb.client: an API that was called asks for its user
    └── DownstreamApiError          502 a downstream API answered with an error, or not at all
        ├── DownstreamTimeoutError  504
        └── DownstreamConnectionError

Messages name what and where. They never hold a token, a secret or a user's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class MsidwebError(Exception):
    """Root of every error of this package.

    Attributes:
        code: Stable name of the cause, for programs and log searches.
        remedy: What the reader can do about it, or None; follows the message in ``str``.
        correlation_id: The id that Entra ID and our log events carry, or None.
        retryable: Whether the same call may succeed later without any change.
    """

    code: str = "msidweb_error"
    retryable: bool = False
    default_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str | None = None,
        correlation_id: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.correlation_id = correlation_id
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message

    @property
    def response_status(self) -> int:
        """The HTTP status with which an API answers when this error ends its request."""
        return self.default_status

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only constructors do not survive the default protocol, and process pools pickle.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[MsidwebError], args: tuple[Any, ...], state: dict[str, Any]) -> MsidwebError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the configuration.

    Attributes:
        place: File, section and key, or the environment variable, or the argument.
        message: What is wrong there; never the value.
        hint: The nearest known name, or what would be accepted.
    """

    place: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigurationError(MsidwebError):
    """The configuration cannot be read or cannot work; lists every problem at once."""

    code = "configuration_invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        noun = "problem" if len(self.problems) == 1 else "problems"
        super().__init__(f"{len(self.problems)} configuration {noun}:\n{lines}")


class InvalidCallError(MsidwebError):
    """The calling code passed something that cannot be right; nothing was sent.

    .NET: ArgumentException, FormatException, InvalidOperationException.
    """

    code = "invalid_call"


class BlockingCallError(MsidwebError):
    """A thread waits no longer for its call: the time is over, or the call's event loop ended."""

    code = "blocking_call_ended"
    retryable = True
    default_status = 503


class AuthenticationError(MsidwebError):
    """The incoming token was refused.

    Attributes:
        rule: Code of the rule that refused it (``H1``, ``C2`` …); for logs, never for the caller.
        description: The coarse text that the caller may read (RFC 6750 ``error_description``).
    """

    code = "invalid_token"
    default_status = 401
    description: ClassVar[str] = "The access token is invalid."

    def __init__(self, message: str, *, rule: str, correlation_id: str | None = None) -> None:
        super().__init__(message, correlation_id=correlation_id)
        self.rule = rule


class MissingTokenError(AuthenticationError):
    """The request carries no bearer token: RFC 6750 section 3.1 wants no error code then."""

    code = "missing_token"


class MalformedTokenError(AuthenticationError):
    """The Authorization field or the token in it is not well formed."""

    code = "malformed_token"

    @property
    def response_status(self) -> int:
        """400 where the request carries a second token elsewhere (T5, RFC 6750), else 401."""
        return 400 if self.rule == "T5" else self.default_status


class UnknownKeyError(AuthenticationError):
    """The authority publishes no key of the id that the token names."""

    code = "unknown_key"


class InvalidSignatureError(AuthenticationError):
    """The signature does not hold, or the key may not sign such a token."""

    code = "invalid_signature"


class InvalidClaimError(AuthenticationError):
    """A claim is missing, of the wrong type, or not for this API."""

    code = "invalid_claim"


class ExpiredTokenError(AuthenticationError):
    """The token's time is over."""

    code = "expired_token"
    description = "The access token expired."


class AuthorizationError(MsidwebError):
    """The caller is known and lacks a permission.

    Attributes:
        missing_scopes: Delegated permissions of which one is needed.
        missing_roles: App roles of which one is needed.
    """

    code = "insufficient_scope"
    default_status = 403

    def __init__(
        self,
        message: str,
        *,
        missing_scopes: Iterable[str] = (),
        missing_roles: Iterable[str] = (),
        correlation_id: str | None = None,
    ) -> None:
        super().__init__(message, correlation_id=correlation_id)
        self.missing_scopes = tuple(missing_scopes)
        self.missing_roles = tuple(missing_roles)


class MetadataUnavailableError(MsidwebError):
    """The authority's metadata or keys could not be fetched, and none are known from before."""

    code = "metadata_unavailable"
    retryable = True
    default_status = 503

    def __init__(
        self, message: str, *, retry_after: float | None = None, correlation_id: str | None = None
    ) -> None:
        super().__init__(message, correlation_id=correlation_id)
        self.retry_after = retry_after


class TokenAcquisitionError(MsidwebError):
    """Entra ID gave no token. .NET: MsalServiceException.

    Attributes:
        aadsts: Number of the AADSTS code, or None.
        error: OAuth 2.0 ``error`` of the answer, or None.
        suberror: Entra's ``suberror``, or None.
        claims: JSON claims request that Entra wants to be satisfied, or None.
        retry_after: Seconds to wait before the next try, or None.
        http_status: Status of the answer, or None when there was none.
        trace_id: Entra's trace id, or None.
    """

    code = "token_acquisition_failed"
    default_status = 502

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str | None = None,
        correlation_id: str | None = None,
        retryable: bool | None = None,
        aadsts: int | None = None,
        error: str | None = None,
        suberror: str | None = None,
        claims: str | None = None,
        retry_after: float | None = None,
        http_status: int | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(
            message, code=code, remedy=remedy, correlation_id=correlation_id, retryable=retryable
        )
        self.aadsts = aadsts
        self.error = error
        self.suberror = suberror
        self.claims = claims
        self.retry_after = retry_after
        self.http_status = http_status
        self.trace_id = trace_id


class UserChallengeError(TokenAcquisitionError):
    """The user must act: consent, sign in again, satisfy a policy.

    .NET: MicrosoftIdentityWebChallengeUserException.

    Attributes:
        scopes: The scopes that were asked for.
        user_flow: The B2C user flow, or None.
    """

    code = "user_challenge"
    default_status = 401

    def __init__(
        self,
        message: str,
        *,
        scopes: Iterable[str] = (),
        user_flow: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.scopes = tuple(scopes)
        self.user_flow = user_flow

    @property
    def challenge(self) -> str:
        """``consent_required`` when consent alone is missing, else ``interaction_required``."""
        consent = self.aadsts == _CONSENT_MISSING or self.suberror == "consent_required"
        return "consent_required" if consent else "interaction_required"


_CONSENT_MISSING = 65001


class AssertionRejectedError(TokenAcquisitionError):
    """Entra ID refuses to exchange the incoming token (AADSTS50013, 500133 and relatives).

    The token was not issued for this application, is damaged or out of its time; neither consent
    nor another secret would help.
    """

    code = "assertion_rejected"


@dataclass(frozen=True, slots=True)
class CredentialAttempt:
    """What came of trying one client credential.

    Attributes:
        source: Kind and place of the credential, never its value.
        reason: Why it was not used.
    """

    source: str
    reason: str


class CredentialError(TokenAcquisitionError):
    """No client credential could be loaded, or Entra ID refused the one that was sent."""

    code = "credential_rejected"

    def __init__(
        self, message: str, *, attempts: Sequence[CredentialAttempt] = (), **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.attempts = tuple(attempts)


class ThrottledError(TokenAcquisitionError):
    """Entra ID asked to wait, and the time is not over. .NET: MsalThrottledServiceException."""

    code = "throttled"
    retryable = True
    default_status = 503


class UserRequiredError(TokenAcquisitionError):
    """A token for a user was asked for, and there is neither a principal nor a session key."""

    code = "user_required"
    default_status = 500


class ConsentRequiredError(MsidwebError):
    """An API asks the program that called it to let the user consent or sign in again.

    For clients of an API; the API itself raises UserChallengeError. .NET: MsalUiRequiredException.

    Attributes:
        code: ``consent_required``, or ``interaction_required`` where consent alone does not help.
        description: What the API says about it; shown nowhere else.
        scopes: What the API could not get on behalf of the user.
        claims: Claims request that the next sign-in must satisfy, JSON text, or None.
    """

    code = "consent_required"

    def __init__(
        self,
        description: str,
        *,
        scopes: Iterable[str] = (),
        claims: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(
            "The API needs its user.",
            code=code,
            remedy="let the user sign in again, with these claims, and call with the new token",
        )
        self.description = description
        self.scopes = tuple(scopes)
        self.claims = claims


class DownstreamApiError(MsidwebError):
    """A downstream API answered with an error status, unreadably, or not at all.

    .NET: HttpRequestException. The body is an attribute only; it is in no message and no log.

    Attributes:
        service_name: Name of the API in the configuration.
        status_code: Status of the answer; None when there was none.
        reason: Reason phrase of the answer, or None.
        headers: Headers of the answer, names in lower case.
        body: Start of the answer's text, at most 4,096 characters.
        truncated: Whether the body went on.
        retry_after: Seconds that the API asks to wait, or None.
    """

    code = "downstream_failed"
    default_status = 502

    def __init__(
        self,
        message: str,
        *,
        service_name: str,
        status_code: int | None = None,
        reason: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: str = "",
        truncated: bool = False,
        retry_after: float | None = None,
        code: str | None = None,
        correlation_id: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message, code=code, correlation_id=correlation_id, retryable=retryable)
        self.service_name = service_name
        self.status_code = status_code
        self.reason = reason
        self.headers: Mapping[str, str] = dict(headers or {})
        self.body = body
        self.truncated = truncated
        self.retry_after = retry_after


class DownstreamTimeoutError(DownstreamApiError):
    """The downstream API did not answer in time."""

    code = "downstream_timeout"
    retryable = True
    default_status = 504


class DownstreamConnectionError(DownstreamApiError):
    """The downstream API could not be reached, or broke off."""

    code = "downstream_unreachable"
    retryable = True
