"""Serves an ASGI application on localhost, over TLS with a certificate authority of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Iterable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from msidweb.kinds import check_kind, wrong_kind

from ._arguments import checked_argument
from .exchange import AsgiApp

if TYPE_CHECKING:
    import trustme
    import uvicorn

_GRACE = 5


@runtime_checkable
class Addressed(Protocol):
    """An application that wants to know where it is served, such as the emulator."""

    def served_at(self, base_url: str) -> None:
        """Take the address, without a trailing slash."""


class LocalServer:
    """A server of one application, for as long as its ``with`` block lasts.

    ``async with`` serves in the running loop, without a task or thread of its own; ``with``
    serves from a thread, for clients that block. No signal handler is touched. WebSockets are
    served where ``websockets`` or ``wsproto`` is installed.

    Args:
        app: The ASGI application; its lifespan is run.
        tls: Whether to speak https.
        ca: Certificate authority to use, so that several servers share one.
        port: Port; 0 takes a free one.
        hosts: More names on the certificate, for clients that take this server for another host.

    Attributes:
        base_url: ``https://localhost:{port}``; known inside the block.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        tls: bool = True,
        ca: trustme.CA | None = None,
        port: int = 0,
        hosts: Iterable[str] = (),
    ) -> None:
        if not callable(app):
            raise wrong_kind("app", app, "an ASGI application")
        if ca is not None and not hasattr(ca, "issue_cert"):
            raise wrong_kind("ca", ca, "trustme.CA or None")
        check_kind("tls", tls, bool)
        check_kind("port", port, int)
        self._app = app
        self._tls = tls
        self._ca = ca
        self._port = port
        self._names = ("localhost", "127.0.0.1", *checked_argument("hosts", hosts, Iterable[str]))
        self._stack = contextlib.AsyncExitStack()
        self._thread: _ServerThread | None = None
        self._ca_file: str | None = None
        self.base_url = ""

    @property
    def ca(self) -> trustme.CA:
        """The certificate authority; made when first asked for."""
        if self._ca is None:
            import trustme  # noqa: PLC0415 - an optional dependency

            self._ca = trustme.CA()
        return self._ca

    @property
    def ca_file(self) -> str:
        """Path of the authority's PEM file, gone after the block; for ``verify=``.

        Raises:
            RuntimeError: Outside the block, or without TLS.
        """
        if self._ca_file is None:
            raise RuntimeError("There is a CA file only while a TLS server runs.")
        return self._ca_file

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._serving())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def __enter__(self) -> Self:
        self._thread = _ServerThread(self)
        self._thread.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._thread.end()

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        import uvicorn  # noqa: PLC0415 - an optional dependency

        config = uvicorn.Config(
            self._app,
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        config.load()
        with contextlib.ExitStack() as resources:
            if self._tls:
                config.ssl = self._secured(resources)
            listener = resources.enter_context(_listener(self._port))
            self._announce(listener.getsockname()[1])
            server = uvicorn.Server(config)
            server.lifespan = config.lifespan_class(config)
            # Startup and shutdown without uvicorn's main loop, which only ticks and minds signals.
            await _start(server.startup(sockets=[listener]))
            try:
                yield
            finally:
                await _stop(server)
                self._ca_file = None

    def _secured(self, resources: contextlib.ExitStack) -> ssl.SSLContext:
        folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="msidweb-"))
        path = Path(folder) / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        self._ca_file = str(path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*self._names).configure_cert(context)
        return context

    def _announce(self, port: int) -> None:
        self.base_url = f"{'https' if self._tls else 'http'}://localhost:{port}"
        _tell(self._app, self.base_url)


def serve_tls(
    app: AsgiApp, *, ca: trustme.CA | None = None, port: int = 0, hosts: Iterable[str] = ()
) -> LocalServer:
    """A TLS server of *app*, to be entered with ``async with`` or ``with``."""
    return LocalServer(app, ca=ca, port=port, hosts=hosts)


class _ServerThread:
    def __init__(self, server: LocalServer) -> None:
        self._server = server
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="msidweb-local-server", daemon=True)

    def begin(self) -> None:
        self._thread.start()
        self._started.result()

    def end(self) -> None:
        loop, stop = self._started.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stop = asyncio.Event()
        try:
            await self._server.__aenter__()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            self._started.set_exception(error)
            return
        self._started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await self._server.__aexit__(None, None, None)


def _tell(app: object, base_url: str) -> None:
    if isinstance(app, Addressed):
        app.served_at(base_url)


def _listener(port: int) -> socket.socket:
    # Named protocol: asyncio turns Nagle's delay off for no other, which costs 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


async def _stop(server: uvicorn.Server) -> None:
    for listening in server.servers:
        listening.close()
    for connection in tuple(server.server_state.connections):
        # Ends WebSockets, which no request of theirs would.
        connection.shutdown()
    running = tuple(server.server_state.tasks)
    if running:
        await asyncio.wait(running, timeout=_GRACE)
    # Idle connections are cut: a client that blocks never answers TLS's good-bye.
    for connection in tuple(server.server_state.connections):
        connection.transport.abort()
    await server.shutdown()


async def _start(startup: Awaitable[None]) -> None:
    try:
        await startup
    except SystemExit as error:
        raise RuntimeError(
            "The application's lifespan failed to start; its log says why."
        ) from error
