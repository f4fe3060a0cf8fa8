"""The page about client credentials: its commands, its settings and its code do what it says."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cryptography.x509 import load_pem_x509_certificate
from tests.documentation.pages import Page, rows
from tests.support.certificates import made
from tests.support.stage import Stage

from msidweb import IdentityBuilder
from msidweb.configuration import SourceType
from msidweb.credentials.loading import LOADERS
from msidweb.testing import FederatedIssuer

PAGE = Page.of("how-to/credentials")
SETTINGS = [json.loads(block.code) for block in PAGE.of_language("json")]
SUBJECT = "system:serviceaccount:shop:my-api"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the page's commands were run, or what they make where there is no openssl."""
    monkeypatch.chdir(tmp_path)
    if shutil.which("openssl"):
        for block in PAGE.of_language("sh"):
            subprocess.run(block.code, shell=True, check=True, capture_output=True)  # noqa: S602 - ours
    else:
        files = {
            "api-certificate.pem": made().certificate_pem,
            "api.pem": made().pem(),
            "api.pfx": made().pfx("correct-horse"),
        }
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
async def stage(folder, monkeypatch):
    """The guide's cast beside these files."""
    async with Stage.raised(folder) as stage:
        issuer = FederatedIssuer("https://oidc.example/cluster", clock=stage.clock)
        stage.entra.add_federated_credential(stage.api, issuer, subject=SUBJECT)
        certificate = (folder / "api-certificate.pem").read_bytes()
        stage.entra.register_certificate(stage.api, certificate)
        stage.entra.remove_secrets(stage.api)
        # openssl has the real time.
        stage.clock.advance(datetime.now(UTC).timestamp() - stage.clock.time() + 1)
        for name in ("assertion.jwt", "token"):
            (folder / name).write_text(issuer.assertion(SUBJECT))
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(folder / "token"))
        yield stage


@pytest.fixture
async def page(stage, tmp_path):
    (tmp_path / "appsettings.json").write_text(json.dumps(stage.settings))
    resource = stage.partner.resource.client_id
    names = await PAGE.run(lambda code: code.replace("partner-api-id", resource))
    return SimpleNamespace(**names)


@pytest.mark.parametrize(
    "settings", SETTINGS, ids=lambda s: s["AzureAd"]["ClientCredentials"][0]["SourceType"]
)
async def test_the_settings_get_a_token(stage, page, tmp_path, settings):
    stage.settings["AzureAd"] |= settings["AzureAd"]
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps(stage.settings))
    builder = IdentityBuilder.from_appsettings(path, environ=os.environ)
    builder.add_signed_assertion_provider("BuildService", page.from_the_build_service)
    async with stage.identity(builder) as identity:
        scope = f"{stage.partner.resource.app_id_uri}/.default"
        token = await identity.token_acquirer.get_token_for_app(scope)
    assert stage.entra.recognize(token.access_token)["azpacr"] == "2"


async def test_the_code_gets_a_token_and_says_why_there_is_none(stage, page):
    assert stage.entra.recognize(await page.token(page.wrong, page.missing, page.in_memory))
    shown = next(block.code for block in PAGE.of_language("text"))
    attempts = [tuple(line.split("  ", 1)) for line in shown.strip().splitlines()]
    assert await page.why() == [(source, reason.strip()) for source, reason in attempts]


async def test_the_end_of_the_certificate_is_known(page, folder):
    certificate = load_pem_x509_certificate((folder / "api-certificate.pem").read_bytes())
    assert await page.ends() == certificate.not_valid_after_utc.timestamp()


async def test_the_emulator_is_set_up_as_shown(page):
    assert page.app.certificates == []
    assert page.app.federated_credentials[0].subject == SUBJECT
    assert page.assertion.count(".") == 2
    assert page.identity


def test_the_table_lists_what_is_offered():
    table = rows(PAGE.text, "# Client credentials")
    assert [row["`SourceType`"].strip("`") for row in table] == [
        kind.value
        for kind in (
            SourceType.CLIENT_SECRET,
            SourceType.PATH,
            SourceType.BASE64_ENCODED,
            SourceType.CERTIFICATE,
            SourceType.SIGNED_ASSERTION_FILE_PATH,
            SourceType.CUSTOM_SIGNED_ASSERTION,
        )
    ]
    assert len(table) == len(LOADERS)
