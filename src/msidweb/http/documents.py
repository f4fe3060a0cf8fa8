"""A public document fetched whole: https, no redirect, bounded."""

from __future__ import annotations

import httpx

from msidweb.errors import MetadataUnavailableError

from .bounded import BodyTooLargeError, read_bounded
from .clients import Clients

MAX_DOCUMENT = 1024 * 1024
"""Largest metadata or key document that is read, bytes (security.md 1.6)."""


class Documents:
    """Fetches documents through one named client."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    async def get(self, url: str) -> bytes:
        """The body of the document at *url*.

        Raises:
            MetadataUnavailableError: No answer, another status than 200, or too long a body.
        """
        client = self._clients.client(self._name)
        headers = {"Accept": "application/json"}
        try:
            async with client.stream("GET", url, headers=headers, follow_redirects=False) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise _failed(f"answered {answer.status_code}")
                return await read_bounded(answer, limit=MAX_DOCUMENT)
        except BodyTooLargeError as error:
            raise _failed("is longer than 1 MiB") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failed(f"did not answer ({type(error).__name__})") from error


def _failed(what: str) -> MetadataUnavailableError:
    return MetadataUnavailableError(f"A document of the authority {what}.")
