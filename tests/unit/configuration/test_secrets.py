"""No value of a secret field, and no refused value at all, is ever shown."""

import dataclasses
import json

import pytest
from pydantic import SecretStr, ValidationError

from msidweb.configuration import (
    AcquireTokenOptions,
    CertificateWithKey,
    Configuration,
    CredentialDescription,
    DownstreamApiOptions,
    HttpClientOptions,
    IdentityOptions,
    MicrosoftIdentityOptions,
    TokenCacheOptions,
    TokenValidationOptions,
    bind,
    explain,
)
from msidweb.errors import ConfigurationError

CANARY = "c4n4ry"
MODELS = [
    AcquireTokenOptions,
    CredentialDescription,
    DownstreamApiOptions,
    HttpClientOptions,
    IdentityOptions,
    MicrosoftIdentityOptions,
    TokenCacheOptions,
    TokenValidationOptions,
]
WRONG = [
    CANARY,
    [CANARY],
    {"key": CANARY},
    [[CANARY]],
    [{"key": CANARY}],
    {"key": {"deeper": [CANARY]}},
    CANARY.encode(),
    SecretStr(CANARY),
    [SecretStr(CANARY)],
]
FIELDS = [(model, name) for model in MODELS for name in model.model_fields]


@pytest.mark.parametrize(("model", "name"), FIELDS)
@pytest.mark.parametrize("value", WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_is_in_no_problem(model, name, value):
    for section, overrides in (({name: value}, {}), ({}, {name: value})):
        problems = []
        bind(model, section, overrides=overrides, place="Here", problems=problems)
        shown = str(problems) + str(ConfigurationError(problems))
        assert CANARY not in shown
        assert CANARY.encode().hex() not in shown


SECRET_FIELDS = [
    (model, name)
    for model, name in FIELDS
    if "SecretStr" in str(model.model_fields[name].annotation)
]


def test_the_secret_fields_are_these():
    assert {name for _, name in SECRET_FIELDS} == {
        "base64_encoded_value",
        "certificate_password",
        "client_secret",
        "proxy",
    }


@pytest.mark.parametrize(("model", "name"), SECRET_FIELDS)
def test_a_secret_is_in_no_form_of_its_options(model, name):
    value = f"http://user:{CANARY}@proxy" if name == "proxy" else CANARY
    options = model(**{name: value})
    for form in (options, options.model_copy(), options.model_copy(deep=True)):
        shown = (repr(form), str(form), str(form.model_dump()), form.model_dump_json())
        assert CANARY not in "".join(shown)
        assert getattr(form, name).get_secret_value() == value


OPEN_ENDED_FIELDS = [
    (model, name)
    for model, name in FIELDS
    if name == "session_key" or "dict[str, str]" in str(model.model_fields[name].annotation)
]


@pytest.mark.parametrize(("model", "name"), OPEN_ENDED_FIELDS)
def test_what_may_hold_a_key_is_in_no_repr(model, name):
    value = CANARY if name == "session_key" else {"x-api-key": CANARY}
    assert CANARY not in repr(model(**{name: value}))


def test_explanations_hide_secrets_wherever_they_come_from(tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_text(
        json.dumps(
            {
                "AzureAd": {
                    "ClientId": "visible",
                    "ClientSecret": CANARY,
                    "CliendSecret": CANARY,
                    "CallbackPath": CANARY,
                    "ExtraQueryParameters": {"key": CANARY},
                    "TenantId": {"wrong": CANARY},
                    "Instance": f"https://user:{CANARY}@login.microsoftonline.com/",
                    "ClientCredentials": [
                        {
                            "Base64EncodedValue": CANARY,
                            "CustomSignedAssertionProviderData": {"a": CANARY},
                        }
                    ],
                }
            }
        )
    )
    section = Configuration.load(
        path, environ={"AzureAd__ClientCredentials__0__CertificatePassword": CANARY}
    ).section("AzureAd")
    entries = list(
        explain(
            MicrosoftIdentityOptions,
            section,
            overrides={
                "client_certificates": [{"certificate_password": SecretStr(CANARY)}],
                "token_decryption_credentials": [CredentialDescription(client_secret=CANARY)],
            },
            place="AzureAd",
        )
    )
    assert CANARY not in str(entries)
    assert "visible" in str(entries)


def test_what_a_provider_is_given_is_hidden_however_it_is_written_out():
    data = {"Key": CANARY, "Nested": {"Key": [CANARY]}}
    given = CredentialDescription(custom_signed_assertion_provider_data=data)
    shown = (repr(given), str(given), str(given.model_dump()), given.model_dump_json())
    assert CANARY not in "".join(shown)
    assert '"Key":"**********"' in shown[-1]
    again = CredentialDescription(**given.model_dump())
    assert again.custom_signed_assertion_provider_data == data
    assert given.model_copy(deep=True).custom_signed_assertion_provider_data == data
    with pytest.raises(ValidationError):
        CredentialDescription(custom_signed_assertion_provider_data=CANARY)


def test_a_certificate_with_its_key_can_be_written_out_by_nothing():
    given = CertificateWithKey(CANARY, CANARY, CANARY)
    assert CANARY not in repr(given) + str(given)
    assert not hasattr(given, "__dict__")
    with pytest.raises(TypeError):
        dataclasses.asdict(given)
    with pytest.raises(AttributeError):
        given.password = None
    assert (given.certificate, given.private_key, given.password) == (CANARY,) * 3
