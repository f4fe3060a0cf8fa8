"""A form posted, and its answer read whole: no redirect, bounded."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus

import httpx

from msidweb.errors import TokenAcquisitionError

from .bounded import BodyTooLargeError, read_bounded
from .clients import Clients
from .request import Fields, make_request

MAX_ANSWER = 1024 * 1024
"""Longest answer that is read, bytes (security.md F-E7)."""


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


_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*+")
_CONTENT_TYPE = (b"Content-Type", b"application/x-www-form-urlencoded")

# One for each tenant; parsing costs a tenth of the request.
_url = functools.lru_cache(maxsize=256)(httpx.URL)


def _encoded(form: Mapping[str, str]) -> bytes:
    """*form* as ``urlencode`` writes it, at a quarter of its cost: most values are plain."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in form.items()).encode()


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_plus(text)


def _fields(headers: Mapping[str, str]) -> Fields:
    own = [(name.encode("ascii"), value.encode()) for name, value in headers.items()]
    return [*own, _CONTENT_TYPE]


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
            request = make_request(
                client,
                "POST",
                _url(url),
                fields=_fields(headers),
                content=_encoded(form),
                timeout=client.timeout,
            )
            answer = await client.send(request, stream=True, follow_redirects=False)
            fields = dict(answer.headers.items())
            return FormAnswer(
                answer.status_code, fields, await read_bounded(answer, limit=MAX_ANSWER)
            )
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
