"""The how-to pages do what they say: their blocks run, their tables are the code's."""

import asyncio
import inspect
import io
import json
import logging
import os
import re
import sys
import textwrap
from types import SimpleNamespace

import httpx
import pytest
import structlog
from tests.architecture.public_api import error_codes
from tests.documentation.pages import ROOT, Page, pages, rows
from tests.support.stage import Stage, bearer
from websockets.asyncio.client import connect

from msidweb import (
    AuthorizationError,
    DownstreamApiError,
    HealthStatus,
    InvalidCallError,
    MsidwebError,
    errors,
)
from msidweb.acquisition.aadsts import CAUSES, Kind
from msidweb.authority.clouds import CLOUDS
from msidweb.client import ConsentRequiredError, raise_for_challenge
from msidweb.tokens import RefreshReason


def ids(page_or_block):
    return getattr(page_or_block, "place", None) or page_or_block.name


SOURCE = ROOT / "src" / "msidweb"
PYTHON = [block for page in pages() for block in page.of_language("python")]


@pytest.mark.parametrize("page", pages(), ids=ids)
def test_every_fence_is_read_as_a_block(page):
    assert 2 * len(page.blocks) == page.text.count("```")


@pytest.mark.parametrize("block", PYTHON, ids=ids)
def test_every_python_block_compiles(block):
    # Within a function, since the guide shows the insides of some.
    within = "async def shown():\n" + textwrap.indent(block.code, "    ")

    assert compile(within, block.place, "exec")


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        yield stage


@pytest.fixture
def read(stage, tmp_path, monkeypatch):
    """Runs a page in a folder with the reader's settings; ids on it are those of the stage."""
    (tmp_path / "appsettings.json").write_text(json.dumps(stage.settings))
    monkeypatch.chdir(tmp_path)

    async def run(name):
        page = Page.of(f"how-to/{name}")
        return SimpleNamespace(**await page.run(lambda code: with_ids(stage, code)))

    return run


def with_ids(stage, text):
    text = text.replace("your-api-client-id", stage.api.client_id)
    return text.replace("partner-api-id", stage.partner.resource.client_id)


def an_application(stage, *roles):
    """The Authorization field of another application that has these roles."""
    client = stage.partner.resource
    token = stage.entra.app_token(client=client, resource=stage.api, claims={"roles": list(roles)})
    return bearer(token)


async def test_the_fastapi_service_lets_in_whom_the_page_names(stage, read):
    client = await stage.client((await read("fastapi")).app)

    async def status(headers):
        return (await client.get("/whoami", headers=headers)).status_code

    assert await status(stage.signed_in(stage.alice)) == 200
    assert await status(an_application(stage, "Orders.Read.All")) == 200
    assert await status(an_application(stage, "Another")) == 403
    assert await status({}) == 401


async def test_the_fastapi_service_calls_one_api_and_answers_its_404(stage, read):
    client = await stage.client((await read("fastapi")).app)
    alice = stage.signed_in(stage.alice)

    assert (await client.get("/data", headers=alice)).json() == {"rows": ["first", "second"]}
    with stage.partner.answering(404):
        missing = await client.get("/data", headers=alice)
    assert (missing.status_code, missing.json()) == (404, {"detail": "There is no data."})
    with stage.partner.answering(500):
        assert (await client.get("/data", headers=alice)).status_code == 502


async def test_the_page_on_calls_gets_what_it_says(stage, read):
    client = await stage.client((await read("calling-apis")).app)
    alice = stage.signed_in(stage.alice)

    async def told(path):
        return (await client.get(path, headers=alice)).json()

    assert await told("/settings") == {"theme": "dark"}
    assert await told("/quick") == {"rows": ["first", "second"]}
    assert await told("/both") == [{"theme": "dark"}, {"rows": ["first", "second"]}]
    assert await told("/raw") == {"status": 404, "header": "Bearer"}
    done = await client.post("/process", headers=alice, json={"items": ["a", "b"]})

    assert done.json() == {"accepted": 2}
    last, quick = stage.partner.calls[-1].request, stage.partner.calls[1].request
    assert (last.query, last.headers["x-source"]) == ({"dry-run": "true"}, "docs")
    assert quick.headers["x-priority"] == "high"
    assert len(stage.exchanges) == 1


async def test_the_page_on_the_token_cache_shows_why_each_was_asked_for(stage, read):
    page = await read("token-cache")
    shown = Page.of("how-to/token-cache").of_language("text")[0].code.strip().splitlines()
    async with page.identity as identity:
        user = await user_of(stage, identity)
        assert await page.three_calls(user) == shown

        claims = page.AcquireTokenOptions(claims='{"access_token":{"nbf":{"value":"1"}}}')
        scopes = [stage.partner.scope]
        with_claims = await identity.token_acquirer.get_token_for_user(
            scopes, user=user, options=claims
        )
        plain = await identity.token_acquirer.get_token_for_user(scopes, user=user)
    assert plain.access_token == with_claims.access_token
    assert set(RefreshReason) == {
        row["Reason"].strip("`")
        for row in rows(Page.of("how-to/token-cache").text, "## Why a token was not found")
    }


async def test_the_page_on_troubleshooting_names_what_the_log_can_say(read, loggers):
    await read("troubleshooting")
    table = rows(Page.of("how-to/troubleshooting").text, "# Troubleshooting")
    seen = " ".join(row["What you see"] for row in table)

    codes = set(re.findall(r"`([a-z]+_[a-z_]+)`", seen)) - {"opened_late", "consent_required"}
    assert codes <= error_codes()
    judging = [*SOURCE.glob("validation/*.py"), *SOURCE.glob("authority/*.py")]
    source = "".join(path.read_text() for path in judging)
    for rule in re.findall(r"rule=(\w\d)", seen):
        assert f'"{rule}"' in source
    for number in re.findall(r"AADSTS(\d+)", seen):
        assert int(number) in CAUSES


async def test_the_fastapi_dashboard_shares_a_token_and_asks_for_consent_once(stage, read):
    client = await stage.client((await read("fastapi")).app)

    dashboard = await client.get("/dashboard", headers=stage.signed_in(stage.alice))
    exchanges = len(stage.exchanges)
    carol = await client.get("/dashboard", headers=stage.signed_in(stage.carol))

    assert dashboard.json()["settings"] == {"theme": "dark"}
    assert exchanges == 2
    assert (carol.status_code, carol.json()["error"]) == (401, "consent_required")


async def test_the_fastapi_background_task_goes_on_as_the_user(stage, read):
    service = await read("fastapi")
    # In process, where a request ends with its background tasks.
    transport = httpx.ASGITransport(service.app)
    async with (
        service.identity,
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        answer = await client.post("/reports", headers=stage.signed_in(stage.alice))

    assert answer.status_code == 202
    [call] = stage.partner.calls
    assert (call.request.path, call.claims["oid"]) == ("/api/process", stage.alice.oid)


async def test_the_mounted_fastapi_application_knows_the_caller(stage, read):
    client = await stage.client((await read("fastapi")).app)

    answer = await client.get("/admin/whoami", headers=stage.signed_in(stage.alice))

    assert answer.json() == stage.alice.oid
    assert (await client.get("/admin/whoami")).status_code == 401


async def test_the_fastapi_docs_page_signs_in_as_the_page_says(stage, read):
    service = await read("fastapi")
    client = await stage.client(service.documented)

    shown = (await client.get("/docs")).text

    assert '"clientId": "00000000-0000-0000-0000-000000000000"' in shown
    assert (await client.get("/docs/oauth2-redirect")).status_code == 200


async def test_the_fastapi_service_welcomes_visitors(stage, read):
    client = await stage.client((await read("fastapi")).app)

    assert (await client.get("/welcome")).json() == "Welcome, stranger."
    alice = await client.get("/welcome", headers=stage.signed_in(stage.alice))
    assert alice.json() == "Welcome back."
    bad = await client.get("/welcome", headers=bearer("a.b.c"))
    assert bad.status_code == 401


async def test_the_web_socket_answers_its_user_and_asks_for_consent(stage, read):
    page = await read("long-lived")
    server = await stage.serve(page.app)
    url = server.base_url.replace("https", "wss") + "/calls"

    async def asked(user):
        offered = ["bearer", stage.signed_in(user)["Authorization"].removeprefix("Bearer ")]
        async with connect(url, subprotocols=offered, ssl=stage.trust, proxy=None) as socket:
            await socket.send("api/users/me")
            return json.loads(await socket.recv())

    assert (await asked(stage.alice))["name"] == "Alice"
    assert (await asked(stage.carol))["error"] == "consent_required"


async def test_the_event_stream_and_the_plain_web_socket_do_what_the_page_says(stage, read):
    page = await read("long-lived")
    client = await stage.client(page.app)
    alice = stage.signed_in(stage.alice)

    streamed = await client.get("/changes", headers=alice)
    server = await stage.serve(page.plain)
    url = server.base_url.replace("https", "wss") + "/echo"
    async with connect(url, additional_headers=alice, ssl=stage.trust, proxy=None) as socket:
        await socket.send("hello")
        echoed = await socket.recv()

    assert streamed.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert echoed == "hello"
    assert page.still_valid(page.identity, stage.entra.principal(stage.alice, resource=stage.api))


async def test_the_endpoint_that_blocks_calls_as_its_caller(stage, read):
    client = await stage.client((await read("sync-code")).app)

    answer = await client.get("/data", headers=stage.signed_in(stage.alice))

    assert answer.json() == {"rows": ["first", "second"]}
    assert stage.partner.calls[0].claims["oid"] == stage.alice.oid


async def test_scripts_that_block_do_what_the_page_says(stage, read):
    stage.entra.assign(client=stage.api, resource=stage.partner.resource, roles=["Read.All"])
    page = await read("sync-code")
    token = stage.signed_in(stage.alice)["Authorization"].removeprefix("Bearer ")

    copied = io.BytesIO()

    def script():
        with page.identity.blocking:
            stage.entra.fail_next("token", latency=1)
            late = page.header(0.1)
            page.copy_to(copied)
            return late, page.header(30), page.nightly(), page.in_the_name_of(token)

    late, header, *found = await asyncio.to_thread(script)

    assert late is None
    assert header.startswith("Bearer ")
    assert found == [["first", "second"], "Alice"]
    assert json.loads(copied.getvalue()) == {"rows": ["first", "second"]}
    with pytest.raises(InvalidCallError) as caught:
        page.nightly()
    assert caught.value.code == "blocking_on_loop"


async def test_the_readiness_route_tells_what_the_page_shows(stage, read):
    fault = stage.entra.fail_next("metadata", status=503, times=None)
    page = await read("health")
    client = await stage.client(page.app)
    statuses = []
    async with asyncio.timeout(20):
        while not statuses or statuses[-1][1] != "healthy":
            answer = await client.get("/ready")
            statuses.append((answer.status_code, answer.json()["status"]))
            if answer.status_code == 503:
                fault.lift()
            await asyncio.sleep(0.02)

    assert list(dict.fromkeys(statuses)) == [
        (200, "degraded"),
        (503, "unhealthy"),
        (200, "healthy"),
    ]
    [shown] = [block.code for block in Page.of("how-to/health").of_language("json")]
    assert json.loads(shown).keys() == answer.json().keys()
    assert (
        json.loads(shown)["schemes"]["Bearer"].keys() == answer.json()["schemes"]["Bearer"].keys()
    )
    listed = rows(Page.of("how-to/health").text, "## What the status means")
    assert [row["Status"].strip("`") for row in listed] == list(HealthStatus)


async def test_the_starlette_service_guards_routes_and_mounts(stage, read):
    client = await stage.client((await read("starlette")).app)
    alice, job = stage.signed_in(stage.alice), an_application(stage, "Reports.Read.All")

    assert (await client.get("/me", headers=alice)).json()["name"] == "Alice"
    assert (await client.get("/me", headers=job)).status_code == 403
    assert (await client.get("/me")).status_code == 401
    assert (await client.get("/reports/daily", headers=alice)).text == "a user"
    assert (await client.get("/reports/daily", headers=job)).text == "an application"


async def test_starlettes_own_requires_works_with_the_backend(stage, read):
    client = await stage.client((await read("starlette")).by_backend)

    answer = await client.get("/profile", headers=stage.signed_in(stage.alice))

    assert answer.json() == {"id": stage.alice.oid, "shown as": "Alice"}
    assert (await client.get("/profile")).status_code == 403
    assert (await client.get("/profile", headers=bearer("no.token"))).status_code == 401


async def test_a_plain_asgi_application_is_guarded(stage, read):
    service = await read("starlette")
    transport = httpx.ASGITransport(service.guarded)
    async with (
        service.identity,
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        allowed = await client.get("/", headers=stage.signed_in(stage.alice))
        refused = await client.get("/")

    assert allowed.text == "hello"
    assert refused.status_code == 401
    assert refused.json()["error"] == "missing_token"


async def test_the_application_calls_as_itself(stage, read):
    page = await read("app-only")

    assert await page.rows() == ["first", "second"]
    async with page.identity:
        data, status = await page.jobs()
        assert (data["rows"], status) == (["first", "second"], 200)
        assert (await page.header()).startswith("Bearer ")
        assert await page.seconds_left(stage.clock.time()) > 3000
        assert await page.token_of(stage.entra.tenant.id) == stage.entra.tenant.id
    assert {call.claims["azp"] for call in stage.partner.calls} == {stage.api.client_id}
    assert not any("scp" in call.claims for call in stage.partner.calls)


async def test_an_application_has_no_user_to_act_for(stage, read):
    page = await read("app-only")
    token = an_application(stage, "Orders.Read.All")["Authorization"]
    async with page.identity as identity:
        caller = await identity.token_validator.validate_authorization([token])
        partner = identity.downstream_api.named("PartnerAPI")

        with pytest.raises(InvalidCallError) as refused:
            await partner.get_for_user("api/data", user=caller)

    assert caller.is_app
    assert refused.value.code == "app_only_caller"


async def test_who_may_call_is_read_from_the_configuration(stage, read, tmp_path):
    stage.settings["AzureAd"] |= {
        "Scopes": "access_as_user orders.write",
        "AppPermissions": ["Orders.Read.All"],
    }
    (tmp_path / "appsettings.json").write_text(json.dumps(stage.settings))
    page = await read("authorization")
    client = await stage.client(page.app)

    async def answer(headers):
        answer = await client.get("/orders", headers=headers)
        return answer.status_code, answer.json()

    assert await answer(stage.signed_in(stage.alice)) == (200, "a user")
    assert await answer(an_application(stage, "Orders.Read.All")) == (200, "an application")
    assert (await answer(an_application(stage, "Another")))[0] == 403
    assert (await answer({}))[0] == 401
    with pytest.raises(AuthorizationError):
        page.only_the_job.check(stage.entra.principal(stage.alice, resource=stage.api))
    page.may(stage.entra.principal(stage.alice, resource=stage.api))


async def test_two_schemes_take_the_client_of_the_callers(stage, read, tmp_path):
    other = stage.entra.add_app("partners-api", scopes=["read"])
    stage.entra.consent(client=stage.spa, resource=other)
    stage.entra.consent(client=other, resource=stage.partner.resource, user=stage.alice)
    stage.settings["AzureAd2"] = stage.entra.azure_ad(other)
    (tmp_path / "appsettings.json").write_text(json.dumps(stage.settings))
    page = await read("several-schemes")
    client = await stage.client(page.app)
    own = stage.signed_in(stage.alice)
    token = stage.entra.user_token(stage.alice, resource=other, client=stage.spa)
    partners = bearer(token)

    async def told(path, headers):
        answer = await client.get(path, headers=headers)
        return answer.json() if answer.status_code == 200 else answer.status_code

    assert [await told("/own", h) for h in (own, partners)] == ["Bearer", 401]
    assert [await told("/partners", h) for h in (own, partners)] == [401, "Second"]
    assert [await told("/anyone", h) for h in (own, partners)] == ["Bearer", "Second"]
    for headers in (own, partners):
        assert await told("/data", headers) == ["first", "second"]
    clients = [stage.api.client_id, other.client_id]
    assert [call.claims["azp"] for call in stage.partner.calls] == clients

    scope = f"api://{stage.partner.resource.client_id}/.default"
    async with page.identity:
        token = await page.token_of_the_second_application(scope)
    assert stage.entra.recognize(token)["azp"] == other.client_id


async def test_the_clouds_are_those_of_the_table(read):
    page = await read("sovereign-clouds")
    text = Page.of("how-to/sovereign-clouds").text
    shown = {
        re.sub(r".*https://([^/]+)/.*", r"\1", row["`Instance`"]): re.findall(
            r"`([^`]+)`", row["Other names of it"]
        )
        for row in rows(text, "Say where the tenant is")
    }
    retired = {"login-us.microsoftonline.com", "login.microsoftonline.de", "login.windows-ppe.net"}

    assert shown == {
        cloud.network_host: sorted(cloud.aliases - {cloud.network_host}, key=text.index)
        for cloud in CLOUDS
        if cloud.network_host not in retired
    }
    assert (
        page.identity.container.authority()
        .token_endpoint()
        .startswith("https://login.microsoftonline.us/11111111")
    )
    assert "contradicts TenantId" in page.told


async def test_the_api_behind_a_gateway(stage, read):
    page = await read("behind-a-gateway")
    client = await stage.client(page.app)

    def for_audience(audience):
        return stage.sign_in_again(stage.alice, claims={"aud": audience})

    async def status(path, headers):
        return (await client.get(path, headers=headers)).status_code

    assert await status("/whoami", for_audience(page.OWN)) == 200
    assert await status("/whoami", for_audience(page.GATEWAY)) == 200
    assert await status("/whoami", for_audience("https://elsewhere.azure-api.net")) == 401
    assert await status("/whoami", an_application(stage, "Orders.Read.All")) == 403
    assert await status("/health", bearer("no.token")) == 200


async def test_the_docs_page_behind_a_gateway_uses_the_prefix_that_was_configured(stage, read):
    app = (await read("behind-a-gateway")).app
    transport = httpx.ASGITransport(app, root_path="/partner")  # as uvicorn --root-path
    forged = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.example"}

    async with httpx.AsyncClient(transport=transport, base_url="https://api") as client:
        shown = await client.get("/docs", headers=forged)
        schema = await client.get("/openapi.json", headers=forged)

    assert "url: '/partner/openapi.json'" in shown.text
    assert "'/partner/docs/oauth2-redirect'" in shown.text
    assert schema.json()["servers"] == [{"url": "/partner"}]
    assert "evil" not in shown.text + schema.text


async def test_a_browser_asks_before_it_calls_and_reads_the_challenge(stage, read):
    client = await stage.client((await read("behind-a-gateway")).app)
    origin = {"Origin": "https://app.contoso.example"}
    asks = {"Access-Control-Request-Method": "GET"} | {
        "Access-Control-Request-Headers": "authorization"
    }

    asked = await client.options("/whoami", headers=origin | asks)
    refused = await client.get("/whoami", headers=origin)

    assert asked.status_code == 200
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin["Origin"]
    assert refused.headers["access-control-expose-headers"] == "WWW-Authenticate"


async def user_of(stage, identity):
    field = stage.signed_in(stage.alice)["Authorization"]
    return await identity.token_validator.validate_authorization([field])


async def test_the_page_on_streams_sends_and_reads_piece_by_piece(stage, read, tmp_path):
    page = await read("streams")
    (tmp_path / "report.bin").write_bytes(b"x" * 100_000)
    async with page.identity as identity:
        user = await user_of(stage, identity)
        saved = await page.save(user, tmp_path / "saved.json")
        with stage.partner.answering(200, {"size": 100_000}):
            assert await page.upload(user, tmp_path / "report.bin") == {"size": 100_000}
            assert await page.upload_made_anew(user, ["one", "two"]) == {"size": 100_000}
            assert await page.send_form(user, tmp_path / "report.bin") == {"size": 100_000}
        with stage.partner.answering(200, "a,b"):
            assert await page.exchange_csv(user) == [['"a', 'b"']]

    assert saved == len((tmp_path / "saved.json").read_bytes())
    bodies = [call.request.body for call in stage.partner.calls]
    assert bodies[1:3] == [b"x" * 100_000, b"one\ntwo\n"]
    assert b'name="report"; filename="report.bin"' in bodies[3]
    assert bodies[4] == b"x,y"


async def test_the_page_on_retries_repeats_and_counts(stage, read):
    page = await read("retries")
    async with page.identity as identity:
        user = await user_of(stage, identity)
        partner = identity.downstream_api.named("PartnerAPI")
        with stage.partner.answering(503, retry_after="0"), pytest.raises(DownstreamApiError):
            await partner.get_for_user("api/data", user=user, timeout=20)

    assert len(stage.partner.calls) == 3
    assert page.reasons == ["status_503", "status_503"]


async def test_the_page_on_customization_adds_and_refuses(stage, read):
    page = await read("customization")
    async with page.identity as identity:
        page.blocked.add("nobody")
        user = await user_of(stage, identity)
        assert await page.ask(user) == {"rows": ["first", "second"]}
        page.blocked.add(user.client_id)
        with pytest.raises(AuthorizationError):
            await user_of(stage, identity)

    [call] = stage.partner.calls
    headers = call.request.headers
    assert {"x-trace", "x-signature", "x-reason"} <= headers.keys()
    [exchange] = stage.exchanges
    assert exchange.headers["x-cost-center"] == "4711"


async def test_the_page_on_a_client_of_ones_own_calls_with_it(stage, read):
    page = await read("own-client")
    async with page.identity as identity:
        user = await user_of(stage, identity)
        assert await page.names(user, verify=stage.trust) == ["Alice"]
        with pytest.raises(InvalidCallError) as refused:
            await page.elsewhere(user)

    assert refused.value.code == "foreign_url"
    assert len(stage.partner.calls) == 1


@pytest.fixture
def loggers():
    """Levels as they were, whatever a page does."""
    logger = logging.getLogger("msidweb")
    level, root = logger.level, logging.getLogger().level
    yield
    logger.setLevel(level)
    logging.getLogger().setLevel(root)
    structlog.reset_defaults()


async def asked_for(stage, identity, client):
    """What the page on logging shows the lines of."""
    for _ in range(2):
        await client.get("/api/userdata", headers=stage.signed_in(stage.alice))
    await client.get("/api/userdata", headers=stage.signed_in(stage.carol))
    foreign = stage.entra.user_token(stage.alice, resource=stage.partner.resource)
    await client.get("/api/userdata", headers=bearer(foreign))
    lacking = stage.entra.user_token(stage.alice, resource=stage.api, scopes=["another"])
    await client.get("/api/userdata", headers=bearer(lacking))


async def test_the_log_reads_as_the_page_shows(stage, read, loggers, caplog):
    from examples.obo_fastapi.app import create_app

    page = await read("logging")
    identity = stage.identity(page.builder)
    await asked_for(stage, identity, await stage.client(create_app(identity)))

    written = [f"{r.levelname}:{r.name}:{r.getMessage()}" for r in caplog.records]
    for block in Page.of("how-to/logging").of_language("text"):
        for line in with_ids(stage, block.code).strip().splitlines():
            pattern = ".+".join(map(re.escape, line.split("…")))
            assert any(re.fullmatch(pattern, one) for one in written), (line, written)
    assert page.counts["tokens from cache"] == 1
    assert page.counts["PartnerAPI 200"] == 2
    misses = [record for record in caplog.records if page.Misses().filter(record)]
    assert {record.msidweb_event for record in misses} == {"msidweb.token_acquired"}


async def test_structlog_renders_both_and_hides_secrets(read, loggers):
    page = await read("logging")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(page.formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        structlog.get_logger("mine").warning("signed in", access_token="secret value")
        extra = {"msidweb_event": "msidweb.keys_refreshed"}
        logging.getLogger("msidweb.authority").warning("msidweb.keys_refreshed", extra=extra)
    finally:
        root.removeHandler(handler)

    mine, ours = map(json.loads, stream.getvalue().splitlines())
    assert (mine["access_token"], mine["level"]) == ("[hidden]", "warning")
    assert ours["msidweb_event"] == ours["event"] == "msidweb.keys_refreshed"


@pytest.mark.parametrize("shown", [False, True])
async def test_ids_are_in_the_lines_with_pii_logging_alone(stage, loggers, caplog, shown):
    stage.settings["AzureAd"]["EnablePiiLogging"] = shown
    logging.getLogger("msidweb").setLevel(logging.DEBUG)
    identity = stage.identity()
    async with identity:
        await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )

    assert (f"object_id={stage.alice.oid}" in caplog.text) is shown


async def test_msal_gets_a_token_of_the_emulator(read):
    page = await read("emulator")

    recognize = page.entra.recognize
    assert recognize(page.answer["access_token"])["roles"] == ["Reports.Read.All"]
    for signed_in in (page.signed_in, page.on_device):
        assert recognize(signed_in["access_token"])["oid"] == page.carol.oid


async def test_the_emulator_is_other_clouds_too(read):
    page = await read("emulator")

    tid = page.clouds.tenant.id
    issuers = [
        page.clouds.recognize(token)["iss"]
        for token in (page.government, page.external, page.consumer)
    ]
    assert issuers == [
        f"https://login.microsoftonline.us/{tid}/v2.0",
        f"https://{tid}.ciamlogin.com/{tid}/v2.0",
        f"https://contoso.b2clogin.com/{tid}/v2.0/",
    ]
    assert page.settings["Instance"] == "https://contoso.ciamlogin.com/"


async def test_the_endpoint_of_the_conditional_access_page_asks_for_a_context(stage, read):
    page = await read("conditional-access")
    client = await stage.client(page.app)

    async def delete(**claims):
        headers = stage.sign_in_again(stage.alice, claims=claims)
        return await client.delete("/api/records", headers=headers)

    refused = await delete(xms_cc=["CP1"])
    with pytest.raises(ConsentRequiredError) as caught:
        raise_for_challenge(refused)
    assert json.loads(caught.value.claims) == json.loads(page.C1)
    assert (await delete(xms_cc=["CP1"], acrs=["c1"])).status_code == 200
    assert (await delete()).status_code == 403


async def test_the_policies_of_the_conditional_access_page_are_the_emulators(read):
    page = await read("conditional-access")

    assert page.emulator.recognize(page.token)["amr"] == ["pwd", "mfa"]


async def test_the_answer_of_the_conditional_access_page_is_the_real_one(stage):
    from examples.obo_fastapi.app import create_app

    client = await stage.client(create_app(stage.identity()))
    stage.entra.require_mfa(stage.partner.resource)

    answer = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    [block] = Page.of("how-to/conditional-access").of_language("text")
    text = with_ids(stage, block.code).replace(
        "https://login.microsoftonline.com", stage.entra.base_url
    )
    _, field, shown = re.split(r"\n(?=WWW-Authenticate|\n)", text.strip())
    pattern = ".+".join(map(re.escape, field.split("…")))
    assert re.fullmatch(pattern, f"WWW-Authenticate: {answer.headers['www-authenticate']}")
    body = json.loads(shown)
    assert {**body, "claims": None} == {**answer.json(), "claims": None}


async def test_the_configuration_page_reads_the_section_and_names_clients(stage, read):
    page = await read("configuration")

    assert page.identity.options.web_api.client_id == stage.api.client_id
    assert page.identity.options.http_clients["PartnerAPI"].timeout == 30


async def test_the_tests_of_the_testing_page_pass(tmp_path):
    page = Page.of("how-to/testing")
    page.save(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    written = {block.title for block in page.of_language("python")}

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", "."),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
    count = sum(block.code.count("def test_") for block in page.of_language("python"))
    passed = re.search(r"(\d+) passed", output.decode())
    assert passed
    assert int(passed.group(1)) >= count > 10
    assert {"service.py", "conftest.py"} < written


def test_the_errors_page_lists_every_error_with_its_status():
    shown = {
        row["Error"].strip("`"): row["Answer"]
        for row in rows(Page.of("how-to/errors").text, "## What your caller gets")
    }

    roots = {"MsidwebError", "AuthenticationError"}
    known = {
        name: "none" if name == "ConfigurationError" else str(kind.default_status)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, MsidwebError) and name not in roots
    }
    assert shown == known


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        (Kind.USER, "### The user must act"),
        (Kind.ASSERTION, "### The caller's token cannot be exchanged"),
        (Kind.CREDENTIAL, "### The client credential was refused"),
        (Kind.SETUP, "### The registration or the call is wrong"),
        (Kind.LOOP, "### Asked too often"),
        (Kind.TRANSIENT, "### Entra ID failed"),
    ],
)
def test_the_errors_page_explains_every_aadsts_code(kind, heading):
    shown = [tuple(row.values()) for row in rows(Page.of("how-to/errors").text, heading)]

    known = [
        (str(number), cause.meaning, cause.remedy)
        for number, cause in CAUSES.items()
        if cause.kind is kind
    ]
    assert shown == known
