"""The docs page: where its files come from, and what its sign-in is filled with."""

import json
import re
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Security
from tests.support.web_identity import CLIENT, StubIdentity

from msidweb.errors import InvalidCallError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.principal import Principal

NAMES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")


@pytest.fixture
def entra() -> EntraAuth:
    return EntraAuth(StubIdentity())


@pytest.fixture
def assets(tmp_path) -> Path:
    for name in NAMES:
        (tmp_path / name).write_text(f"/* {name} */")
    return tmp_path


async def get(app, path, root_path="") -> httpx.Response:
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return await client.get(path)


def sign_in(page: str) -> dict[str, object]:
    return json.loads(re.search(r"ui.initOAuth\((.*)\)", page).group(1))


async def test_the_page_has_its_files_from_the_folder_and_from_nowhere_else(entra, assets):
    app = FastAPI()
    entra.install(app, swagger_assets=str(assets))

    page = (await get(app, "/docs")).text

    assert "https://" not in page
    for name in NAMES:
        assert f'"/docs/assets/{name}"' in page
        assert (await get(app, f"/docs/assets/{name}")).text == f"/* {name} */"


async def test_without_a_folder_they_come_from_where_fastapi_says(entra):
    app = FastAPI()
    entra.install(app)

    assert "cdn.jsdelivr.net" in (await get(app, "/docs")).text
    assert (await get(app, "/docs/assets/swagger-ui.css")).status_code == 404


async def test_every_address_on_the_page_is_behind_the_root_path(entra, assets):
    app = FastAPI()
    entra.install(app, swagger_assets=assets)

    page = (await get(app, "/orders/docs", root_path="/orders")).text

    assert "url: '/orders/openapi.json'" in page
    assert "window.location.origin + '/orders/docs/oauth2-redirect'" in page
    assert '"/orders/docs/assets/swagger-ui.css"' in page


async def test_a_mounted_application_has_a_page_of_its_own(entra, assets):
    app, inside = FastAPI(), FastAPI()
    entra.install(app)
    entra.install(inside, swagger_assets=assets)
    app.mount("/inside", inside)

    page = (await get(app, "/inside/docs")).text

    assert "window.location.origin + '/inside/docs/oauth2-redirect'" in page
    assert (await get(app, "/inside/docs/oauth2-redirect")).status_code == 200
    assert (await get(app, "/inside/docs/assets/swagger-ui.css")).status_code == 200


async def test_the_page_of_another_path_and_what_the_application_set_are_kept(entra, assets):
    app = FastAPI(
        title="Orders",
        docs_url="/swagger",
        swagger_ui_oauth2_redirect_url=None,
        swagger_ui_parameters={"docExpansion": "none"},
        swagger_ui_init_oauth={"appName": "Mine"},
    )

    @app.get("/{path:path}")
    async def everything(path: str) -> str:
        return path

    entra.install(app, swagger_assets=assets)
    page = (await get(app, "/swagger")).text

    assert "Orders - Swagger UI" in page
    assert '"docExpansion": "none"' in page
    assert "oauth2RedirectUrl" not in page
    assert sign_in(page)["appName"] == "Mine"
    assert (await get(app, "/swagger/assets/swagger-ui.css")).status_code == 200


@pytest.mark.parametrize("off", [{"docs_url": None}, {"openapi_url": None}])
async def test_an_application_without_the_page_gets_none(entra, assets, off):
    app = FastAPI(**off)
    entra.install(app, swagger_assets=assets)

    assert (await get(app, "/docs")).status_code == 404
    assert (await get(app, "/docs/assets/swagger-ui.css")).status_code == 404


async def test_installing_again_changes_nothing(entra, assets):
    app = FastAPI()
    for _ in range(2):
        entra.install(app, swagger_assets=assets)

    assert (await get(app, "/docs")).text.count("initOAuth") == 1
    assert (await get(app, "/docs/assets/swagger-ui.css")).status_code == 200


@pytest.mark.parametrize("scopes", [["a.read"], ["a.read", "b.read"]])
async def test_a_scope_is_chosen_where_there_is_one_only(entra, scopes):
    app = FastAPI()
    entra.install(app)

    @app.get("/")
    async def read(user: Annotated[Principal, Security(entra, scopes=scopes)]) -> None:
        return None

    chosen = sign_in((await get(app, "/docs")).text)

    assert chosen.get("scopes") == ([f"api://{CLIENT}/a.read"] if len(scopes) == 1 else None)
    assert chosen["usePkceWithAuthorizationCodeGrant"] is True


def test_a_folder_that_is_not_swagger_uis_is_refused(entra, tmp_path):
    with pytest.raises(InvalidCallError, match="npm install"):
        entra.install(FastAPI(), swagger_assets=tmp_path)


@pytest.mark.parametrize("wrong", [1, b"folder", ["folder"], True])
def test_a_folder_of_a_wrong_kind_is_refused(entra, wrong):
    with pytest.raises(InvalidCallError, match="swagger_assets"):
        entra.install(FastAPI(), swagger_assets=wrong)
