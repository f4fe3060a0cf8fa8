"""Everything that was asked of the emulator, without what must not be seen."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from msidweb.testing._arguments import checks_arguments
from msidweb.testing.exchange import Request

_HIDDEN = frozenset({"client_secret", "password"})
_SHORTENED = frozenset(
    {
        *("assertion", "client_assertion", "refresh_token", "code", "code_verifier"),
        *("device_code", "user_code", "ctx", "id_token_hint"),
    }
)
_CREDENTIALS = frozenset({"authorization", "cookie"})
_CAPACITY = 10_000


@checks_arguments()
@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request and how it was answered.

    Attributes:
        at: Moment of the emulator's clock, unix seconds.
        endpoint: ``token``, ``metadata``, ``keys`` … or ``unknown``.
        method: HTTP method.
        path: Path of the URL.
        query: Query parameters.
        headers: Headers, names in lower case; credentials shortened.
        form: Fields of the body. Secrets are ``***``; tokens are a short fingerprint, equal for
            equal tokens.
        correlation_id: The id that the answer carries.
        status: HTTP status of the answer.
        code: AADSTS code of the answer, or None.
    """

    at: float
    endpoint: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    form: Mapping[str, str]
    correlation_id: str
    status: int
    code: int | None = None

    @property
    def tenant(self) -> str:
        """The first segment of the path."""
        return self.path.lstrip("/").partition("/")[0]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that were asked for."""
        return tuple(self.form.get("scope", "").split())


@checks_arguments()
class Wire:
    """The newest 10,000 requests, and how many there ever were of each kind."""

    def __init__(self) -> None:
        self._requests: deque[WireRequest] = deque(maxlen=_CAPACITY)
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    @property
    def requests(self) -> list[WireRequest]:
        """The requests, oldest first."""
        return list(self._requests)

    @property
    def token_requests(self) -> list[WireRequest]:
        """The requests to the token endpoint, oldest first."""
        return self.to("token")

    def to(self, endpoint: str) -> list[WireRequest]:
        """The requests to one endpoint, oldest first."""
        return [request for request in self._requests if request.endpoint == endpoint]

    def count(self, endpoint: str) -> int:
        """How many requests an endpoint had, also those no longer kept."""
        return self._counts[endpoint]

    def clear(self) -> None:
        """Forget all of it."""
        self._requests.clear()
        self._counts.clear()

    def record(
        self,
        request: Request,
        *,
        at: float,
        endpoint: str,
        correlation_id: str,
        status: int,
        code: int | None,
    ) -> None:
        """Remember one request."""
        self._counts[endpoint] += 1
        self._requests.append(
            WireRequest(
                at=at,
                endpoint=endpoint,
                method=request.method,
                path=request.path,
                query={name: _shown(name, value) for name, value in request.query.items()},
                headers=_without_credentials(request.headers),
                form={name: _shown(name, value) for name, value in request.form.items()},
                correlation_id=correlation_id,
                status=status,
                code=code,
            )
        )


def _without_credentials(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {
        name: fingerprint(value) if name in _CREDENTIALS else value
        for name, value in headers.items()
    }


def _shown(name: str, value: str) -> str:
    if name in _HIDDEN:
        return "***"
    return fingerprint(value) if name in _SHORTENED else value


def fingerprint(token: str) -> str:
    """Eight hexadecimal digits that tell two tokens apart (security.md 3.12)."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()[:8]}"
