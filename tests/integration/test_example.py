"""examples/obo_fastapi as a user starts it: every route, and once in a process of its own."""

import asyncio
import importlib
import os
import socket
import sys
from pathlib import Path

import httpx
import pytest
from tests.support.stage import Stage, bearer

from msidweb import IdentityBuilder

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        yield stage


@pytest.fixture
async def client(stage, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = importlib.import_module("obo_fastapi.app")
    builder = IdentityBuilder.from_appsettings(
        EXAMPLES / "obo_fastapi" / "appsettings.json", environ=stage.environ
    )
    return await stage.client(example.create_app(example.build_identity(builder)))


async def test_user_data(stage, client):
    response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert response.status_code == 200
    assert response.json() == {"name": "Alice", "tenantId": stage.alice.tid}


async def test_process(stage, client):
    response = await client.post(
        "/api/process", json={"items": ["a", "b", "c"]}, headers=stage.signed_in(stage.alice)
    )

    assert response.json() == {"accepted": 3}


async def test_data(stage, client):
    response = await client.get("/api/data", headers=stage.signed_in(stage.alice))

    assert response.json() == {"rows": ["first", "second"]}


async def test_dashboard(stage, client):
    response = await client.get("/api/dashboard", headers=stage.signed_in(stage.alice))

    assert response.json() == {
        "user": {"displayName": "Alice"},
        "data": {"rows": ["first", "second"]},
        "settings": {"theme": "dark"},
    }


ROUTES = (
    ("GET", "/api/userdata"),
    ("POST", "/api/process"),
    ("GET", "/api/data"),
    ("GET", "/api/dashboard"),
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_wants_a_token_of_its_own(stage, client, method, path):
    foreign = stage.entra.user_token(stage.alice, resource=stage.partner.resource)
    weak = stage.entra.user_token(stage.alice, resource=stage.api, scopes=["something_else"])

    async def status(**headers) -> int:
        response = await client.request(method, path, json={"items": []}, headers=headers)
        return response.status_code

    assert await status() == 401
    assert await status(**bearer(foreign)) == 401
    assert await status(**bearer(weak)) == 403


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_answers_a_missing_consent(stage, client, method, path):
    response = await client.request(
        method, path, json={"items": []}, headers=stage.signed_in(stage.carol)
    )

    assert response.status_code == 401
    assert response.json()["error"] == "consent_required"
    assert response.json()["scopes"] == [stage.partner.scope]


@pytest.mark.parametrize(
    ("path", "downstream", "status"),
    [
        ("/api/userdata", 404, 500),
        ("/api/userdata", 503, 500),
        ("/api/data", 404, 404),
        ("/api/data", 400, 400),
        ("/api/data", 503, 502),
        ("/api/dashboard", 503, 502),
    ],
)
async def test_a_failing_partner(stage, client, path, downstream, status):
    with stage.partner.answering(downstream, {"inner": "secret"}):
        response = await client.get(path, headers=stage.signed_in(stage.alice))

    assert response.status_code == status
    assert "secret" not in response.text


async def test_the_documentation_page_lists_exactly_these_routes(client):
    schema = (await client.get("/openapi.json")).json()

    listed = {(verb.upper(), path) for path, verbs in schema["paths"].items() for verb in verbs}
    assert listed == set(ROUTES)


async def test_it_starts_in_a_process_of_its_own_as_its_readme_says(stage):
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if "PROXY" not in name.upper()},
        **stage.environ,
        "MSIDWEB_APPSETTINGS": "obo_fastapi/appsettings.json",
        "PYTHONPATH": os.pathsep.join(["../src", "."]),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--factory", "obo_fastapi.app:create_app"),
        *("--port", str(port)),
        cwd=EXAMPLES,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            await until(process, "Application startup complete")
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))
    finally:
        process.terminate()
        output, _ = await process.communicate()

    assert response.json() == {"name": "Alice", "tenantId": stage.alice.tid}
    assert process.returncode in {0, -15}
    assert b"Traceback" not in output


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(process, text: str) -> None:
    """Wait for *text* in the output."""
    assert process.stdout is not None
    seen = ""
    while text not in seen:
        line = await process.stdout.readline()
        assert line, f"it ended early:\n{seen}"
        seen += line.decode()
