"""Witnesses of who got what: between the emulator and its callers, and around transports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

import httpx

from msidweb.encoding import decode_base64url
from msidweb.principal import Assertion

from .exchange import AsgiApp, Message, Receive, Scope, Send
from .server import Addressed


@dataclass(frozen=True, slots=True)
class Issue:
    """A token as it left Entra ID.

    Attributes:
        digest: Of the assertion that it was issued for.
        scope: What was asked for.
    """

    digest: str
    scope: str


class Notary:
    """Stands before an emulator and notes for which assertion each token was issued.

    Attributes:
        issued: The tokens on behalf of users, by their ``uti``.
        answers: The answers of the token endpoint, oldest first.
    """

    def __init__(self, entra: AsgiApp) -> None:
        self._entra = entra
        self.issued: dict[str, Issue] = {}
        self.answers: list[Mapping[str, object]] = []

    def served_at(self, base_url: str) -> None:
        """Hand on the address of a server."""
        served: object = self._entra
        if isinstance(served, Addressed):
            served.served_at(base_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        sent, answered = bytearray(), bytearray()

        async def reading() -> Message:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def writing(message: Message) -> None:
            answered.extend(message.get("body", b""))
            await send(message)

        await self._entra(scope, reading, writing)
        if scope["type"] == "http" and scope["path"].endswith("/token"):
            self._note(parse_qs(sent.decode()), bytes(answered))

    def _note(self, form: Mapping[str, list[str]], answer: bytes) -> None:
        assertion = form.get("assertion", [""])[0]
        try:
            members = json.loads(answer)
        except ValueError:
            return
        if not isinstance(members, dict):
            return
        self.answers.append(members)
        token = members.get("access_token")
        if assertion and isinstance(token, str) and token.count(".") == 2:  # noqa: PLR2004 - a JWT's
            uti = str(claims_of(token)["uti"])
            self.issued[uti] = Issue(Assertion(assertion).digest, form["scope"][0])


class Hesitant(httpx.AsyncBaseTransport):
    """Lets others run before and after each request, so that calls in process interleave.

    Args:
        inner: What answers.
        pauses: How often the loop turns, each time it is asked.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, pauses: Callable[[], int]) -> None:
        self._inner = inner
        self._pauses = pauses

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, later."""
        await turns(self._pauses())
        response = await self._inner.handle_async_request(request)
        await turns(self._pauses())
        return response


async def turns(count: int) -> None:
    """Let the loop turn *count* times."""
    for _ in range(count):
        await asyncio.sleep(0)


def claims_of(token: str) -> dict[str, object]:
    """The claims of a JWT, whoever signed it."""
    claims: dict[str, object] = json.loads(decode_base64url(token.split(".")[1]))
    return claims
