"""Many users at once through the whole product, and whether any got another's answer.

What a downstream API saw is compared with who asked: tenant, object id, permission, and by the
token's ``uti`` the very assertion that it was issued for.
"""

import asyncio
import contextlib
import contextvars
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx
from fastapi import FastAPI, Request, Security
from fastapi.responses import JSONResponse
from tests.support.product import SCOPES, Asgi, Product

from msidweb import Principal
from msidweb.errors import MsidwebError, UserRequiredError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.principal import Assertion
from msidweb.testing import Tenant, User

Ask = Callable[[str, Mapping[str, str]], Awaitable[tuple[int, Any]]]
Seen = Mapping[str, Any]

_ROUND = 150.0
_LIFE = 1_800
_RENEWED_BEFORE = 900.0


@dataclass
class Asker:
    """One sign-in of one user in one tenant."""

    number: int
    user: User
    tenant: Tenant
    token: str = ""
    digest: str = ""
    ends: float = 0.0

    @property
    def oid(self) -> str | None:
        return self.user.object_id(self.tenant.id)


@dataclass
class Report:
    """What a campaign saw."""

    calls: int = 0
    cancelled: int = 0
    nobody: int = 0
    later: int = 0
    mixed_up: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


@dataclass
class Scale:
    """How much a campaign does."""

    users: int = 1_000
    rounds: int = 20
    workers: int = 64
    requests: int = 9
    cancelled: float = 0.08
    seed: int = 20_260_101


class Campaign:
    """Runs the calls, and compares.

    Args:
        product: The product.
        scale: How many of everything.
    """

    def __init__(self, product: Product, scale: Scale) -> None:
        self.product = product
        self.scale = scale
        self.report = Report()
        self.askers = _askers(product, scale.users)
        product.entra.lifetimes.expires_in = _LIFE
        self._random = random.Random(scale.seed)
        self._later: set[asyncio.Task[None]] = set()

    def api(self) -> FastAPI:
        """The protected API, which calls the partner in every way there is."""
        identity = self.product.identity
        entra = EntraAuth(identity)
        app = FastAPI(lifespan=identity.lifespan)
        entra.install(app)
        caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]

        @app.get("/ambient")
        async def ambient(user: caller, request: Request) -> JSONResponse:
            calls = (self._call(request, scope) for scope in SCOPES)
            return JSONResponse(await asyncio.gather(*calls))

        @app.get("/explicit")
        async def explicit(user: caller, request: Request) -> JSONResponse:
            nowhere = contextvars.Context()
            call = self._call(request, "read", user=user)
            task = asyncio.get_running_loop().create_task(call, context=nowhere)
            return JSONResponse([await task, await self._call(request, "write", user=user)])

        @app.get("/other")
        async def other(user: caller, request: Request) -> JSONResponse:
            guest = await identity.token_validator.validate(request.headers["x-other"])
            return JSONResponse(
                [
                    await self._call(request, "read", user=guest),
                    await self._call(request, "write"),
                ]
            )

        @app.get("/later")
        async def later(user: caller, request: Request) -> JSONResponse:
            task = asyncio.create_task(self._afterwards(request))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
            return JSONResponse([await self._call(request, "read")])

        @app.get("/open")
        async def open_(request: Request) -> JSONResponse:
            try:
                return JSONResponse([await self._call(request, "read")])
            except UserRequiredError as error:
                return JSONResponse(error.code, 403)

        return app

    async def run(self, ask: Ask) -> Report:
        """All rounds; between them time passes, within them it stands still."""
        scale = self.scale
        workers = [
            (random.Random(f"{scale.seed}/{number}"), contextvars.Context())
            for number in range(scale.workers)
        ]
        for _ in range(scale.rounds):
            self._sign_in()
            await asyncio.gather(*(self._work(ask, chance, place) for chance, place in workers))
            while self._later:
                await asyncio.wait(self._later)
            self.product.clock.advance(_ROUND)
        return self.report

    async def _work(self, ask: Ask, chance: random.Random, place: contextvars.Context) -> None:
        # All requests of a worker run in one context, as those of one kept-alive connection do.
        for _ in range(self.scale.requests):
            asker, other = chance.choices(self.askers, k=2)
            kind = chance.choices(_KINDS, _WEIGHTS)[0]
            visit = self._visit(ask, kind, asker, other)
            task = asyncio.get_running_loop().create_task(visit, context=place)
            if chance.random() < self.scale.cancelled:
                for _ in range(chance.randrange(40)):
                    await asyncio.sleep(0)
                self.report.cancelled += task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _visit(self, ask: Ask, kind: str, asker: Asker, other: Asker) -> None:
        headers = {"x-asker": str(asker.number)}
        if kind != "open":
            headers["authorization"] = f"Bearer {asker.token}"
        if kind == "other":
            headers["x-other"] = other.token
        try:
            status, body = await ask(f"/{kind}", headers)
        except (MsidwebError, httpx.HTTPError) as error:
            status, body = 500, error
        if kind == "open":
            self._judge_nobody(status, body)
        elif status != 200:
            self.report.unexpected.append(f"{kind}: {status} {body!r}")
        else:
            whose = [other if kind == "other" else asker, asker]
            for who, scope, seen in zip(whose, SCOPES, body, strict=False):
                self._judge(kind, who, scope, seen)

    async def _afterwards(self, request: Request) -> None:
        # Let the response go, and the next request on this connection begin.
        for _ in range(20):
            await asyncio.sleep(0)
        seen = await self._call(request, "write")
        self.report.later += 1
        self._judge("afterwards", self.askers[int(request.headers["x-asker"])], "write", seen)

    async def _call(self, request: Request, scope: str, *, user: Principal | None = None) -> Seen:
        params = {"asker": request.headers["x-asker"]}
        seen: Seen = await self.product.downstream(scope).get_for_user(
            "me", params=params, user=user
        )
        return {**seen, "sent_by": params["asker"]}

    def _judge(self, kind: str, asker: Asker, scope: str, seen: Seen) -> None:
        self.report.calls += 1
        issue = self.product.notary.issued.get(str(seen.get("uti")))
        expected = {
            "tid": asker.tenant.id,
            "oid": asker.oid,
            "scp": scope,
            "asker": seen["sent_by"],
            "assertion": asker.digest,
        }
        found = {
            "tid": seen.get("tid"),
            "oid": seen.get("oid"),
            "scp": seen.get("scp"),
            "asker": seen["query"].get("asker"),
            "assertion": issue.digest if issue else None,
        }
        if found != expected:
            self.report.mixed_up.append(f"{kind}: {expected} got {found}")

    def _judge_nobody(self, status: int, body: object) -> None:
        if status == 200:
            self.report.mixed_up.append(f"open: nobody got {body}")
        elif status == 403:
            self.report.nobody += 1
        else:
            self.report.unexpected.append(f"open: {status} {body!r}")

    def _sign_in(self) -> None:
        now = self.product.clock.time()
        for asker in self.askers:
            if asker.ends - now < _RENEWED_BEFORE:
                # Not all at once: tokens of a real crowd end at different times.
                life = self._random.uniform(1_800, 7_200)
                asker.token = self.product.entra.user_token(
                    asker.user, resource=self.product.api, tenant=asker.tenant, expires_in=life
                )
                asker.digest, asker.ends = Assertion(asker.token).digest, now + life


_KINDS = ("ambient", "explicit", "other", "later", "open")
_WEIGHTS = (50, 20, 15, 10, 5)


def _askers(product: Product, count: int) -> list[Asker]:
    """Users of three tenants; guests, twins of one object id in two tenants, second sign-ins."""
    entra = product.entra
    tenants = [entra.tenant, entra.add_tenant("fabrikam"), entra.add_tenant("tailspin")]
    for tenant in tenants[1:]:
        entra.consent(client=product.api, resource=product.partner, tenant=tenant)
    places: list[tuple[User, Tenant]] = []
    for number in range(count):
        home, next_ = tenants[number % 3], tenants[(number + 1) % 3]
        if number % 10 == 1:
            guest = entra.add_user(f"guest{number}", tenant=home, guest_in=[next_])
            places += [(guest, home), (guest, next_)]
        elif number % 10 == 2:
            one = entra.add_user(f"twin{number}", tenant=home)
            two = User(one.name, f"twin{number}@{next_.domain}", oid=one.oid, tid=next_.id)
            places += [(one, home), (entra._directory.add_user(two), next_)]
        else:
            user = entra.add_user(f"user{number}", tenant=home)
            places += [(user, home)] * (2 if number % 10 == 3 else 1)
    return [Asker(number, user, tenant) for number, (user, tenant) in enumerate(places)]


def in_process(app: Asgi) -> Ask:
    """Asks *app* in the caller's own task and context, as an ASGI server would."""

    async def ask(path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        status, body = 0, bytearray()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "server": ("api", 443),
            "client": ("10.0.0.1", 4711),
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }

        async def receive() -> Mapping[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            body.extend(message.get("body", b""))

        await app(scope, receive, send)
        return status, httpx.Response(status, content=bytes(body)).json()

    return ask


def over(client: httpx.AsyncClient, base_url: str) -> Ask:
    """Asks the server at *base_url* through *client*."""

    async def ask(path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        response = await client.get(f"{base_url}{path}", headers=headers)
        return response.status_code, response.json()

    return ask
