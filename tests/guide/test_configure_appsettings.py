"""ASP.NET Core 2: the guide's appsettings.json, byte for byte, and what lies over it."""

import json

import pytest
from tests.guide.service import user_data_api

from msidweb import ConfigurationError, Identity, IdentityBuilder

#: The guide's file as Visual Studio saves it: with a byte order mark, a comment, a trailing comma.
GUIDE = """\ufeff{
  // The values of your app registration
  "AzureAd": {
    "Instance": "https://login.microsoftonline.com/",
    "TenantId": "your-tenant-id",
    "ClientId": "your-api-client-id",
    "ClientCredentials": [
      {
        "SourceType": "ClientSecret",
        "ClientSecret": "your-client-secret"
      }
    ],
    "Audience": "api://your-api-client-id"
  },
  "DownstreamApis": {
    "GraphAPI": {
      "BaseUrl": "https://graph.microsoft.com/v1.0",
      "Scopes": ["https://graph.microsoft.com/.default"]
    },
    "PartnerAPI": {
      "BaseUrl": "https://partnerapi.example.com",
      "Scopes": ["api://partner-api-id/read"]
    },
  }
}
"""


@pytest.fixture
def guide_file(tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_text(GUIDE, encoding="utf-8")
    return path


#: The guide's placeholder names no tenant, and is refused as such.
TENANT = {"AzureAd__TenantId": "contoso.onmicrosoft.com"}


def built(builder: IdentityBuilder) -> Identity:
    return (
        builder.add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_in_memory_token_caches()
        .add_downstream_apis("DownstreamApis")
        .build()
    )


def test_the_guides_file_is_read_as_it_stands(guide_file):
    builder = IdentityBuilder.from_appsettings(guide_file, environ={})

    with pytest.raises(ConfigurationError) as caught:
        built(builder)

    # Its ids are placeholders, and that is all that is wrong with it.
    [problem] = caught.value.problems
    assert problem.place == "appsettings.json: AzureAd:TenantId"


def test_every_value_of_the_guides_file_arrives(guide_file):
    options = built(IdentityBuilder.from_appsettings(guide_file, environ=TENANT)).options

    assert options.web_api.instance == "https://login.microsoftonline.com/"
    assert options.web_api.client_id == "your-api-client-id"
    assert options.web_api.audience == "api://your-api-client-id"
    [credential] = options.web_api.client_credentials
    assert credential.source_type == "ClientSecret"
    assert credential.client_secret.get_secret_value() == "your-client-secret"
    assert list(options.downstream_apis) == ["GraphAPI", "PartnerAPI"]
    partner = options.downstream_apis["PartnerAPI"]
    assert partner.base_url == "https://partnerapi.example.com"
    assert partner.scopes == ["api://partner-api-id/read"]


def test_the_secret_is_shown_nowhere(guide_file):
    identity = built(IdentityBuilder.from_appsettings(guide_file, environ=TENANT))

    for shown in (repr(identity), repr(identity.options), str(identity.options.model_dump())):
        assert "your-client-secret" not in shown


async def test_the_environment_fills_the_guides_file_and_the_service_works(stage, guide_file):
    builder = IdentityBuilder.from_appsettings(guide_file, environ=stage.environ)
    client = await stage.client(user_data_api(built(builder)))

    response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert response.json() == {"name": "Alice", "tenantId": stage.alice.tid}


async def test_the_file_of_the_environment_lies_over_the_guides(stage, guide_file):
    overlay = guide_file.with_name("appsettings.Development.json")
    overlay.write_text(json.dumps(stage.settings))
    builder = IdentityBuilder.from_appsettings(
        guide_file, environ={"ASPNETCORE_ENVIRONMENT": "Development"}
    )
    client = await stage.client(user_data_api(built(builder)))

    response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert response.status_code == 200


def test_every_layer_wins_over_the_one_below(guide_file):
    overlay = guide_file.with_name("appsettings.Production.json")
    overlay.write_text('{"AzureAd": {"TenantId": "overlay.example", "ClientId": "overlay"}}')
    environ = {"AzureAd__ClientId": "environment", "AzureAd__Audience": "environment"}
    builder = IdentityBuilder.from_appsettings(guide_file, environ=environ)

    builder.add_microsoft_identity_web_api("AzureAd", audience="keyword")
    options = builder.build().options.web_api

    assert options.instance == "https://login.microsoftonline.com/"
    assert options.tenant_id == "overlay.example"
    assert options.client_id == "environment"
    assert options.audience == "keyword"


def test_the_file_is_found_in_the_working_directory(guide_file, monkeypatch):
    monkeypatch.chdir(guide_file.parent)

    options = built(IdentityBuilder.from_appsettings(environ=TENANT)).options

    assert options.web_api.client_id == "your-api-client-id"


def test_what_is_wrong_is_said_at_once_and_with_its_place(guide_file):
    environ = {
        "DownstreamApis__PartnerAPI__BaseUrl": "http://partner.example",
        "DownstreamApis__GraphAPI__Scop": "",
    }
    guide_file.write_text(GUIDE.replace('"ClientId": "your-api-client-id",', ""))

    with pytest.raises(ConfigurationError) as caught:
        built(IdentityBuilder.from_appsettings(guide_file, environ=environ))

    message = str(caught.value)
    for place in ("AzureAd:ClientId", "AzureAd:TenantId", "PartnerAPI", "GraphAPI__Scop"):
        assert place in message
    assert "your-client-secret" not in message
