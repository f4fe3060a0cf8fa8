import pytest
from tests.support.certificates import made

from msidweb.configuration import CertificateWithKey, CredentialDescription, SourceType
from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.credentials import ClientSecret, load_credentials
from msidweb.credentials.loading import LOADERS, NEVER
from msidweb.errors import ConfigurationError
from msidweb.telemetry import Telemetry
from msidweb.testing.clock import ManualClock

ENDPOINT = "https://login.example/t/oauth2/v2.0/token"


async def provider(request):
    return f"for {request.client_id} with {request.data}"


def loaded(*, given=(), providers=None, **values):
    return load_credentials(
        MicrosoftIdentityOptions.model_validate({"ClientId": "client", **values}),
        clock=ManualClock(),
        telemetry=Telemetry(),
        given=given,
        providers=providers,
    )


async def shown(chain):
    return (await chain.show(ENDPOINT).first()).value


async def test_credentials_in_code_come_before_configured_ones_in_their_order():
    listed = [
        {"SourceType": "ClientSecret", "ClientSecret": "first", "Skip": True},
        {"SourceType": "clientsecret", "ClientSecret": "second"},
    ]
    assert await shown(loaded(ClientCredentials=listed)) == "second"
    assert await shown(loaded(ClientCredentials=listed, given=[ClientSecret("code")])) == "code"
    assert await shown(loaded(ClientSecret="top")) == "top"


async def test_code_may_describe_credentials_too():
    described = [
        CredentialDescription(source_type="ClientSecret", client_secret="one", skip=True),
        CredentialDescription(source_type="ClientSecret", client_secret="two"),
    ]
    assert await shown(loaded(given=described, ClientSecret="configured")) == "two"


def test_every_source_type_is_offered_or_refused_by_name():
    pfx = CertificateWithKey(made().pfx())
    values = {
        SourceType.CLIENT_SECRET: {"client_secret": "s"},
        SourceType.PATH: {"certificate_disk_path": "/c.pem"},
        SourceType.BASE64_ENCODED: {"base64_encoded_value": "AA=="},
        SourceType.CERTIFICATE: {"certificate": pfx},
        SourceType.SIGNED_ASSERTION_FILE_PATH: {"signed_assertion_file_disk_path": "/t"},
        SourceType.CUSTOM_SIGNED_ASSERTION: {"custom_signed_assertion_provider_name": "mine"},
    }
    assert set(values) == set(LOADERS)
    described = [CredentialDescription(source_type=kind, **more) for kind, more in values.items()]
    chain = loaded(given=described, providers={"mine": provider})
    assert repr(chain) == (
        "CredentialChain(ClientSecret, Path /c.pem, Base64Encoded, Certificate, "
        "SignedAssertionFilePath /t, CustomSignedAssertion mine)"
    )


async def test_a_provider_is_found_by_its_name_and_gets_its_data():
    listed = [
        {
            "SourceType": "CustomSignedAssertion",
            "CustomSignedAssertionProviderName": "mine",
            "CustomSignedAssertionProviderData": {"a": "b"},
        }
    ]
    chain = loaded(ClientCredentials=listed, providers={"mine": provider})
    assert await shown(chain) == "for client with {'a': 'b'}"


PROBLEMS = [
    (
        {"ClientCredentials": [{"SourceType": "ClientSecret", "ClientSecret": ""}]},
        "AzureAd:ClientCredentials:0:ClientSecret",
        "is missing",
    ),
    (
        {"ClientCredentials": [{"SourceType": "Path"}]},
        "AzureAd:ClientCredentials:0:CertificateDiskPath",
        "is missing",
    ),
    (
        {"ClientCertificates": [{"SourceType": "Path"}]},
        "AzureAd:ClientCertificates:CertificateDiskPath",
        "is missing",
    ),
    (
        {"ClientCredentials": [{"SourceType": "Base64Encoded"}]},
        "AzureAd:ClientCredentials:0:Base64EncodedValue",
        "is missing",
    ),
    (
        {"ClientCredentials": [{"SourceType": "Base64Encoded", "Base64EncodedValue": "!"}]},
        "AzureAd:ClientCredentials:0:Base64EncodedValue",
        "is not base64",
    ),
    (
        {"ClientCredentials": [{}]},
        "AzureAd:ClientCredentials:0:SourceType",
        "names no source",
    ),
    (
        {"ClientCredentials": [{"SourceType": "SignedAssertionFilePath"}]},
        "AzureAd:ClientCredentials:0:SignedAssertionFileDiskPath",
        "is missing",
    ),
    (
        {"ClientCredentials": [{"SourceType": "CustomSignedAssertion"}]},
        "AzureAd:ClientCredentials:0:CustomSignedAssertionProviderName",
        "is missing",
    ),
    (
        {
            "ClientCredentials": [
                {
                    "SourceType": "CustomSignedAssertion",
                    "CustomSignedAssertionProviderName": "mien",
                }
            ]
        },
        "AzureAd:ClientCredentials:0:CustomSignedAssertionProviderName",
        "no assertion provider is called 'mien'; did you mean 'mine'?",
    ),
    (
        {"ClientCredentials": [{"SourceType": "KeyVault"}]},
        "AzureAd:ClientCredentials:0",
        "'KeyVault' is not part of this version",
    ),
    (
        {"ClientCredentialsUsingManagedIdentity": {"IsEnabled": True}},
        "AzureAd:ClientCredentialsUsingManagedIdentity",
        "is not part of this version",
    ),
    *(
        (
            {"ClientCredentials": [{"SourceType": kind.value}]},
            "AzureAd:ClientCredentials:0",
            f"'{kind.value}' {why}",
        )
        for kind, why in NEVER.items()
    ),
]


@pytest.mark.parametrize(("values", "place", "words"), PROBLEMS)
def test_what_is_wrong_is_a_problem_with_its_place(values, place, words):
    with pytest.raises(ConfigurationError) as caught:
        loaded(**values, providers={"mine": provider})
    (problem,) = caught.value.problems
    assert problem.place == place
    assert words in problem.message


def test_what_is_wrong_in_code_is_a_problem_too():
    with pytest.raises(ConfigurationError) as caught:
        loaded(given=[ClientSecret("s"), CredentialDescription(source_type="KeyVault")])
    (problem,) = caught.value.problems
    assert problem.place == "enable_token_acquisition: credentials:1"
