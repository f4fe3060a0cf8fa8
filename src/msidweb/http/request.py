"""Requests with a client's own header fields, made at a third of what the client takes for it."""

from __future__ import annotations

from collections.abc import AsyncIterable

import httpx

from .names import laid_over

Fields = list[tuple[bytes, bytes]]


def make_request(
    client: httpx.AsyncClient,
    method: str,
    url: httpx.URL | str,
    *,
    fields: Fields,
    content: bytes | AsyncIterable[bytes] | None,
    timeout: httpx.Timeout,
    without: frozenset[bytes] = frozenset(),
) -> httpx.Request:
    """A request that *client* can send: its header fields and *fields*, which win.

    Args:
        client: One that adds no base URL, query or cookie of its own.
        method: Verb.
        url: Absolute.
        fields: Header fields as they are sent.
        content: Body.
        timeout: Of its phases.
        without: Fields of the client that it does not get, in lower case.
    """
    usual = (field for field in client.headers.raw if field[0].lower() not in without)
    return httpx.Request(
        method,
        url,
        headers=laid_over(usual, fields),
        content=content,
        extensions={"timeout": timeout.as_dict()},
    )
