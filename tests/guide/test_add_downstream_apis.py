"""ASP.NET Core 3: every child of the section is a downstream API, and APIs can be added in code."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Security

from msidweb import (
    ConfigurationError,
    DownstreamApi,
    DownstreamApiOptions,
    Identity,
    InvalidCallError,
    Principal,
)
from msidweb.integrations.fastapi import EntraAuth


def caller_of_any_api(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    @app.get("/call/{name}/{path:path}")
    async def call(
        name: str,
        path: str,
        caller: Annotated[Principal, Security(entra)],
        api: Annotated[DownstreamApi, Depends(entra.downstream_api)],
    ) -> dict[str, object]:
        return await api.get_for_user(name, path)

    return app


async def test_every_child_of_the_section_can_be_called_by_its_name(stage):
    client = await stage.client(caller_of_any_api(stage.identity()))
    headers = stage.signed_in(stage.alice)

    partner = await client.get("/call/PartnerAPI/api/data", headers=headers)
    graph = await client.get("/call/GraphAPI/me", headers=headers)

    assert partner.json() == {"rows": ["first", "second"]}
    assert graph.json()["displayName"] == "Alice"
    assert [request.scopes[0] for request in stage.exchanges] == [
        stage.partner.scope,
        "https://graph.microsoft.com/.default",
    ]


async def test_an_api_is_added_by_keywords_a_callable_or_a_section(stage):
    base_url = stage.settings["DownstreamApis"]["PartnerAPI"]["BaseUrl"]
    stage.settings["Elsewhere"] = stage.settings["DownstreamApis"]["PartnerAPI"]

    def fill(options: DownstreamApiOptions) -> None:
        options.base_url = base_url
        options.scopes = [stage.partner.scope]
        options.http_client_name = "PartnerAPI"

    builder = (
        stage.builder()
        .add_downstream_api(
            "ByKeywords",
            base_url=base_url,
            scopes=[stage.partner.scope],
            http_client_name="PartnerAPI",
        )
        .add_downstream_api("ByCallable", fill)
        .add_downstream_api("BySection", "Elsewhere", http_client_name="PartnerAPI")
    )
    client = await stage.client(caller_of_any_api(stage.identity(builder)))

    for name in ("ByKeywords", "ByCallable", "BySection"):
        response = await client.get(
            f"/call/{name}/api/settings", headers=stage.signed_in(stage.alice)
        )
        assert response.json() == {"theme": "dark"}
    assert len(stage.exchanges) == 1


async def test_what_is_added_in_code_wins_over_the_section(stage):
    builder = stage.builder().add_downstream_api(
        "PartnerAPI", "DownstreamApis:PartnerAPI", relative_path="api/settings"
    )
    async with stage.identity(builder) as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )

        assert await identity.downstream_api.get_for_user("PartnerAPI", user=user) == {
            "theme": "dark"
        }


async def test_an_unknown_name_is_answered_with_the_known_ones(stage):
    api = stage.identity().downstream_api

    with pytest.raises(InvalidCallError, match="'PartnerAPI'") as caught:
        await api.get_for_user("PartnerApi", "api/data")

    assert "GraphAPI" in str(caught.value)
    assert stage.exchanges == []


def test_an_api_without_a_base_url_is_a_problem_of_the_configuration(stage):
    builder = stage.builder().add_downstream_api("Nowhere", scopes=["api://x/.default"])

    with pytest.raises(ConfigurationError, match="Nowhere"):
        stage.identity(builder)


def test_apis_without_token_acquisition_are_a_problem_of_the_configuration(stage):
    builder = stage.builder().add_microsoft_identity_web_api("AzureAd").add_downstream_apis()

    with pytest.raises(ConfigurationError, match="enable_token_acquisition"):
        builder.build()
