"""Every Python block of the documentation runs; here those that show the inside of a function."""

import ast
import asyncio
import contextlib
import json
import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import aiohttp
import fastapi
import httpx
import pytest
from pydantic import BaseModel
from tests.documentation.pages import Block, Page, pages
from tests.support.stage import Stage

import msidweb
from msidweb import Identity, IdentityBuilder
from msidweb.client import ConsentRequiredError, raise_for_challenge
from msidweb.integrations.fastapi import EntraAuth
from msidweb.principal import principal_scope

PIECES = {"guide-map", "how-to/client", "index"}
"""Pages of which this module runs each block by itself."""

WHOLE = {"../README"}
"""Pages of which a test saves the block as a file."""

GUIDE = Page.of("guide-map").of_language("python")


def runs(page, block):
    return page.name in PIECES | WHOLE or block.title or block.mark is not None


def test_every_python_block_is_run_or_says_why_not():
    shown = [(page, block) for page in pages() for block in page.of_language("python")]

    assert [block.place for page, block in shown if not runs(page, block)] == []
    assert len(shown) > 70


def test_every_page_with_python_is_run_by_a_test():
    texts = {
        node.value
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    with_python = {page.name for page in pages() if page.of_language("python")} - WHOLE

    assert [n for n in with_python if not {n, n.removeprefix("how-to/")} & texts] == []


class Data(BaseModel):
    rows: list[str]


class Settings(BaseModel):
    theme: str


class User(BaseModel):
    displayName: str  # noqa: N815 - Graph's name


class UserData(BaseModel):
    name: str


class DataRequest(BaseModel):
    items: list[str]


class ProcessResult(BaseModel):
    accepted: int


@pytest.fixture
async def stage(tmp_path, monkeypatch):
    async with Stage.raised(tmp_path) as stage:
        (tmp_path / "appsettings.json").write_text(json.dumps(stage.settings))
        monkeypatch.chdir(tmp_path)
        yield stage


def names_around(stage: Stage, identity: Identity) -> dict[str, object]:
    """What the pieces stand among: the imports of a service, its identity, its models."""
    entra = EntraAuth(identity)
    app = fastapi.FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    @app.get("/api/data")
    async def data(caller: Annotated[msidweb.Principal, fastapi.Security(entra)]) -> object:
        return await identity.downstream_api.get_for_user("PartnerAPI", "api/data")

    models = (Data, Settings, User, UserData, DataRequest, ProcessResult, EntraAuth, Annotated)
    return {
        **{name: getattr(msidweb, name) for name in msidweb.__all__},
        **{name: getattr(fastapi, name) for name in fastapi.__dict__ if name[0].isupper()},
        **{model.__name__: model for model in models},
        "asyncio": asyncio,
        "logging": logging,
        "logger": logging.getLogger("guide"),
        "builder": stage.builder(),
        "identity": identity,
        "api": identity.downstream_api,
        "partner": identity.downstream_api.named("PartnerAPI"),
        "entra": entra,
        "app": app,
    }


@contextlib.asynccontextmanager
async def as_alice(stage):
    """The names that a piece is run with, in a request of Alice."""
    async with stage.identity() as identity:
        field = stage.signed_in(stage.alice)["Authorization"]
        alice = await identity.token_validator.validate_authorization([field])
        with principal_scope(alice):
            yield names_around(stage, identity)


async def run(stage: Stage, text: str, **names: object) -> dict[str, object]:
    """Run the block of the guide that holds *text*; the names after it."""
    [block] = [block for block in GUIDE if text in block.code]
    code = block.code.replace("api://partner/read", stage.partner.scope)
    async with as_alice(stage) as around:
        found = around | names
        await replace(block, code=code).run(found)
    return found


async def test_the_pieces_that_call_get_their_answers(stage):
    overview = await run(stage, 'data = await partner.get_for_user("api/users/me")')
    challenge = await run(stage, "error.challenge")
    raw = await run(stage, "call_api_for_user")
    three = await run(stage, "asyncio.gather")

    assert overview["data"]["name"] == "Alice"
    assert challenge["data"] == {"rows": ["first", "second"]}
    assert raw["response"].json() == challenge["data"]
    assert raw["header"].startswith("Bearer ")
    assert (three["settings"], three["data"].rows) == (Settings(theme="dark"), ["first", "second"])


@pytest.mark.parametrize(("failure", "answer"), [(404, 404), (400, 400), (503, 502)])
async def test_the_piece_on_failures_answers_as_it_says(stage, failure, answer):
    [block] = [block for block in GUIDE if "downstream API returned %s" in block.code]
    lines = "".join(f"    {line}\n" for line in block.code.strip().splitlines())
    async with as_alice(stage) as names:
        await replace(block, code=f"async def endpoint():\n{lines}").run(names)
        assert await names["endpoint"]() == Data(rows=["first", "second"])
        with stage.partner.answering(failure), pytest.raises(fastapi.HTTPException) as raised:
            await names["endpoint"]()
    assert raised.value.status_code == answer


async def test_the_pieces_that_build_are_taken(stage):
    chain = await run(stage, ".add_authentication()")
    apis = await run(stage, 'builder.add_downstream_apis("DownstreamApis")')
    memory = await run(stage, "l1_size_limit")
    timeout = await run(stage, 'http_client_name="PartnerAPI"')
    bound = await run(stage, 'builder.bind("AzureAd", options)')

    assert chain["identity"].options.web_api.client_id == stage.api.client_id
    whole = stage.identity
    assert {"Reports", "GraphAPI"} <= whole(apis["builder"]).options.downstream_apis.keys()
    assert whole(memory["builder"]).options.token_cache.l1_size_limit == 64 * 1024 * 1024
    assert whole(timeout["builder"]).options.http_clients["PartnerAPI"].timeout == 30
    assert bound["builder"].build().options.web_api.client_id == stage.api.client_id


async def test_the_piece_on_logging_shows_acquisitions_alone(stage, monkeypatch):
    acquisition = logging.getLogger("msidweb.acquisition")
    monkeypatch.setattr(acquisition, "level", acquisition.level)
    monkeypatch.setattr(logging.root, "level", logging.root.level)

    await run(stage, "logging.getLogger")

    assert acquisition.isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("msidweb.downstream").isEnabledFor(logging.DEBUG)


async def test_the_page_on_errors_answers_what_it_catches(stage):
    names = await Page.of("how-to/errors").run()
    async with as_alice(stage) as around:
        with stage.partner.answering(404), pytest.raises(fastapi.HTTPException):
            await names["rows"](around["partner"])
        with stage.partner.answering(500), pytest.raises(msidweb.DownstreamApiError):
            await names["rows"](around["partner"])


async def test_the_services_endpoints_answer(stage):
    found = await run(stage, '@app.post("/api/data/process")')
    client = await stage.client(found["app"])
    alice = stage.signed_in(stage.alice)

    data = await client.get("/api/data/userdata", headers=alice)
    done = await client.post("/api/data/process", headers=alice, json={"items": ["a", "b"]})
    with stage.partner.answering(503):
        failed = await client.get("/api/data/userdata", headers=alice)

    assert (data.json(), done.json()) == ({"name": "Alice"}, {"accepted": 2})
    assert (failed.status_code, failed.json()["detail"][:6]) == (500, "Failed")


@pytest.fixture
async def carols(stage):
    """A client of the API for one who has not consented."""
    async with stage.identity() as identity:
        client = await stage.client(names_around(stage, identity)["app"])
        client.headers.update(stage.signed_in(stage.carol))
        yield client


def at_the_api(block: Block, client: httpx.AsyncClient) -> Block:
    there = str(client.base_url).rstrip("/")
    return replace(block, code=block.code.replace("https://yourapi.example.com", there))


async def test_the_guides_client_is_told_what_to_ask_for(stage, carols):
    asked: list[object] = []
    [block] = [block for block in GUIDE if "yourapi.example.com" in block.code]
    names = {"raise_for_challenge": raise_for_challenge} | {
        "ConsentRequiredError": ConsentRequiredError,
        "ask_for_consent": lambda *what: asked.append(what),
    }

    await at_the_api(block, carols).run({"client": carols, **names})

    assert asked == [((stage.partner.scope,), None)]


async def test_the_pages_clients_sign_in_again_or_raise(stage, carols):
    by_httpx, by_aiohttp = Page.of("how-to/client").of_language("python")
    asked: list[object] = []
    app = SimpleNamespace(acquire_token_interactive=lambda *what, **how: asked.append((what, how)))
    headers = stage.signed_in(stage.carol)

    await at_the_api(by_httpx, carols).run({"http": carols, "app": app, "headers": headers})
    connector = aiohttp.TCPConnector(ssl=stage.trust)
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(ConsentRequiredError) as raised:
            await at_the_api(by_aiohttp, carols).run({"session": session, "headers": headers})

    assert asked == [((["api://your-api-id/access_as_user"],), {"claims_challenge": None})]
    assert raised.value.scopes == (stage.partner.scope,)


async def test_the_first_pages_chain_builds(stage):
    names: dict[str, object] = {"IdentityBuilder": IdentityBuilder}
    for block in Page.of("index").of_language("python"):
        await block.run(names)

    assert names["identity"].options.downstream_apis.keys() == {"GraphAPI", "PartnerAPI"}
