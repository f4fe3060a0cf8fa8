"""Workload identity: the platform names the file, as .NET's loader reads it."""

import pytest

from msidweb import ConfigurationError, IdentityBuilder
from msidweb.configuration import Configuration, MicrosoftIdentityOptions, bind

VARIABLE = {"AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/token"}


def credentials(environ, *given, **keywords):
    listed = {
        f"AzureAd__ClientCredentials__{index}__{key}": value
        for index, item in enumerate(given)
        for key, value in item.items()
    }
    section = Configuration.of_environment(environ=environ | listed).section("AzureAd")
    problems = []
    options = bind(
        MicrosoftIdentityOptions, section, overrides=keywords, place="AzureAd", problems=problems
    )
    assert not problems
    return options.client_credentials


@pytest.mark.parametrize("name", ["SignedAssertionFilePath", "signed_assertion_file_path", "8"])
def test_the_platforms_file_is_taken_where_none_is_named(name):
    (credential,) = credentials(VARIABLE, {"SourceType": name})
    assert credential.signed_assertion_file_disk_path == "/var/run/secrets/token"


def test_a_named_file_and_other_kinds_are_left_alone():
    named, secret = credentials(
        VARIABLE,
        {"SourceType": "SignedAssertionFilePath", "SignedAssertionFileDiskPath": "/mine"},
        {"SourceType": "ClientSecret", "ClientSecret": "s"},
    )
    assert named.signed_assertion_file_disk_path == "/mine"
    assert secret.signed_assertion_file_disk_path is None


def test_keywords_are_completed_too():
    (credential,) = credentials(VARIABLE, client_credentials=[{"source_type": 8}])
    assert credential.signed_assertion_file_disk_path == "/var/run/secrets/token"


def test_without_the_variable_the_build_says_what_is_missing():
    builder = IdentityBuilder(Configuration.of_environment(environ={}))
    builder.add_microsoft_identity_web_api(
        tenant_id="contoso.example", client_id="c", client_credentials=[{"source_type": 8}]
    ).enable_token_acquisition()
    with pytest.raises(ConfigurationError, match="AZURE_FEDERATED_TOKEN_FILE"):
        builder.build()
