"""What the two downstream APIs of the demo answer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

from msidweb.testing import App, DownstreamEcho, EntraEmulator
from msidweb.testing.exchange import Answer, Request


class PartnerApi:
    """The partner's API, which can be told to fail.

    Attributes:
        fail_with: Status that every request is answered with, or None.
        never_fails: Refuses to be told to fail.
        resource: Its registration.
        scope: Full name of the permission that it wants.
    """

    def __init__(self, entra: EntraEmulator, resource: App) -> None:
        self.fail_with: int | None = None
        self.never_fails = False
        self.resource = resource
        self.scope = resource.scope("read")
        self.app = DownstreamEcho(entra, resource, scope="read", answer=self._answer)

    @contextlib.contextmanager
    def failing(self, status: int) -> Iterator[None]:
        """Fail with *status* inside the ``with`` block."""
        self.fail_with = None if self.never_fails else status
        try:
            yield
        finally:
            self.fail_with = None

    def _answer(self, request: Request, claims: Mapping[str, object]) -> Answer:
        if self.fail_with is not None:
            return Answer.of_json({"error": "told to fail"}, status=self.fail_with)
        if (request.method, request.path) == ("POST", "/api/process"):
            return Answer.of_json({"accepted": len(json.loads(request.body)["items"])})
        documents: Mapping[str, object] = {
            "/api/users/me": {"name": claims["name"], "tenantId": claims["tid"]},
            "/api/data": {"rows": ["first", "second"]},
            "/api/settings": {"theme": "dark"},
        }
        return _found(documents.get(request.path))


class GraphApi:
    """A stand-in for Microsoft Graph's ``/me``; fails like :class:`PartnerApi`."""

    def __init__(self, entra: EntraEmulator) -> None:
        self.fail_with: int | None = None
        self.app = DownstreamEcho(entra, entra.graph, answer=self._answer)

    def _answer(self, request: Request, claims: Mapping[str, object]) -> Answer:
        if self.fail_with is not None:
            return Answer.of_json({"error": "told to fail"}, status=self.fail_with)
        return _found({"displayName": claims["name"]} if request.path == "/v1.0/me" else None)


def _found(document: object) -> Answer:
    if document is None:
        return Answer.of_json({"error": "not found"}, status=404)
    return Answer.of_json(document)
