"""A downstream API for tests: it checks the token by itself and tells what it saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from ._arguments import checks_arguments
from .entra import App, EntraEmulator
from .entra.continuous import challenge_field, understands_challenges
from .entra.policies import access_token_request
from .entra.registry import refuse_strangers
from .entra.tokens import moment
from .exchange import Answer, Receive, Request, Scope, Send, serve_exchange

Respond = Callable[[Request, Mapping[str, object]], Answer]


def echo(request: Request, claims: Mapping[str, object]) -> Answer:
    """Who was seen, and what they asked for."""
    return Answer.of_json(_seen(request, claims))


@checks_arguments()
class DownstreamEcho:
    """Answers every request with who was seen: the proof that the right token arrived.

    Signature, audience and time are checked against the emulator, not with this package's
    validation, so that one cannot hide the other's mistake. Continuous access is evaluated: after
    ``revoke_sessions`` older tokens get a claims challenge, if their client declared ``cp1``.

    Args:
        entra: Whose tokens are taken.
        resource: The app that this API is.
        scope: A delegated permission that users need; any unless given.
        authentication_context: A context such as ``c1`` that users' tokens must have in ``acrs``.
        latency: Seconds before each answer.
        answer: Makes the answer to a good request; without it, who was seen is told.

    Attributes:
        count: Requests so far.
    """

    def __init__(
        self,
        entra: EntraEmulator,
        resource: App,
        *,
        scope: str | None = None,
        authentication_context: str | None = None,
        latency: float = 0.0,
        answer: Respond = echo,
    ) -> None:
        refuse_strangers(entra, "resource", resource)
        self._entra = entra
        self._audiences = {resource.client_id, resource.app_id_uri, *resource.identifier_uris}
        self._scope = scope
        self._context = authentication_context
        self._latency = latency
        self._answer = answer
        self._challenges: list[str] = []
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await serve_exchange(scope, receive, send, self._handle)

    def challenge_next(self, claims: str, *, times: int = 1) -> None:
        """Answer the next good requests with a claims challenge, as CAE does."""
        self._challenges += [claims] * times

    async def _handle(self, request: Request) -> Answer:
        self.count += 1
        if self._latency:
            await asyncio.sleep(self._latency)
        claims = self._entra.recognize(request.bearer)
        if claims is None or not self._is_for_us(claims):
            return _refusal(401, "invalid_token" if request.bearer else None)
        scopes = str(claims.get("scp", "")).split()
        if self._scope is not None and scopes and self._scope not in scopes:
            return _refusal(403, "insufficient_scope")
        if self._challenges:
            return _challenge(self._challenges.pop(0))
        wanted = self._entra.access_challenge(claims)
        if wanted is None and self._lacks_context(claims):
            if not understands_challenges(claims):
                return _refusal(403, "insufficient_scope")
            wanted = access_token_request("acrs", value=self._context)
        return self._answer(request, claims) if wanted is None else _challenge(wanted)

    def _lacks_context(self, claims: Mapping[str, object]) -> bool:
        contexts = claims.get("acrs")
        has = isinstance(contexts, list) and self._context in contexts
        return self._context is not None and "scp" in claims and not has

    def _is_for_us(self, claims: Mapping[str, object]) -> bool:
        alive = self._entra.clock.time() < moment(claims, "exp")
        return str(claims.get("aud")) in self._audiences and alive


def _seen(request: Request, claims: Mapping[str, object]) -> dict[str, object]:
    names = ("tid", "oid", "uti", "scp", "roles", "name", "xms_cc", "acrs")
    return {
        **{name: claims[name] for name in names if name in claims},
        "client": claims.get("azp") or claims.get("appid"),
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "body": request.body.decode("utf-8", "replace"),
        "correlation_id": request.headers.get("x-correlation-id"),
    }


def _challenge(claims: str) -> Answer:
    headers = {"WWW-Authenticate": challenge_field(claims)}
    return Answer.of_json({"error": "insufficient_claims"}, status=401, headers=headers)


def _refusal(status: int, error: str | None) -> Answer:
    field = "Bearer" if error is None else f'Bearer error="{error}"'
    return Answer.of_json({"error": error}, status=status, headers={"WWW-Authenticate": field})
