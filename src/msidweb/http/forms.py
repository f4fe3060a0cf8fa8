"""A form posted, and its answer read whole: no redirect, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from msidweb.errors import TokenAcquisitionError

from .bounded import BodyTooLargeError, read_bounded

MAX_ANSWER = 1024 * 1024
"""Longest answer that is read, bytes (security.md F-E7)."""


class Clients(Protocol):
    """Hands out HTTP clients by name."""

    def client(self, name: str) -> httpx.AsyncClient:
        """The client called *name*."""


@dataclass(frozen=True, slots=True)
class FormAnswer:
    """What came back.

    Attributes:
        status: HTTP status.
        headers: Header fields, names in lower case.
        body: The whole body; hidden in ``repr``.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Forms:
    """Posts forms through one named client."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> FormAnswer:
        """The answer to *form* at *url*, whatever its status.

        Raises:
            TokenAcquisitionError: ``entra_unreachable`` (retryable): there was no whole answer.
                ``answer_unreadable``: it goes on past 1 MiB.
        """
        client = self._clients.client(self._name)
        try:
            async with client.stream(
                "POST", url, data=dict(form), headers=dict(headers), follow_redirects=False
            ) as answer:
                fields = {name.lower(): value for name, value in answer.headers.items()}
                body = await read_bounded(answer, limit=MAX_ANSWER)
                return FormAnswer(answer.status_code, fields, body)
        except BodyTooLargeError:
            raise TokenAcquisitionError(
                "The answer of Entra ID is longer than 1 MiB.", code="answer_unreadable"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not chained: httpx's errors hold the request, and so the form with its secrets.
            raise TokenAcquisitionError(
                f"Entra ID could not be reached ({type(error).__name__}).",
                code="entra_unreachable",
                retryable=True,
            ) from None
