"""What stands in for the APIs that the service under test calls."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from msidweb.errors import InvalidCallError

from ._arguments import checks_arguments
from .downstream import DownstreamEcho, Respond, echo
from .entra import App, EntraEmulator
from .exchange import Answer, AsgiApp, Receive, Request, Scope, Send, serve_exchange


@checks_arguments()
class StandInApi:
    """Takes the place of a downstream API: only good tokens get in, and it answers as it is told.

    Until it is told, it answers who was seen, as :class:`DownstreamEcho` does; Microsoft Graph
    answers as the emulator's. An API that is configured without scopes asks for no token.

    Args:
        entra: Whose tokens are taken.
        resource: The app that this API is, None for one that asks for no token.

    Attributes:
        resource: As given: for ``revoke_consent``, ``require_mfa`` and the like.
        requests: The requests that were let in.
    """

    def __init__(self, entra: EntraEmulator, resource: App | None) -> None:
        self.resource = resource
        self.requests: list[Request] = []
        self._entra = entra
        self._told: Respond | None = None
        self._gate = (
            None if resource is None else DownstreamEcho(entra, resource, answer=self._respond)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if self._gate is None:
            await serve_exchange(scope, receive, send, self._answer_anybody)
        elif self.resource is self._entra.graph and self._told is None:
            await self._entra(scope, receive, send)
        else:
            await self._gate(scope, receive, send)

    def answer_with(
        self, document: object, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer every good request with this JSON document from now on.

        Raises:
            InvalidCallError: JSON has no way to write *document*.
        """
        try:
            answer = Answer.of_json(document, status=status, headers=headers)
        except (TypeError, ValueError) as error:
            raise InvalidCallError(
                f"document takes JSON: {error}", code="invalid_argument"
            ) from None
        self.answer_by(lambda request, claims: answer)  # noqa: ARG005 - always the same

    def answer_by(self, respond: Respond) -> None:
        """Answer good requests from now on as *respond* tells of them and their token's claims."""
        self._told = respond

    def challenge_next(self, claims: str, *, times: int = 1) -> None:
        """Answer the next good requests with a claims challenge, as CAE does."""
        if self._gate is not None:
            self._gate.challenge_next(claims, times=times)

    async def _answer_anybody(self, request: Request) -> Answer:
        return self._respond(request, {})

    def _respond(self, request: Request, claims: Mapping[str, object]) -> Answer:
        self.requests.append(request)
        return (self._told or echo)(request, claims)


class Switchboard(httpx.AsyncBaseTransport):
    """Connects requests to applications in process, by the longest base URL that fits.

    Args:
        places: Applications by base URL; an empty one fits every request.
    """

    def __init__(self, places: Mapping[str, AsgiApp]) -> None:
        longest_first = sorted(places, key=len, reverse=True)
        self._lines = [
            (httpx.URL(base_url), httpx.ASGITransport(places[base_url]))
            for base_url in longest_first
        ]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the application there.

        Raises:
            httpx.ConnectError: There is none: nothing leaves the process.
        """
        for base_url, line in self._lines:
            if _fits(base_url, request.url):
                return await line.handle_async_request(request)
        raise httpx.ConnectError(f"Nothing stands at {request.url.host!r} in this test.")


def _fits(base: httpx.URL, url: httpx.URL) -> bool:
    if not base.host:
        return True
    same_server = (base.scheme, base.host, base.port) == (url.scheme, url.host, url.port)
    return same_server and url.path.startswith(base.path)
