"""The events, as frozen records in the past tense.

What identifies a tenant or a user stands in CallerEvent alone: without EnablePiiLogging it is None.
No event has a field for a token, a secret, a session key or a partition name.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        correlation_id: Id of the request that caused it. What no request caused has an id of the
            identity's own; None only until it is emitted.
    """

    name: ClassVar[str]
    layer: ClassVar[str]
    level: ClassVar[int] = logging.DEBUG
    logger: ClassVar[logging.Logger]

    correlation_id: str | None = None

    def __init_subclass__(cls) -> None:
        if hasattr(cls, "layer"):
            cls.logger = logging.getLogger(f"msidweb.{cls.layer}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerEvent(Event):
    """Something that concerns a caller, who is named with EnablePiiLogging only.

    Attributes:
        tenant_id: Tenant of the caller, or the one that was asked for a token.
        object_id: Object id of the caller.
        user_name: Sign-in name of the user, who can change it.
    """

    tenant_id: str | None = None
    object_id: str | None = None
    user_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenValidated(CallerEvent):
    """An incoming token passed every rule; ``from_memo`` when it had passed them before."""

    name: ClassVar[str] = "msidweb.token_validated"
    layer: ClassVar[str] = "validation"

    scheme: str
    kind: str
    from_memo: bool
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRejected(Event):
    """An incoming token was refused by ``rule``.

    At most one such event a second and ``code``; ``suppressed`` counts those that came between.
    """

    name: ClassVar[str] = "msidweb.token_rejected"
    layer: ClassVar[str] = "validation"
    level: ClassVar[int] = logging.INFO

    scheme: str
    rule: str
    code: str
    detail: str
    suppressed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysRefreshed(Event):
    """The authority's signing keys were fetched."""

    name: ClassVar[str] = "msidweb.keys_refreshed"
    layer: ClassVar[str] = "authority"
    level: ClassVar[int] = logging.INFO

    host: str
    keys: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysRefreshFailed(Event):
    """Metadata or keys could not be fetched; ``known`` keys stay in use."""

    name: ClassVar[str] = "msidweb.keys_refresh_failed"
    layer: ClassVar[str] = "authority"
    level: ClassVar[int] = logging.WARNING

    host: str
    known: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialLoaded(Event):
    """A client credential was chosen."""

    name: ClassVar[str] = "msidweb.credential_loaded"
    layer: ClassVar[str] = "credentials"
    level: ClassVar[int] = logging.INFO

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReloaded(Event):
    """Entra ID refused a client credential, and another one was found in its place."""

    name: ClassVar[str] = "msidweb.credential_reloaded"
    layer: ClassVar[str] = "credentials"
    level: ClassVar[int] = logging.INFO

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFailed(Event):
    """A client credential could not be loaded, or was refused; the next one comes before it now."""

    name: ClassVar[str] = "msidweb.credential_failed"
    layer: ClassVar[str] = "credentials"
    level: ClassVar[int] = logging.WARNING

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialNoted(Event):
    """A client credential works, and something about it should be looked after."""

    name: ClassVar[str] = "msidweb.credential_noted"
    layer: ClassVar[str] = "credentials"
    level: ClassVar[int] = logging.WARNING

    source: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAcquired(CallerEvent):
    """A token for a downstream service is at hand, and how it was come by."""

    name: ClassVar[str] = "msidweb.token_acquired"
    layer: ClassVar[str] = "acquisition"

    flow: str
    source: str
    cache_level: str
    reason: str
    scopes: tuple[str, ...]
    seconds: float | None = None
    expires_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAcquisitionFailed(CallerEvent):
    """Entra ID gave no token."""

    name: ClassVar[str] = "msidweb.token_acquisition_failed"
    layer: ClassVar[str] = "acquisition"
    level: ClassVar[int] = logging.INFO

    flow: str
    code: str
    error: str | None = None
    aadsts: int | None = None
    scopes: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAheadFailed(CallerEvent):
    """A token was to be renewed in the background and was not; the old one is served on."""

    name: ClassVar[str] = "msidweb.refresh_ahead_failed"
    layer: ClassVar[str] = "acquisition"
    level: ClassVar[int] = logging.WARNING

    flow: str
    code: str
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamCalled(CallerEvent):
    """A downstream API was called; ``status`` is None when it did not answer."""

    name: ClassVar[str] = "msidweb.downstream_called"
    layer: ClassVar[str] = "downstream"

    service: str
    method: str
    status: int | None
    attempts: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamRetried(Event):
    """A downstream call is sent again after ``wait`` seconds; its ``attempt`` failed."""

    name: ClassVar[str] = "msidweb.downstream_retried"
    layer: ClassVar[str] = "downstream"
    level: ClassVar[int] = logging.INFO

    service: str
    method: str
    attempt: int
    reason: str
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamRetryWithheld(Event):
    """A downstream call would be sent again, were it not for ``limit``: budget or deadline."""

    name: ClassVar[str] = "msidweb.downstream_retry_withheld"
    layer: ClassVar[str] = "downstream"

    service: str
    method: str
    attempt: int
    reason: str
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeAnswered(CallerEvent):
    """A claims challenge of a downstream API was answered with a new token."""

    name: ClassVar[str] = "msidweb.challenge_answered"
    layer: ClassVar[str] = "downstream"
    level: ClassVar[int] = logging.INFO

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderDropped(Event):
    """A configured header is reserved or already set, and was left out."""

    name: ClassVar[str] = "msidweb.header_dropped"
    layer: ClassVar[str] = "downstream"
    level: ClassVar[int] = logging.WARNING

    service: str
    header: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused(CallerEvent):
    """A caller whose token is good was refused: a scope or a role is missing."""

    name: ClassVar[str] = "msidweb.request_refused"
    layer: ClassVar[str] = "integrations"
    level: ClassVar[int] = logging.INFO

    status: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFailed(CallerEvent):
    """A request was answered with ``status`` because a service behind the API failed."""

    name: ClassVar[str] = "msidweb.request_failed"
    layer: ClassVar[str] = "integrations"
    level: ClassVar[int] = logging.WARNING

    status: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportChosen(Event):
    """An HTTP client was made."""

    name: ClassVar[str] = "msidweb.transport_chosen"
    layer: ClassVar[str] = "http"

    client: str
    transport: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOpenedLate(Event):
    """The identity was used before it was opened, and opened itself."""

    name: ClassVar[str] = "msidweb.opened_late"
    layer: ClassVar[str] = "http"
    level: ClassVar[int] = logging.WARNING

    remedy: str = "pass identity.lifespan to the application, or use 'async with identity'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationNoted(Event):
    """Something in the configuration works and is worth knowing."""

    name: ClassVar[str] = "msidweb.configuration_noted"
    layer: ClassVar[str] = "configuration"
    level: ClassVar[int] = logging.WARNING

    place: str
    note: str
