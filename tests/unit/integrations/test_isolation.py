"""No request sees another's user; each test is shown to fail on a middleware that breaks it."""

import asyncio
import contextlib
import gc
import itertools

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from tests.support.serving import served
from tests.support.web_identity import StubIdentity, bearer_of

from msidweb import principal as principals
from msidweb.errors import UserChallengeError
from msidweb.integrations import starlette as adapter
from msidweb.integrations.starlette import EntraGuard, EntraMiddleware
from msidweb.principal import Assertion, CallerSlot, ambient_principal

USERS = 200
WORKERS = 20


class NeverReset(EntraMiddleware):
    """Keeps the slot that it finds in the context, and leaves it there."""

    @contextlib.contextmanager
    def _seated(self, scope):
        slot = principals._ambient.get()
        if slot.principal is None:
            slot = CallerSlot()
            principals._ambient.set(slot)
        scope[adapter._SEAT] = seat = adapter._Seat(self._identity, slot)
        yield seat


class OpenSend(EntraMiddleware):
    """Lets the server send inside the context of the request."""

    async def _answered(self, seat, scope, receive, send):
        await self._app(scope, receive, send)


def whom() -> str:
    caller = ambient_principal()
    return caller.object_id if caller else "nobody"


class Witness:
    """An application that notes, wherever code of a request runs, whom it sees."""

    def __init__(self) -> None:
        self.mixed_up: list[tuple[str, str]] = []
        self.looks = 0

    def look(self, expected: str) -> None:
        self.looks += 1
        if whom() != expected:
            self.mixed_up.append((expected, whom()))

    async def plain(self, request):
        for _ in range(3):
            self.look(request.headers["x-expected"])
            await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.task(request))
        return PlainTextResponse(whom())

    async def task(self, request):
        await asyncio.sleep(0)
        self.look(request.headers["x-expected"])

    def threaded(self, request):
        self.look(request.headers["x-expected"])
        return PlainTextResponse(whom())

    async def streamed(self, request):
        async def body():
            for _ in range(3):
                self.look(request.headers["x-expected"])
                await asyncio.sleep(0)
                yield f"{whom()} "

        background = BackgroundTask(self.look, request.headers["x-expected"])
        return StreamingResponse(body(), background=background)

    async def failing(self, request):
        self.look(request.headers["x-expected"])
        await asyncio.sleep(0)
        raise ValueError(whom())

    async def endless(self, request):
        self.look(request.headers["x-expected"])
        await asyncio.Event().wait()

    def app(self, middleware: type[EntraMiddleware]) -> Starlette:
        identity = StubIdentity()
        guard = [Middleware(EntraGuard, identity)]
        routes = [
            Route(f"/{name}", getattr(self, name), middleware=guard)
            for name in ("plain", "threaded", "streamed", "failing", "endless")
        ]
        routes.append(Route("/open", self.plain))
        return Starlette(routes=routes, middleware=[Middleware(middleware, identity)])

    async def crowd(self, middleware: type[EntraMiddleware]) -> None:
        """Workers that change users from request to request, all at one time."""
        transport = httpx.ASGITransport(self.app(middleware))
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://api") as client,
            asyncio.TaskGroup() as group,
        ):
            for number in range(WORKERS):
                group.create_task(self.worker(client, number))

    async def worker(self, client: httpx.AsyncClient, number: int) -> None:
        paths = itertools.cycle(["plain", "streamed", "open", "failing", "endless"])
        for turn in range(number, USERS, WORKERS):
            user = f"user-{turn}"
            for path in itertools.islice(paths, 5):
                await self.visit(client, path, user)
                self.look("nobody")
        await self.visit(client, "threaded", f"user-{number}")

    async def visit(self, client: httpx.AsyncClient, path: str, user: str) -> None:
        expected = "nobody" if path == "open" else user
        headers = {"x-expected": expected} | ({} if path == "open" else bearer_of(user))
        with contextlib.suppress(ValueError, TimeoutError):
            async with asyncio.timeout(0.001 if path == "endless" else None):
                answer = await client.get(f"/{path}", headers=headers)
                assert set(answer.text.split()) <= {expected}


async def test_among_200_interleaved_users_nobody_is_seen_by_another():
    witness = Witness()

    await witness.crowd(EntraMiddleware)

    assert witness.mixed_up == []
    assert witness.looks > 2_000


async def test_the_crowd_notices_a_middleware_that_does_not_reset():
    witness = Witness()

    with pytest.raises(ExceptionGroup):
        await witness.crowd(NeverReset)

    assert witness.mixed_up


async def pipelined(middleware: type[EntraMiddleware]) -> list[str]:
    """What two requests on one connection see, when the second has no middleware around it."""
    identity = StubIdentity()

    async def tell(scope, receive, send):
        await PlainTextResponse(f"<{whom()}>")(scope, receive, send)

    inside = middleware(EntraGuard(tell, identity), identity)

    async def app(scope, receive, send):
        await (inside if scope["path"] == "/in" else tell)(scope, receive, send)

    async with served(app) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"GET /in HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer alice\r\n\r\n"
            b"GET /out HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"
        )
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    return [part.partition(">")[0] for part in answer.split("<")[1:]]


async def test_the_next_request_on_a_connection_does_not_inherit_the_user():
    assert await pipelined(EntraMiddleware) == ["alice", "nobody"]


async def test_the_connection_notices_a_middleware_that_sends_in_the_callers_context():
    assert await pipelined(OpenSend) == ["alice", "alice"]


async def test_a_real_server_keeps_users_apart_on_shared_connections():
    witness = Witness()

    async def visit(number: int) -> None:
        path = ("plain", "streamed", "open", "threaded")[number % 4]
        await witness.visit(client, path, f"user-{number}")

    async with (
        served(witness.app(EntraMiddleware)) as (host, port),
        httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            limits=httpx.Limits(max_connections=4),
            trust_env=False,
        ) as client,
    ):
        await asyncio.gather(*map(visit, range(100)))

    assert witness.mixed_up == []


@pytest.mark.parametrize("path", ["/ok", "/challenged"])
async def test_nothing_of_a_caller_is_kept_once_the_request_is_over(path):
    async def app(scope, receive, send):
        if scope["path"] == "/challenged":
            raise UserChallengeError("no")
        await PlainTextResponse(whom())(scope, receive, send)

    identity = StubIdentity()
    transport = httpx.ASGITransport(EntraMiddleware(EntraGuard(app, identity), identity))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        await client.get(path, headers=bearer_of("passer-by"))
    gc.collect()

    kept = [thing for thing in gc.get_objects() if isinstance(thing, Assertion)]
    assert "token-of-passer-by" not in {assertion.token for assertion in kept}
