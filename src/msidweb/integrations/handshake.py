"""A token in a WebSocket's handshake, where a page can set nothing but the subprotocols."""

from __future__ import annotations

import itertools

from starlette.types import Message, Scope, Send

BEARER = "bearer"
"""Announces that the next subprotocol is the token, and is what the server answers then."""

_FIELD = b"sec-websocket-protocol"


def moved(scope: Scope) -> Scope | None:
    """*scope* with the tokens among its subprotocols as Authorization fields; None without any.

    ``new WebSocket(url, ["orders.v1", "bearer", token])`` offers ``orders.v1`` and a token. Nothing
    inside can choose the token as the subprotocol, which would send it back, or log it as one. A
    request that carries a field as well has two then, which validation refuses (T1).
    """
    if scope["type"] != "websocket" or BEARER not in scope.get("subprotocols", ()):
        return None
    offered, tokens = _taken_apart(scope["subprotocols"])
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != _FIELD]
    if offered:
        headers.append((_FIELD, _octets(", ".join(offered))))
    headers += [(b"authorization", _octets(f"Bearer {token}")) for token in tokens]
    return {**scope, "headers": headers, "subprotocols": offered}


def _octets(text: str) -> bytes:
    # A server may read signs into the field that none has; validation refuses what replaces them.
    return text.encode("latin-1", "replace")


def _taken_apart(subprotocols: list[str]) -> tuple[list[str], list[str]]:
    offered: list[str] = []
    tokens: list[str] = []
    names = iter(subprotocols)
    for name in names:
        if name == BEARER:
            tokens += itertools.islice(names, 1)
        else:
            offered.append(name)
    return offered, tokens


def answering(send: Send) -> Send:
    """*send*, which accepts with ``bearer`` where the application chose no subprotocol.

    A browser ends a connection whose server chose none of those that it offered.
    """

    async def answered(message: Message) -> None:
        if message["type"] == "websocket.accept" and not message.get("subprotocol"):
            message = {**message, "subprotocol": BEARER}
        await send(message)

    return answered
