"""An answer that has arrived, and the response that is made of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import httpx

from msidweb.http import readable

from .media import charset_of


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has arrived.

    Attributes:
        service: Name of the API.
        head: Status and headers; its stream is closed.
        body: The body, its content coding undone.
        correlation_id: Id of the call, or None.
        refusal: Start of the text of an answer without success.
        truncated: Whether that text went on.
    """

    service: str
    head: httpx.Response
    body: bytes = field(repr=False)
    correlation_id: str | None = None
    refusal: str = field(default="", repr=False)
    truncated: bool = False

    @property
    def content_type(self) -> str:
        """The Content-Type field, or an empty text."""
        return str(self.head.headers.get("content-type", ""))

    def excerpt(self, characters: int) -> str:
        """The first *characters* of the body as text, however broken it is."""
        start = self.body[: characters * _LONGEST_CHARACTER]
        return readable(start, charset_of(self.content_type))[:characters]

    def response(self) -> httpx.Response:
        """The answer as httpx hands it out, its body read."""
        head = self.head
        coded = "content-encoding" in head.headers
        response = httpx.Response(
            head.status_code,
            headers=[
                (name, value)
                for name, value in head.headers.raw
                if not (coded and name.lower() in OF_THE_CODED)
            ],
            content=self.body,
            request=head.request,
            extensions=head.extensions,
        )
        # A mocked transport hands out answers that were never timed.
        with contextlib.suppress(RuntimeError):
            response.elapsed = head.elapsed
        return response


_LONGEST_CHARACTER = 4

OF_THE_CODED = (b"content-encoding", b"content-length")
"""Header fields that speak of the bytes on the wire; httpx would undo the coding a second time."""
