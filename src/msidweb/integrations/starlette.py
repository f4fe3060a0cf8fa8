"""Starlette: the caller of each request, and errors as answers. Pure ASGI.

    app = Starlette(routes=routes)
    install(app, identity)

    Route("/reports", reports, middleware=[Middleware(EntraGuard, identity, any_scope="a.read")])

Or with Starlette's own ``requires``:

    app.add_middleware(AuthenticationMiddleware, backend=EntraBackend(identity))
    install(app, identity)          # last, so that it stands outside of all others
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Unpack, cast

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.status import WS_1008_POLICY_VIOLATION, WS_1011_INTERNAL_ERROR
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketClose, WebSocketState

from msidweb.authority import resolve_authority
from msidweb.challenge import ErrorAnswer, answer_for
from msidweb.errors import (
    AuthorizationError,
    InvalidCallError,
    MissingTokenError,
    MsidwebError,
)
from msidweb.kinds import check_kind, wrong_kind
from msidweb.principal import CallerSlot, Principal, ambient_principal, principal_scope
from msidweb.telemetry import (
    RequestFailed,
    RequestRefused,
    correlation_scope,
    names_of,
    redact,
)
from msidweb.validation import Requirement, RequirementKeys

from .handshake import answering, moved
from .web import (
    Accepting,
    Names,
    WebIdentity,
    accepting,
    options_of,
)

_SEAT = "msidweb.seat"
_ANSWERABLE = (None, "websocket.accept", "websocket.send")
"""What was sent last where an answer can follow: nothing, or a WebSocket is open."""


@dataclass(slots=True)
class _Seat:
    identity: WebIdentity
    slot: CallerSlot
    last_sent: str | None = None


class EntraMiddleware:
    """Gives each request a caller slot and a correlation id, and answers errors of msidweb.

    It validates nothing itself: a guard, a backend or a dependency does, and from then on the
    caller is ambient in the request, its background tasks and its streamed body included. Errors
    that the application's handlers did not see, those of other middleware, are answered here.

    A page's WebSocket, which can have no Authorization field, brings its token as the subprotocol
    after ``bearer``: ``new WebSocket(url, ["bearer", token])``.
    """

    def __init__(self, app: ASGIApp, identity: WebIdentity) -> None:
        _check_app(app)
        self._app = app
        self._identity = identity
        self._answers = ErrorAnswers(identity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with a seat for this request's caller."""
        seat: _Seat | None = scope.get(_SEAT)
        inside = seat is not None and seat.identity is self._identity
        if inside or scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        handshake = moved(scope)
        if handshake is not None:
            scope, send = handshake, answering(send)
        with correlation_scope(), self._seated(scope) as seat:
            await self._answered(seat, scope, receive, send)

    @contextlib.contextmanager
    def _seated(self, scope: Scope) -> Iterator[_Seat]:
        # The seat goes by the scope, never by the context: a server may start a request inside
        # the context of the one before it on the same connection.
        outer = scope.get(_SEAT)
        with principal_scope(None) as slot:
            scope[_SEAT] = seat = _Seat(self._identity, slot)
            try:
                yield seat
            finally:
                scope[_SEAT] = outer

    async def _answered(self, seat: _Seat, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_outside(message: Message) -> None:
            seat.last_sent = message["type"]
            # A server may start the next request from within send, in this very context.
            with principal_scope(None):
                await send(message)

        try:
            await self._app(scope, receive, send_outside)
        except (MsidwebError, ExceptionGroup) as error:
            can_answer = seat.last_sent in _ANSWERABLE
            response = self._answers.response(error, scope) if can_answer else None
            if response is None:
                raise
            await response(scope, receive, send_outside)


class ErrorAnswers:
    """Answers errors of msidweb, also those in exception groups; an exception handler.

    Status, fields and body are those of :func:`msidweb.challenge.answer_for`. A WebSocket that is
    not open yet is refused with them too, where the server can do that. Else it is closed with
    1008, or 1011 where a service failed, and the body's ``error`` as the reason. What is not ours,
    and mistakes of the calling code (500), go on to the framework, which logs them.
    """

    def __init__(self, identity: WebIdentity) -> None:
        self._identity = identity
        options = options_of(identity)
        self._default = options.scheme
        self._authorization_uris = {
            name: resolve_authority(scheme.web_api).authorization_endpoint
            for name, scheme in options.all_schemes.items()
        }

    async def __call__(self, connection: HTTPConnection, error: Exception) -> ASGIApp | None:
        """The answer to *error*; raises it again when it is not ours to answer."""
        response = self.response(error, connection.scope)
        if response is None:
            raise error
        return None if _has_ended(connection) else response

    def response(self, error: Exception, scope: Scope) -> ASGIApp | None:
        """The answer to *error* on a connection of this *scope*, or None when it must go on."""
        answer = answer_for(error, authorization_uri=self._authorization_uri(scope))
        if answer is None or answer.status == MsidwebError.default_status:
            return None
        failed = answer.status > MsidwebError.default_status
        self._tell(answer, failed=failed)
        if scope["type"] == "websocket" and not _takes_response(scope):
            code = WS_1011_INTERNAL_ERROR if failed else WS_1008_POLICY_VIOLATION
            return WebSocketClose(code, answer.body["error"])
        return JSONResponse(answer.body, answer.status, dict(answer.headers))

    def _authorization_uri(self, scope: Scope) -> str | None:
        seat: _Seat | None = scope.get(_SEAT)
        caller = seat.slot.principal if seat else None
        return self._authorization_uris.get(caller.scheme if caller else self._default)

    def _tell(self, answer: ErrorAnswer, *, failed: bool) -> None:
        """Say why, since the caller is not told; refused tokens are told of by validation."""
        cause = answer.cause
        if not failed and not isinstance(cause, AuthorizationError):
            return
        kind = RequestFailed if failed else RequestRefused
        self._identity.telemetry.emit(
            kind(
                correlation_id=cause.correlation_id,
                status=answer.status,
                code=cause.code,
                # An error may be raised by the application, whose texts are its own.
                detail=redact(str(cause)),
                **names_of(ambient_principal()),
            )
        )


def _takes_response(scope: Scope) -> bool:
    """Whether a WebSocket is still to be opened, by a server that may refuse it as a request."""
    seat: _Seat | None = scope.get(_SEAT)
    can = "websocket.http.response" in (scope.get("extensions") or ())
    return can and seat is not None and seat.last_sent is None


def _has_ended(connection: HTTPConnection) -> bool:
    return isinstance(connection, WebSocket) and WebSocketState.DISCONNECTED in (
        connection.application_state,
        connection.client_state,
    )


def _check_app(app: object) -> None:
    if not callable(app):
        raise wrong_kind("app", app, "an ASGI application")


def install(app: Starlette, identity: WebIdentity) -> None:
    """Put :class:`EntraMiddleware` around *app* and let it answer errors of msidweb.

    A mounted application has handlers of its own: install it there too. What stands already is
    not put there again.

    Raises:
        InvalidCallError: *app* is no application of Starlette, or *identity* is none.
    """
    check_kind("app", app, Starlette)
    if _stands(app, identity):
        return
    answers = cast("ExceptionHandler", ErrorAnswers(identity))
    app.add_middleware(EntraMiddleware, identity=identity)
    app.add_exception_handler(MsidwebError, answers)
    app.add_exception_handler(ExceptionGroup, answers)


def _stands(app: Starlette, identity: WebIdentity) -> bool:
    for item in app.user_middleware:
        kind: object = item.cls
        if kind is EntraMiddleware and item.kwargs.get("identity") is identity:
            return True
    return False


async def authenticate(
    connection: HTTPConnection, identity: WebIdentity, accepted: Accepting | None = None
) -> Principal:
    """The caller of this request, ambient from now on; of the default scheme, or of *accepted*.

    The validator gets every Authorization field, since a second one is a reason to refuse (T1),
    and the query, where a second token is (T5).

    Raises:
        AuthenticationError: The request has no acceptable token.
        InvalidCallError: EntraMiddleware does not stand around it.
    """
    scope = connection.scope
    slot = slot_of(connection, identity)
    fields = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    query = scope.get("query_string", b"")
    validator = (accepted or identity).token_validator
    slot.principal = await validator.validate_authorization(fields, query_string=query)
    return slot.principal


def slot_of(connection: HTTPConnection, identity: WebIdentity) -> CallerSlot:
    """Where the caller of this request is noted, so that the whole request sees them.

    Raises:
        InvalidCallError: EntraMiddleware does not stand around the request.
    """
    seat: _Seat | None = connection.scope.get(_SEAT)
    if seat is None or seat.identity is not identity:
        raise InvalidCallError(
            "This application does not know of the identity.",
            code="not_installed",
            remedy="call install on the application, and on each one that is mounted in it",
        )
    return seat.slot


class EntraGuard:
    """Lets in callers whose token is valid and meets the requirement, if one is given.

    For a route, a mount or a whole application; errors are answered by what ``install`` put there.

    Args:
        app: What is guarded.
        identity: Who validates.
        scopes: Delegated permissions of which the token needs all.
        any_scope: Delegated permissions of which it needs one.
        any_role: App roles of which it needs one, as an alternative to ``any_scope``.
        scheme: Name of the authentication scheme; the default one where not given.
        schemes: Names of schemes of which one must accept the token, instead.
        keys: ``required_scopes_configuration_key`` and
            ``required_app_permissions_configuration_key`` of :meth:`Requirement.of`.

    Raises:
        InvalidCallError: There is no such scheme, or a requirement without any name.
        ConfigurationError: A key is missing, empty, or stands beside names.
    """

    def __init__(
        self,
        app: ASGIApp,
        identity: WebIdentity,
        *,
        scopes: Names | None = None,
        any_scope: Names | None = None,
        any_role: Names | None = None,
        scheme: str | None = None,
        schemes: Sequence[str] | None = None,
        **keys: Unpack[RequirementKeys],
    ) -> None:
        _check_app(app)
        self._app = app
        self._identity = identity
        self._accepted = accepting(identity, scheme, schemes)
        nothing = scopes is None and any_scope is None and any_role is None and not keys
        self._requirement = (
            None
            if nothing
            else Requirement.of(
                identity.configuration,
                scopes or (),
                any_scope=any_scope or (),
                any_role=any_role or (),
                **keys,
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application for a caller who may."""
        if scope["type"] in ("http", "websocket"):
            principal = await authenticate(HTTPConnection(scope), self._identity, self._accepted)
            if self._requirement is not None:
                self._requirement.check(principal)
        await self._app(scope, receive, send)


class EntraUser(BaseUser):
    """``request.user``: a validated caller, as Starlette names one.

    Attributes:
        principal: The caller.
    """

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    @property
    def is_authenticated(self) -> bool:
        """True."""
        return True

    @property
    def display_name(self) -> str:
        """The ``name`` claim, for display only: its owner can change it."""
        return str(self.principal.claims.get("name", ""))

    @property
    def identity(self) -> str:
        """Tenant and object id; an application without an object id is named by its client id."""
        return f"{self.principal.tenant_id}/{self.principal.object_id or self.principal.client_id}"


class EntraBackend(AuthenticationBackend):
    """Backend for Starlette's AuthenticationMiddleware; ``requires("scope")`` looks at ``scp``.

    A request without a token is anonymous; one with a bad token is refused. Every caller has the
    credential ``authenticated`` besides the scopes of the token.

    Args:
        identity: Who validates.
        scheme: Name of the authentication scheme; the default one where not given.
        schemes: Names of schemes of which one must accept the token, instead.

    Raises:
        InvalidCallError: There is no such scheme.
    """

    def __init__(
        self,
        identity: WebIdentity,
        *,
        scheme: str | None = None,
        schemes: Sequence[str] | None = None,
    ) -> None:
        self._identity = identity
        self._accepted = accepting(identity, scheme, schemes)

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """The caller's credentials and user, or None.

        Raises:
            AuthenticationError: The token is refused.
            InvalidCallError: EntraMiddleware is missing, or stands inside of this one.
        """
        try:
            principal = await authenticate(conn, self._identity, self._accepted)
        except MissingTokenError:
            return None
        scopes = ["authenticated", *sorted(principal.scopes)]
        return AuthCredentials(scopes), EntraUser(principal)
