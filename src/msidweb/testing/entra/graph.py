"""The stand-in for Microsoft Graph: who the bearer is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from msidweb.clock import Clock
from msidweb.testing.exchange import Answer, Request

from .continuous import ContinuousAccess, challenge_field
from .directory import GRAPH_CLIENT_ID, GRAPH_URI, Directory, User
from .tokens import Claims, TokenFactory, moment


class Graph:
    """Answers ``GET /v1.0/me`` and the OpenID Connect userinfo request."""

    def __init__(
        self,
        directory: Directory,
        factory: TokenFactory,
        access: ContinuousAccess,
        *,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._factory = factory
        self._access = access
        self._clock = clock

    def me(self, request: Request) -> Answer:
        """The signed-in user as Graph shows them."""
        if not request.bearer:
            return self._refuse(request, 401, "Access token is empty.")
        claims, user = self._bearer(request)
        if claims is None:
            return self._refuse(request, 401, "Access token validation failure.")
        wanted = self._access.challenge(claims)
        if wanted is not None:
            field = challenge_field(wanted, realm="", client_id=GRAPH_CLIENT_ID)
            return self._refuse(request, 401, _REVOKED, {"WWW-Authenticate": field})
        if user is None or "User.Read" not in str(claims.get("scp")).split():
            return self._refuse(request, 403, "Insufficient privileges to complete the operation.")
        return Answer.of_json(
            {
                "@odata.context": f"{GRAPH_URI}/v1.0/$metadata#users/$entity",
                "id": claims["oid"],
                "displayName": user.name,
                "userPrincipalName": user.upn,
            }
        )

    def userinfo(self, request: Request) -> Answer:
        """The claims of the signed-in user."""
        claims, user = self._bearer(request)
        if claims is None or user is None:
            return Answer(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return Answer.of_json({"sub": claims["sub"], "name": user.name, "email": user.upn})

    def _bearer(self, request: Request) -> tuple[Claims | None, User | None]:
        claims = self._factory.recognize(request.bearer)
        if claims is None or str(claims.get("aud")) not in {GRAPH_URI, GRAPH_CLIENT_ID}:
            return None, None
        if moment(claims, "exp") <= self._clock.time():
            return None, None
        return claims, self._directory.find_user(claims.get("tid"), claims.get("oid"))

    def _refuse(
        self,
        request: Request,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        code = (
            "InvalidAuthenticationToken"
            if status == _UNAUTHORIZED
            else "Authorization_RequestDenied"
        )
        inner = {
            "date": datetime.fromtimestamp(self._clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": str(uuid.uuid4()),
            "client-request-id": request.headers.get("client-request-id", str(uuid.uuid4())),
        }
        error = {"code": code, "message": message, "innerError": inner}
        return Answer.of_json({"error": error}, status=status, headers=headers)


_UNAUTHORIZED = 401
_REVOKED = (
    "Continuous access evaluation resulted in challenge with result: InteractionRequired "
    "and code: TokenIssuedBeforeRevocationTimestamp"
)
