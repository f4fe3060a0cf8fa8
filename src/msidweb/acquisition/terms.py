"""What one acquisition asks for beyond its scopes: the call's options over the configured ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from msidweb.authority import META_TENANTS
from msidweb.cache import RESERVED_SCOPES, Components, normalized_scopes
from msidweb.challenge import is_claims_request
from msidweb.configuration.options import AcquireTokenOptions
from msidweb.errors import InvalidCallError
from msidweb.http import guard_headers, laid_over
from msidweb.kinds import refused

_NOT_YET = (
    "session_key",
    "managed_identity",
    "fmi_path",
    "pop_public_key",
    "pop_claim",
    "user_flow",
    "extra_parameters",
)

_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CORRELATION_ID = re.compile(r"[\x21-\x7e]{1,128}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,2048}")

OURS = frozenset({"accept-encoding", "client-request-id", "content-type", "expect"})
"""Header fields of a token request that nobody else sets, in lower case."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The options of a call, checked.

    Attributes:
        tenant: Tenant to ask, or None for the usual one.
        claims: Claims request as JSON, or None.
        force_refresh: Skip the cache.
        query: Query of the token request.
        components: The part of it that makes the token another one.
        headers: Headers of the token request.
        correlation_id: Id to send, or None for the current one.
    """

    tenant: str | None = None
    claims: str | None = field(default=None, repr=False)
    force_refresh: bool = False
    query: tuple[tuple[str, str], ...] = ()
    components: Components = ()
    headers: tuple[tuple[str, str], ...] = ()
    correlation_id: str | None = None

    @property
    def skips_cache(self) -> bool:
        """Whether the cache is not read; what comes is stored all the same."""
        return self.force_refresh or self.claims is not None


def read_terms(
    options: AcquireTokenOptions | None,
    *,
    configured_query: Mapping[str, str] | None,
    scheme: str,
) -> Terms:
    """*options* over the configured query parameters; the call wins, per name in any case.

    Raises:
        InvalidCallError: An option is malformed, or not part of this version.
    """
    if options is None:
        query = _query(configured_query, None)
        return Terms(query=query, components=_components(query))
    _refuse_later_options(options, scheme)
    query = _query(configured_query, options.extra_query_parameters)
    return Terms(
        tenant=single_tenant(options.tenant),
        claims=_claims(options.claims),
        force_refresh=options.force_refresh,
        headers=_headers(options.extra_headers_parameters),
        correlation_id=_correlation_id(options.correlation_id),
        query=query,
        components=_components(query),
    )


def later_options(options: AcquireTokenOptions) -> Iterator[str]:
    """The given ones, by field, that this version does not act on and no call is made with.

    Ignoring them would change what is asked.
    """
    for name in _NOT_YET:
        if getattr(options, name) not in (None, {}):
            yield name


def objections(options: AcquireTokenOptions) -> Iterator[tuple[str, InvalidCallError]]:
    """Each option, by field, whose value :func:`read_terms` refuses, and why."""
    return refused((name, partial(read, getattr(options, name))) for name, read in _READERS.items())


def _refuse_later_options(options: AcquireTokenOptions, scheme: str) -> None:
    for name in later_options(options):
        raise InvalidCallError(f"{name} is not part of this version.", code="not_supported_yet")
    named = options.authentication_options_name
    if named is not None and named != scheme:
        raise InvalidCallError(
            f"authentication_options_name names the scheme {named!r}, and this is {scheme!r}.",
            code="unknown_scheme",
        )


def single_tenant(tenant: str | None) -> str | None:
    """*tenant* as it can be asked, None for none.

    Raises:
        InvalidCallError: It is no tenant id and no domain, or names no single tenant.
    """
    if not tenant:
        return None
    if not _TENANT.fullmatch(tenant):
        raise InvalidCallError("tenant is no tenant id and no domain.", code="invalid_tenant")
    if tenant.lower() in META_TENANTS:
        # .NET: IDW10405.
        raise InvalidCallError(
            f"tenant {tenant!r} names no single tenant; give a tenant id or a domain.",
            code="invalid_tenant",
        )
    return tenant


def _claims(claims: str | None) -> str | None:
    if not claims:
        return None
    if not is_claims_request(claims):
        raise InvalidCallError(
            "claims is no JSON object of at most 8 KiB with an object 'access_token'.",
            code="invalid_claims",
        )
    return claims


def _query(
    configured: Mapping[str, str] | None, given: Mapping[str, str] | None
) -> tuple[tuple[str, str], ...]:
    check_query(given)
    return tuple(laid_over((configured or {}).items(), (given or {}).items()))


def check_query(query: Mapping[str, str] | None) -> None:
    """Raise InvalidCallError where *query* cannot be written into a URL."""
    if any(_SURROGATE.search(text) for pair in (query or {}).items() for text in pair):
        raise InvalidCallError(
            "extra_query_parameters holds half of a surrogate pair", code="invalid_query"
        )


def _components(query: tuple[tuple[str, str], ...]) -> Components:
    # caller-sdk-* are telemetry of MSAL's callers: they make no other token.
    return tuple(sorted(pair for pair in query if not pair[0].lower().startswith("caller-sdk-")))


def _headers(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    if not headers:
        return ()
    allowed, dropped = guard_headers(headers, taken=OURS)
    if dropped:
        raise InvalidCallError(
            f"extra_headers_parameters may not set {dropped[0].name!r}.", code="invalid_header"
        )
    return tuple(sorted(allowed.items()))


def _correlation_id(value: str | None) -> str | None:
    if value is not None and not is_correlation_id(value):
        raise InvalidCallError("correlation_id is no plain id.", code="invalid_correlation_id")
    return value


def is_correlation_id(value: str) -> bool:
    """Whether *value* can be sent as ``client-request-id``."""
    return _CORRELATION_ID.fullmatch(value) is not None


_READERS: Mapping[str, Callable[[Any], object]] = {
    "tenant": single_tenant,
    "claims": _claims,
    "extra_query_parameters": check_query,
    "extra_headers_parameters": _headers,
    "correlation_id": _correlation_id,
}


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes of a call.

    Attributes:
        asked: As they are sent: in the caller's spelling, each once, none of the reserved.
        normalized: As they are compared.
    """

    asked: tuple[str, ...]
    normalized: tuple[str, ...]


def no_scopes(scopes: object) -> InvalidCallError:
    """That *scopes* cannot even be looked up."""
    kind = "None" if scopes is None else f"a {type(scopes).__name__}"
    return InvalidCallError(
        f"The scopes, {kind}, are no text and no list of texts.", code="invalid_scopes"
    )


def read_scopes(scopes: Iterable[str]) -> Scopes:
    """*scopes* without those of the sign-in itself.

    Raises:
        InvalidCallError: None is left, or one is no scope (RFC 6749 section 3.3).
    """
    asked: dict[str, str] = {}
    for scope in scopes:
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
            raise InvalidCallError(
                "A scope is empty, holds a space or is no text.", code="invalid_scopes"
            )
        if scope.lower() not in RESERVED_SCOPES:
            asked.setdefault(scope.lower(), scope)
    if not asked:
        raise InvalidCallError("No scope of an API is asked for.", code="invalid_scopes")
    return Scopes(tuple(asked.values()), normalized_scopes(asked))
