"""MSAL writes the token request; nothing here sends it. The only importer of msal.

MSAL knows every grant and its parameters; its I/O, cache and throttle are left out. Its throttle
shares one slot among all users of a scope, so one user's answer could reach another: it never sees
an answer here, and what stands behind it stores nothing (security.md finding 1).
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from urllib.parse import urlsplit

from msidweb.credentials import ClientProof, ProofKind
from msidweb.errors import TokenAcquisitionError

if TYPE_CHECKING:
    import msal

MAX_APPLICATIONS = 256
"""MSAL applications kept, one per token endpoint and credential generation."""

_assertion: ContextVar[str] = ContextVar("msidweb_client_assertion")

_ApplicationKey: TypeAlias = tuple[str, int, ProofKind]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request as MSAL wrote it; its form holds secrets and is hidden in ``repr``."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Written(BaseException):
    """Carries the request out of MSAL; no Exception, so that none of MSAL's handlers sees it."""

    def __init__(self, request: TokenRequest) -> None:
        super().__init__()
        self.request = request


class MsalWriter:
    """Writes token requests of one application registration.

    Args:
        client_id: Application (client) id.
        capabilities: Client capabilities, ``cp1`` and the like; merged with every claims request.
    """

    def __init__(self, client_id: str, *, capabilities: Sequence[str] = ()) -> None:
        self._client_id = client_id
        self._capabilities = list(capabilities)
        self._applications: OrderedDict[_ApplicationKey, Any] = OrderedDict()
        self._make: Callable[..., Any] | None = None

    async def open(self) -> None:
        """Import msal, which takes a tenth of a second, off the loop."""
        if self._make is None:
            self._make = await asyncio.to_thread(_import_msal)

    def on_behalf_of(
        self,
        assertion: str,
        scopes: Sequence[str],
        *,
        endpoint: str,
        proof: ClientProof,
        claims: str | None = None,
    ) -> TokenRequest:
        """The request that trades the user's *assertion* for a token."""
        return self._written(
            endpoint,
            proof,
            lambda application: application.acquire_token_on_behalf_of(
                assertion, list(scopes), claims_challenge=claims, post=_post
            ),
        )

    def for_client(
        self,
        scope: str,
        *,
        endpoint: str,
        proof: ClientProof,
        claims: str | None = None,
    ) -> TokenRequest:
        """The request for a token of the application itself."""
        return self._written(
            endpoint,
            proof,
            lambda application: application.acquire_token_for_client(
                [scope],
                claims_challenge=claims,
                post=_post,
                # MSAL would import requests at the first call to know its errors.
                http_exceptions=(OSError,),
            ),
        )

    def _written(
        self, endpoint: str, proof: ClientProof, ask: Callable[[Any], object]
    ) -> TokenRequest:
        token = _assertion.set(proof.value)
        try:
            ask(self._application(endpoint, proof))
        except Written as written:
            return written.request
        except Exception as error:  # noqa: BLE001 - whatever MSAL raises, nothing was sent
            # Not chained: MSAL's frames hold the assertion and the secret.
            raise _not_written(f"raised {type(error).__name__}") from None
        finally:
            _assertion.reset(token)
        raise _not_written("returned without asking")

    def _application(self, endpoint: str, proof: ClientProof) -> Any:
        key = (endpoint, proof.generation, proof.kind)
        application = self._applications.pop(key, None) or self._new(endpoint, proof)
        self._applications[key] = application
        if len(self._applications) > MAX_APPLICATIONS:
            self._applications.popitem(last=False)
        return application

    def _new(self, endpoint: str, proof: ClientProof) -> Any:
        make = self._make = self._make or _import_msal()
        secret = proof.kind is ProofKind.SECRET
        return make(
            self._client_id,
            authority=endpoint.removesuffix("/oauth2/v2.0/token"),
            client_credential=proof.value if secret else {"client_assertion": _assertion.get},
            client_capabilities=self._capabilities or None,
            http_client=_Discovery(endpoint),
        )


def _import_msal() -> Callable[..., msal.ConfidentialClientApplication]:
    import msal  # noqa: PLC0415 - 130 ms that only token acquisition needs

    class Sink(msal.TokenCache):  # type: ignore[misc]  # msal is untyped
        """Keeps nothing: the cache is ours."""

        def add(self, event: object, now: object = None) -> None:
            """Let the event go by."""

    def make(client_id: str, **settings: Any) -> Any:
        return msal.ConfidentialClientApplication(
            client_id,
            token_cache=Sink(),
            http_cache=_Nothing(),
            # The host is one of our own table, or listed by the application: nothing to ask.
            instance_discovery=False,
            validate_authority=False,
            azure_region=False,
            **settings,
        )

    return make


class _Nothing(dict[str, object]):
    """A mapping that stays empty."""

    def __setitem__(self, key: str, value: object) -> None:
        """Let the value go by."""


class _Discovery:
    """MSAL's ``http_client``: answers the one document it reads, and sends nothing."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def get(self, url: str, **_: object) -> _Document:
        """The openid-configuration of our own table, whatever *url* MSAL asks for."""
        parts = urlsplit(url)
        issuer = f"{parts.scheme}://{parts.netloc}"
        return _Document(
            json.dumps(
                {
                    "issuer": issuer,
                    "token_endpoint": self._endpoint,
                    "authorization_endpoint": self._endpoint.removesuffix("token") + "authorize",
                }
            )
        )

    def post(self, url: str, **content: Any) -> NoReturn:
        """End MSAL's work here: the request is written."""
        _post(url, **content)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class _Document:
    text: str
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        """Never an error."""


def _post(
    url: str, *, data: Mapping[str, object], headers: Mapping[str, str], **_: object
) -> NoReturn:
    form = {name: str(value) for name, value in data.items()}
    raise Written(TokenRequest(url, form, dict(headers)))


def _not_written(what: str) -> TokenAcquisitionError:
    return TokenAcquisitionError(
        f"MSAL {what} instead of writing the token request; nothing was sent.",
        code="request_not_written",
    )
