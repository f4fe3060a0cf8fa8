"""The JavaScript of "Calling your API" runs in Node against a real API and a real sign-in."""

import asyncio
import contextlib
import json
import os
from pathlib import Path

import pytest
from tests.documentation.pages import Page
from tests.integration.test_conditional_access import ROWS, service
from tests.support.desktop import Desktop
from tests.support.stage import Stage

pytestmark = pytest.mark.node

CALLER = Path(__file__).with_name("caller.mjs")


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        stage.settings["AzureAd"]["ClientCapabilities"] = ["cp1"]
        yield stage


@pytest.fixture
async def sign_in_as(stage):
    """A user's program; its sign-ins are what msal.js would do in the browser."""
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    client = await stage.client(service(identity))

    async def sign_in_as(user) -> Desktop:
        desktop = Desktop(stage, client, user=user)
        await desktop.sign_in()
        return desktop

    return sign_in_as


@pytest.fixture
def call_api(stage, tmp_path):
    """Runs ``callApi``; gives its answer and the requests that it made to MSAL."""
    Page.of("how-to/client").save(tmp_path)
    module = (tmp_path / "challenge.mjs").as_uri()

    async def call_api(desktop: Desktop):
        node = await asyncio.create_subprocess_exec(
            *("node", str(CALLER), module, f"{desktop.http.base_url}/api/data", desktop.scope),
            env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": stage.ca_file},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        asked: dict[str, dict[str, object]] = {}
        try:
            async with asyncio.timeout(60):
                while True:
                    line = json.loads(await node.stdout.readline())
                    if line["name"] == "done":
                        return line, asked
                    asked[line["name"]] = line["request"]
                    if line["name"] == "popup":
                        await desktop.sign_in(
                            line["request"].get("claims"),
                            scopes=line["request"]["scopes"],
                            prompt=line["request"].get("prompt"),
                        )
                    node.stdin.write(f"{desktop.token}\n".encode())
        finally:
            with contextlib.suppress(ProcessLookupError):
                node.kill()
            await node.communicate()

    return call_api


async def test_a_user_without_anything_to_do_is_not_asked(stage, sign_in_as, call_api):
    done, asked = await call_api(await sign_in_as(stage.alice))

    assert (done["status"], done["body"]) == (200, ROWS)
    assert list(asked) == ["silent"]


async def test_the_user_steps_up_in_the_browser(stage, sign_in_as, call_api):
    desktop = await sign_in_as(stage.alice)
    policy = stage.entra.require_mfa(stage.partner.resource)

    done, asked = await call_api(desktop)

    assert (done["status"], done["body"]) == (200, ROWS)
    assert asked["popup"]["scopes"] == [desktop.scope]
    assert json.loads(asked["popup"]["claims"]) == json.loads(policy.challenge)


async def test_a_revoked_user_signs_in_again_in_the_browser(stage, sign_in_as, call_api):
    desktop = await sign_in_as(stage.alice)
    await desktop.get("/api/data")
    stage.entra.revoke_sessions(stage.alice)
    stage.clock.advance(1)

    done, asked = await call_api(desktop)

    assert (done["status"], done["body"]) == (200, ROWS)
    assert "nbf" in asked["popup"]["claims"]


async def test_the_user_consents_in_the_browser(stage, sign_in_as, call_api):
    stage.api.known_clients = frozenset({stage.spa.client_id})
    stage.api.permissions = {stage.partner.resource.client_id: ("read",)}
    desktop = await sign_in_as(stage.carol)

    done, asked = await call_api(desktop)

    assert (done["status"], done["body"]) == (200, ROWS)
    assert asked["popup"] == {"scopes": [stage.api.default_scope], "prompt": "consent"}
