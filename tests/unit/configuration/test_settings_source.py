import pytest
from pydantic_settings import BaseSettings

from msidweb.configuration import (
    Configuration,
    ConfigurationSource,
    DownstreamApiOptions,
    MicrosoftIdentityOptions,
)
from msidweb.errors import ConfigurationError


@pytest.fixture
def settings_of():
    def make(configuration):
        class Settings(BaseSettings):
            azure_ad: MicrosoftIdentityOptions = MicrosoftIdentityOptions()
            downstream_apis: dict[str, DownstreamApiOptions] = {}
            greeting: str = "hello"

            @classmethod
            def settings_customise_sources(cls, settings_cls, init_settings, **sources):
                return init_settings, ConfigurationSource(settings_cls, configuration)

        return Settings

    return make


def test_fields_are_the_sections_of_their_names(configured, settings_of):
    configuration = configured(
        '{"AzureAd": {"clientid": "c", "CallbackPath": "/x"}, "Logging": {"X": "y"},'
        ' "DownstreamApis": {"GraphAPI": {"Scopes": "a b"}}}',
        environ={"AzureAd__ClientCredentials__0__SourceType": "6"},
    )
    settings = settings_of(configuration)()
    assert settings.azure_ad.client_id == "c"
    assert settings.azure_ad.client_credentials[0].source_type == "ClientSecret"
    assert settings.downstream_apis["GraphAPI"].scopes == ["a", "b"]
    assert settings.greeting == "hello"
    assert settings_of(configuration)(greeting="ho").greeting == "ho"


def test_problems_of_files_and_sections_are_raised_together(configured, settings_of):
    configuration = configured('{"AzureAd": {"ClientIdd": "canary"}}', overlay="{")
    with pytest.raises(ConfigurationError) as caught:
        settings_of(configuration)()
    assert [problem.place for problem in caught.value.problems] == [
        "appsettings.Production.json: line 1, column 2",
        "appsettings.json: AzureAd:ClientIdd",
    ]


def test_one_field_can_be_asked_for(configured, settings_of):
    configuration = configured('{"Greeting": "hi"}')
    settings = settings_of(configuration)
    source = ConfigurationSource(settings, configuration)
    field = settings.model_fields["greeting"]
    assert source.get_field_value(field, "greeting") == ("hi", "greeting", False)


def test_without_a_configuration_the_usual_files_are_read(tmp_path, monkeypatch, settings_of):
    (tmp_path / "appsettings.json").write_text('{"Greeting": "hi"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MSIDWEB_APPSETTINGS", raising=False)
    source = ConfigurationSource(settings_of(Configuration.of_environment(environ={})))
    assert source() == {"greeting": "hi"}
