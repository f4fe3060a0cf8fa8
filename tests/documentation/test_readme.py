"""The README's service is the one that runs: its blocks are written to a folder and served."""

import json
import re
import runpy
from pathlib import Path

import pytest
from tests.support.stage import Stage, bearer

README = (Path(__file__).parents[2] / "README.md").read_text()


def block(language: str) -> str:
    """The first code block of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no {language} block"
    return found.group(1)


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        yield stage


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the reader put the two blocks, and works."""
    (tmp_path / "service.py").write_text(block("python"))
    (tmp_path / "appsettings.json").write_text(block("json"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def in_the_environment(stage, monkeypatch):
    """The ids of the stage, as a reader would set their own; the README's file has no Audience."""
    for name, value in stage.environ.items():
        if name != "AzureAd__Audience":
            monkeypatch.setenv(name, value)


@pytest.mark.parametrize("version", [1, 2])
async def test_the_user_of_the_readmes_service_gets_their_data(stage, folder, monkeypatch, version):
    in_the_environment(stage, monkeypatch)
    service = runpy.run_path(str(folder / "service.py"))
    client = await stage.client(service["app"])

    response = await client.get(
        "/api/userdata", headers=stage.sign_in_again(stage.alice, version=version)
    )

    assert response.json() == {"name": "Alice", "tenantId": stage.alice.tid}
    [call] = stage.partner.calls
    assert call.claims["oid"] == stage.alice.oid


async def test_it_refuses_and_challenges_as_the_readme_says(stage, folder, monkeypatch):
    in_the_environment(stage, monkeypatch)
    service = runpy.run_path(str(folder / "service.py"))
    client = await stage.client(service["app"])
    foreign = stage.entra.user_token(stage.alice, resource=stage.partner.resource)

    assert (await client.get("/api/userdata")).status_code == 401
    assert (await client.get("/api/userdata", headers=bearer(foreign))).status_code == 401
    consent = await client.get("/api/userdata", headers=stage.signed_in(stage.carol))
    assert (consent.status_code, consent.json()["error"]) == (401, "consent_required")


async def test_its_documentation_page_offers_the_sign_in(stage, folder, monkeypatch):
    in_the_environment(stage, monkeypatch)
    service = runpy.run_path(str(folder / "service.py"))
    client = await stage.client(service["app"])

    schema = (await client.get("/openapi.json")).json()

    [security] = schema["paths"]["/api/userdata"]["get"]["security"]
    assert security == {"Bearer": [f"api://{stage.api.client_id}/access_as_user"]}
    assert (await client.get("/docs")).status_code == 200


def test_it_is_as_short_as_its_heading_says():
    heading = re.search(r"^## A protected API in (\d+) lines$", README, flags=re.MULTILINE)
    assert heading
    code = [line for line in block("python").splitlines() if line.strip()]

    assert len(code) <= int(heading.group(1))


def test_its_settings_are_those_of_the_example():
    example = Path(__file__).parents[2] / "examples" / "obo_fastapi" / "appsettings.json"
    shown, whole = json.loads(block("json")), json.loads(example.read_text())

    for section, members in shown.items():
        assert members.items() <= whole[section].items()


@pytest.mark.parametrize("command", re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
def test_the_commands_it_names_exist(command):
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()

    assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE)
