"""No secret shows anywhere: logs, errors, reprs and refusals, in every end of a call (3.12)."""

import asyncio
import base64
import contextlib
import gzip
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Request, Security
from pydantic import BaseModel
from tests.support.canaries import Canaries, Witness
from tests.support.product import Product, product_over_sockets, served_beside
from tests.support.raw_server import json_answer, raw_server

from msidweb import (
    AcquireTokenOptions,
    DownstreamApiOptions,
    IdentityBuilder,
    IdentityOptions,
    Principal,
)
from msidweb.acquisition.aadsts import CAUSES
from msidweb.configuration import Configuration
from msidweb.errors import MsidwebError, UserChallengeError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.telemetry import Event
from msidweb.testing.exchange import Answer


class Model(BaseModel):
    number: int


@dataclass
class Stage:
    """A product full of canaries, and the calls of its users."""

    product: Product
    canaries: Canaries
    witness: Witness
    base_url: str = ""
    answer: Callable[..., Answer] | None = None
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entra, plant = self.product.entra, self.canaries.plant
        for name in ("query", "cookie", "downstream body", "downstream header", "header"):
            self.secrets[name] = plant(name)
        self.canaries.add("client secret", self.product.api.client_secret)
        self.alice = entra.add_user(plant("user name"))
        self.canaries.add("object id", self.alice.oid)
        self.canaries.add("tenant id", self.alice.tid)
        self.claims = json.dumps({"access_token": {"nbf": {"value": plant("claims")}}})
        self.canaries.add("claims", base64.b64encode(self.claims.encode()).decode())

    def token(self, **details: Any) -> str:
        return self.product.entra.user_token(self.alice, resource=self.product.api, **details)

    async def get(self, path: str, *authorization: str, params: Any = None) -> None:
        """Ask the API, and keep what it answers where that is a refusal."""
        client = self.product.identity.http_client("Caller")
        headers = [("authorization", value) for value in authorization]
        headers += [("cookie", f"session={self.secrets['cookie']}")]
        url = f"{self.base_url}{path}"
        response = await client.get(url, headers=headers, params=params)
        # A user challenge hands its claims to the caller, who is entitled to them.
        if not (response.is_success or "claims" in path):
            place = f"answer {path} {response.status_code}"
            self.witness.show(place, response.text)
            self.witness.show(place, dict(response.headers))

    async def expect_error(self, place: str, call: Any) -> None:
        """Run *call*, which must end in an error of ours."""
        try:
            await call
        except MsidwebError as error:
            self.witness.error(place, error)
        else:
            pytest.fail(f"{place}: no error")

    async def everywhere(self, place: str, path: str = "/me") -> None:
        """The same call through the API, and from code."""
        await self.get(path, f"Bearer {self.token()}")
        await self.expect_error(place, self.call())

    async def principal(self) -> Principal:
        return await self.product.identity.token_validator.validate(self.token())

    async def call(self, **keywords: Any) -> Any:
        user = await self.principal()
        usual = {
            "params": {"q": self.secrets["query"]},
            "headers": {"x-secret": self.secrets["header"]},
        }
        path = f"me?{self.secrets['query']}=1"
        api = self.product.downstream("read")
        return await api.get_for_user(path, user=user, **(usual | keywords))


def api(stage: Stage) -> FastAPI:
    entra = EntraAuth(stage.product.identity)
    app = FastAPI()
    entra.install(app)
    User = Annotated[Principal, Security(entra, scopes=["access_as_user"])]

    @app.get("/me")
    @app.get("/me/claims")
    async def me(user: User, request: Request) -> Any:
        stage.witness.show("principal", user)
        stage.witness.show("request.scope", request.scope.get("msidweb.seat"))
        return await stage.product.downstream("read").get_for_user(
            "me", params={"q": stage.secrets["query"]}
        )

    @app.get("/group/claims")
    async def group(user: User) -> Any:
        async with asyncio.TaskGroup() as tasks:
            for scope in ("read", "write"):
                tasks.create_task(stage.product.downstream(scope).get_for_user("me"))

    @app.get("/mistake")
    async def mistake(user: User) -> Any:
        return await stage.product.downstream("read").get_for_user(
            f"../{stage.secrets['query']}", user=user
        )

    return app


@contextlib.asynccontextmanager
async def raised(*, transport: str = "auto", **web_api: Any):
    canaries, witness = Canaries(), Witness()

    def hook(event: Event) -> None:
        witness.show(f"hook {event.name}", event)

    async with product_over_sockets(transport=transport, hook=hook, **web_api) as product:
        stage = Stage(product, canaries, witness)
        product.echo._answer = lambda request, claims: (
            Answer.of_json({}) if stage.answer is None else stage.answer(request, claims)
        )
        async with served_beside(product, api(stage)) as stage.base_url:
            with witness.listening():
                yield stage
        # What was issued on the way is looked for too.
        for answer in product.notary.answers:
            for name in ("access_token", "refresh_token", "id_token", "client_info"):
                if isinstance(answer.get(name), str):
                    add_token(canaries, name, answer[name])


def add_token(canaries: Canaries, name: str, token: str) -> None:
    """The secret parts: a header is the same in every token, and an unsigned part in no place."""
    for part in token.split(".")[1:] or [token]:
        canaries.add(name, part)


async def good_calls(stage: Stage) -> None:
    for _ in range(2):
        await stage.get("/me", f"Bearer {stage.token()}")
        await stage.call()
    acquirer = stage.product.identity.token_acquirer
    options = AcquireTokenOptions(
        tenant=stage.product.entra.tenant.domain,
        claims=stage.claims,
        extra_query_parameters={"q": stage.secrets["query"]},
        extra_headers_parameters={"x-secret": stage.secrets["header"]},
    )
    scope = stage.product.partner.default_scope
    for token in (
        await acquirer.get_token_for_app(scope, options=options),
        await acquirer.get_token_for_user([scope], user=await stage.principal(), options=options),
        await acquirer.get_token_for_user([scope], user=await stage.principal()),
    ):
        stage.witness.show("token", token)
    stage.witness.show("options", options)


async def refused_tokens(stage: Stage) -> None:
    good = stage.token()
    head, payload, signature = good.split(".")
    entra, product = stage.product.entra, stage.product
    for token in (
        stage.canaries.plant("assertion"),
        f"{head}.{payload}.{signature[::-1]}",
        f"{head}.{payload}",
        f"{head}.{stage.canaries.plant('assertion')}.{signature}",
        good + "=",
        good * 50,
        stage.token(expires_in=-4_000),
        stage.token(claims={"aud": stage.canaries.plant("claim")}),
        stage.token(claims={"tid": stage.canaries.plant("claim")}),
        stage.token(claims={"iss": f"https://{stage.canaries.plant('claim')}/"}),
        stage.token(claims={"scp": None}),
        stage.token(claims={"ver": [stage.canaries.plant("claim")]}),
        entra.id_token(stage.alice, client=product.api),
        entra.app_token(client=product.partner, resource=product.api),
        entra.sign({}, {"kid": stage.canaries.plant("kid")}),
        entra.sign({"name": stage.canaries.plant("claim")}, {"typ": stage.canaries.plant("typ")}),
        entra.sign({}, {"crit": [stage.canaries.plant("crit")]}),
    ):
        for part in token.split(".")[1:]:
            stage.canaries.add("assertion", part)
        await stage.get("/me", f"Bearer {token}")
        await stage.get("/me", f"Bearer {token}", f"Bearer {token}")
        await stage.get("/me", f"Basic {token}")
        await stage.get("/me", f"Bearer {token}", params={"access_token": token})
        try:
            principal = await product.identity.token_validator.validate(token)
        except MsidwebError as error:
            stage.witness.error("validator", error)
        else:
            stage.witness.show("principal", principal)


async def refusals_of_entra(stage: Stage) -> None:
    entra = stage.product.entra
    for code in CAUSES:
        for claims in (None, stage.claims):
            details: dict[str, Any] = {"claims": claims} if claims else {}
            text = f"AADSTS{code}: {stage.alice.name} {stage.canaries.plant('error text')}"
            entra.fail_next(
                "token", code=code, times=None, put={"error_description": text}, **details
            )
            await stage.everywhere(f"AADSTS{code}", "/me/claims" if claims else "/me")
            entra.faults.clear()
            stage.product.clock.advance(61)


async def answers_of_entra(stage: Stage) -> None:
    entra, secret = stage.product.entra, stage.canaries.plant("answer")
    faults: list[dict[str, Any]] = [
        {"damage": damage} for damage in ("html", "empty", "truncated", "garbage", "array")
    ]
    faults += [{"status": status, "damage": "html"} for status in (400, 401, 404, 429, 503)]
    faults += [
        {"status": 200, "put": put}
        for put in (
            {"access_token": {"x": secret}},
            {"access_token": f"{secret} {secret}"},
            {"token_type": secret},
            {"expires_in": secret},
            {"expires_in": -1},
        )
    ]
    faults += [{"status": 400, "put": {"error": secret * 9, "error_codes": [secret]}}]
    for number, fault in enumerate(faults):
        entra.fail_next("token", times=None, headers={"x-secret": secret}, **fault)
        await stage.everywhere(f"Entra's answer {number}")
        entra.faults.clear()
    hold = asyncio.Event()
    entra.fail_next("token", times=None, hold=hold)
    await stage.expect_error("slow Entra", stage.call(timeout=0.2))
    hold.set()
    entra.faults.clear()


async def answers_of_the_api(stage: Stage) -> None:
    secret, header = stage.secrets["downstream body"], stage.secrets["downstream header"]
    headers = {"x-secret": header, "set-cookie": f"id={stage.secrets['cookie']}"}
    json_type = {"content-type": "application/json", **headers}
    body = f'{{"number": "{secret}"}}'.encode()
    bad: list[Answer] = [
        Answer(status, body, json_type) for status in (302, 400, 401, 403, 404, 429, 500, 503)
    ]
    bad += [
        Answer(200, secret.encode(), json_type),
        Answer(200, body, json_type),
        Answer(200, secret.encode(), {"content-encoding": "gzip", **json_type}),
        Answer(200, gzip.compress(body)[:-5], {"content-encoding": "gzip", **json_type}),
        Answer(200, body, {"content-encoding": secret, **json_type}),
        Answer(200, body, {"content-type": f"application/{secret}"}),
    ]
    for number, answer in enumerate(bad):
        stage.answer = lambda *_, answer=answer: answer
        await stage.get("/me", f"Bearer {stage.token()}")
        await stage.expect_error(f"downstream {number}", stage.call(response_model=Model))
    plain = {"content-type": "text/plain; charset=utf-8"}
    stage.answer = lambda *_: Answer(200, b"\xff\xfe" + secret.encode(), plain)
    await stage.expect_error("no such text", stage.call(response_model=str))
    stage.answer = None
    await stage.expect_error("body", stage.call(json={"x": secret, "y": object()}))
    await stage.expect_error("two bodies", stage.call(json=secret, content=secret))
    await stage.expect_error("charset", stage.call(content=secret + "\ud800"))
    stage.product.echo._latency = 5
    await stage.expect_error("slow downstream", stage.call(timeout=0.1))
    stage.product.echo._latency = 0


async def challenges(stage: Stage) -> None:
    echo, entra = stage.product.echo, stage.product.entra
    echo.challenge_next(stage.claims)
    await stage.call()
    echo.challenge_next(stage.claims, times=4)
    await stage.expect_error("challenged twice", stage.call())
    await stage.get("/me", f"Bearer {stage.token()}")
    entra.require_mfa(stage.product.partner, user=stage.alice)
    await stage.get("/group/claims", f"Bearer {stage.token()}")
    await stage.everywhere("multi-factor", "/me/claims")
    assert isinstance(stage.witness.errors[-1], UserChallengeError)


async def cancelled_calls(stage: Stage) -> None:
    for pauses in (1, 3, 8, 15, 30, 60):
        # Leaves idle connections: httpcore drops one without closing it when its TLS handshake is
        # cancelled, which the loop tells of much later.
        await stage.call()
        task = asyncio.create_task(stage.call())
        for _ in range(pauses):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            stage.witness.error("cancelled", error)


async def mistakes(stage: Stage) -> None:
    secret = stage.canaries.plant("mistake")
    # The framework logs it with its traceback, and answers 500.
    await stage.get("/mistake", f"Bearer {stage.token()}")
    for keywords in (
        {"headers": {"x-secret": f"{secret}\r\n"}},
        {"session_key": secret},
        {"options": DownstreamApiOptions(base_url=f"https://{secret}@evil.example")},
        {
            "options": DownstreamApiOptions(
                acquire_token_options=AcquireTokenOptions(claims=f"{secret}{{")
            )
        },
        {
            "options": DownstreamApiOptions(
                acquire_token_options=AcquireTokenOptions(tenant=f"{secret}/..")
            )
        },
    ):
        await stage.expect_error(f"mistake {list(keywords)}", stage.call(**keywords))
    named = stage.product.downstream("read")
    for path in (
        f"https://{secret}/",
        f"//{secret}",
        f"../{secret}",
        f"{secret}\n",
        f"a@{secret}#",
    ):
        await stage.expect_error("path", named.get_for_user(path, user=await stage.principal()))


async def broken_connections(stage: Stage) -> None:
    secret = stage.canaries.plant("broken answer")
    cookie = f"Set-Cookie: id={secret}"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stage.product.servers[0].ca.issue_cert("127.0.0.1").configure_cert(tls)
    answers = [
        f"HTTP/1.1 {secret}\r\n\r\n",
        f"{secret}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{cookie}\r\nContent-Length: 100\r\n\r\n{secret}",
        f"HTTP/1.1 200 OK\r\n{cookie}\r\nTransfer-Encoding: chunked\r\n\r\n{secret}\r\n",
        f"HTTP/1.1 200 OK\r\n{secret}\x00: {secret}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Length: {secret}\r\n\r\n",
        f"HTTP/1.1 200 {secret}\r\n{cookie}\r\nContent-Length: 0\r\nLocation: {secret}\r\n\r\n",
        "",
    ]
    for text in answers:

        async def behaviour(connection: Any, text: str = text) -> None:
            while True:
                await connection.request()
                await connection.send(text.encode())
                if not text.endswith("\r\n\r\n"):
                    return

        async with raw_server(behaviour, tls=tls) as server:
            await misdirected(stage, server.url)
            assert len(server.heads) >= 2, "both the API's and Entra ID's place were taken"
    await misdirected(stage, "https://127.0.0.1:9")

    async def excerpted(connection: Any) -> None:
        await connection.request()
        await connection.send(json_answer(secret.encode(), "500 Oh", cookie))

    async with raw_server(excerpted, tls=tls) as server:
        await misdirected(stage, server.url)


async def misdirected(stage: Stage, url: str) -> None:
    """The same calls against another server: as the downstream API, and as Entra ID."""
    product = stage.product
    transport = product.identity.container.options().http_clients["Partner-read"].transport
    for partner_url, instance in ((url, None), (product.servers[1].base_url, url)):
        section = product.entra.azure_ad(product.api)
        builder = (
            IdentityBuilder(Configuration.of_environment(environ={}))
            .add_microsoft_identity_web_api(**_keywords(section))
            .enable_token_acquisition()
            .add_downstream_api("P", base_url=partner_url, scopes=[product.partner.scope("read")])
            .add_http_client("P", ca_file=product.ca_file, transport=transport, timeout=2)
            .add_http_client("Entra", ca_file=product.ca_file, transport=transport, timeout=2)
            .override(clock=product.clock)
        )
        async with builder.build() as identity:
            if instance is not None:
                acquirer = identity.token_acquirer
                acquirer._fetcher._authority = Elsewhere(url)
                acquirer._fetcher._endpoint._sleep = _no_pause
            call = identity.downstream_api.get_for_user(
                "P",
                "me",
                user=await stage.principal(),
                params={"q": stage.secrets["query"]},
            )
            try:
                await call
            except MsidwebError as error:
                stage.witness.error(f"misdirected {url}", error)


def _keywords(section: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": None,
        "instance": section["Instance"],
        "tenant_id": section["TenantId"],
        "client_id": section["ClientId"],
        "client_secret": section["ClientCredentials"][0]["ClientSecret"],
    }


class Elsewhere:
    """An authority whose token endpoint is another server."""

    tenant = "organizations"
    cache_environment = "login.windows.net"

    def __init__(self, url: str) -> None:
        self._url = url

    def token_endpoint(self, tenant: str | None = None) -> str:
        return f"{self._url}/{tenant}/oauth2/v2.0/token"


async def _no_pause(seconds: float) -> None:
    assert seconds


async def parts(stage: Stage) -> None:
    identity, show = stage.product.identity, stage.witness.show
    show("identity", identity)
    show("options", identity.options)
    show("token options", identity.options.web_api)
    for name, provider in identity.container.providers.items():
        part = provider()
        show(f"part {name}", part)
        show(f"state of {name}", getattr(part, "__dict__", None))
    show("principal", await stage.principal())
    show("builder", IdentityBuilder.from_options(IdentityOptions()))
    proof = await identity.container.credentials().show("https://login.example/").first()
    show("proof", proof)


ACTS = [
    good_calls,
    refused_tokens,
    refusals_of_entra,
    answers_of_entra,
    answers_of_the_api,
    challenges,
    cancelled_calls,
    mistakes,
    broken_connections,
    parts,
]


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_no_canary_is_seen(act, transport):
    async with raised(transport=transport) as stage:
        await stage.get("/me", f"Bearer {stage.token()}")
        stage.product.identity.token_acquirer._fetcher._endpoint._sleep = _no_pause
        await act(stage)

    assert stage.witness.seen
    assert stage.witness.leaks(stage.canaries) == {}


@pytest.mark.parametrize("shown", [False, True])
async def test_users_and_tenants_are_named_where_that_is_asked_for_and_nothing_else_is(shown):
    async with raised(EnablePiiLogging=shown) as stage:
        for act in (good_calls, refusals_of_entra, challenges):
            await act(stage)

    seen = set(stage.witness.leaks(stage.canaries))
    assert seen == ({"tenant id", "object id", "user name"} if shown else set())


def test_the_search_finds_what_it_looks_for():
    canaries, witness = Canaries(), Witness()
    secret = canaries.plant("secret")
    for text in (secret, f"...{secret[7:20]}...", base64.b64encode(secret.encode()).decode()):
        witness.seen = [("here", text)]
        assert set(witness.leaks(canaries)) == {"secret"}
    witness.seen = [("here", secret[:11])]
    assert witness.leaks(canaries) == {}


def test_a_context_that_a_traceback_suppresses_is_looked_at_too():
    canaries, witness = Canaries(), Witness()
    secret = canaries.plant("secret")
    error = KeyError()
    error.__context__, error.__suppress_context__ = ValueError(secret), True
    witness.error("here", error)

    assert set(witness.leaks(canaries)) == {"secret"}
