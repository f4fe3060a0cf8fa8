import pytest

from msidweb.configuration import Configuration, MicrosoftIdentityOptions, SourceType, bind

AKS = {
    "AZURE_CLIENT_ID": "managed-identity",
    "AZURE_TENANT_ID": "tenant",
    "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/token",
    "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
}


def bound(environ, section="AzureAd", **overrides):
    problems = []
    options = bind(
        MicrosoftIdentityOptions,
        Configuration.of_environment(environ=environ).section(section),
        overrides=overrides,
        place=section,
        problems=problems,
    )
    assert problems == []
    return options


@pytest.mark.parametrize(
    "variable",
    [
        "AzureAd__ClientCredentials__0__ClientSecret",
        "AZUREAD__CLIENTCREDENTIALS__0__CLIENTSECRET",
        "azure_ad__client_credentials__0__client_secret",
        "AzureAd:ClientCredentials:0:ClientSecret",
    ],
)
def test_variables_are_read_in_any_spelling(variable):
    options = bound({variable: "s", "AzureAd__ClientCredentials__0__SourceType": "ClientSecret"})
    (credential,) = options.client_credentials
    assert credential.client_secret.get_secret_value() == "s"


def test_other_variables_are_left_alone():
    environ = {"PATH": "x", "__CF": "y", "A__": "z", "A____B": "u", "A__" * 99 + "B": "v"}
    configuration = Configuration.of_environment(environ=environ)
    assert configuration.value("") is None


@pytest.mark.parametrize("prefix", ["CUSTOM", "SQL", "SQLAZURE", "MYSQL", "REDISCACHE"])
def test_connection_strings_of_app_service_have_their_dotnet_key(prefix):
    configuration = Configuration.of_environment(environ={f"{prefix}CONNSTR_Redis": "x"})
    assert configuration.value("ConnectionStrings:Redis") == "x"


def test_two_variables_for_one_key_are_a_problem_of_the_section():
    problems = []
    configuration = Configuration.of_environment(
        environ={"AzureAd__ClientId": "a", "AZUREAD__CLIENTID": "b", "x__y": "1", "X__Y": "2"}
    )
    section = configuration.section("AzureAd")
    assert bind(MicrosoftIdentityOptions, section, place="AzureAd", problems=problems) is None
    assert [str(problem) for problem in problems] == [
        (
            "environment variable AzureAd__ClientId: is given twice"
            " (also: environment variable AZUREAD__CLIENTID)"
        )
    ]


def test_azure_sdk_variables_fill_what_nothing_else_gives():
    options = bound(AKS)
    assert options.client_id == "managed-identity"
    assert options.tenant_id == "tenant"
    assert options.instance == "https://login.microsoftonline.com/"
    (credential,) = options.client_credentials
    assert credential.source_type is SourceType.SIGNED_ASSERTION_FILE_PATH
    assert credential.signed_assertion_file_disk_path == "/var/run/secrets/token"


def test_azure_sdk_variables_never_win():
    options = bound(AKS | {"AzureAd__TenantId": "mine"}, client_id="managed-identity")
    assert options.tenant_id == "mine"
    assert options.client_credentials is not None
    options = bound(AKS, authority="https://login.microsoftonline.com/t/v2.0")
    assert options.tenant_id is None
    assert options.instance is None


def test_a_credential_of_another_client_is_not_taken():
    assert bound(AKS, client_id="api").client_credentials is None
    assert bound(AKS, client_id="MANAGED-identity").client_credentials is not None
    options = bound({"AZURE_CLIENT_SECRET": "s"}, client_id="api")
    assert options.client_credentials[0].client_secret.get_secret_value() == "s"


@pytest.mark.parametrize(
    "given",
    [
        {"client_secret": "mine"},
        {"client_credentials": [{"source_type": "ClientSecret", "client_secret": "mine"}]},
        {"client_credentials_using_managed_identity": {"is_enabled": True}},
    ],
)
def test_a_credential_is_filled_only_where_there_is_none(given):
    options = bound({"AZURE_CLIENT_SECRET": "theirs"}, **given)
    assert "theirs" not in str([c.client_secret for c in options.client_credentials or ()])
    assert [c.client_secret for c in options.effective_credentials] != []
    assert options.model_fields_set == set(given)


def test_a_blank_value_leaves_room_for_azure_sdk_variables():
    assert bound(AKS | {"AzureAd__ClientId": " "}).client_id == "managed-identity"


def test_a_secret_comes_before_a_certificate_and_that_before_a_token_file():
    certificate = {
        "AZURE_CLIENT_CERTIFICATE_PATH": "/c.pem",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": "p",
    }
    (credential,) = bound(AKS | certificate).client_credentials
    assert credential.source_type is SourceType.PATH
    assert credential.certificate_disk_path == "/c.pem"
    assert credential.certificate_password.get_secret_value() == "p"
    (credential,) = bound(AKS | certificate | {"AZURE_CLIENT_SECRET": "s"}).client_credentials
    assert credential.source_type is SourceType.CLIENT_SECRET


def test_azure_sdk_variables_complete_no_other_section():
    assert bound(AKS, "AzureAd2").client_id is None


def test_an_authority_host_without_scheme_is_https():
    assert bound({"AZURE_AUTHORITY_HOST": "login.microsoftonline.us"}).instance == (
        "https://login.microsoftonline.us"
    )
