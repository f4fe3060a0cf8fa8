"""Options written to an appsettings.json, or to the environment, come back as they were."""

import json
from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from msidweb.configuration import (
    AcquireTokenOptions,
    Configuration,
    CredentialDescription,
    DownstreamApiOptions,
    MicrosoftIdentityOptions,
    TokenCacheOptions,
    bind,
)
from msidweb.testing import environment_of

# As people write them: neither blank, which means "not given", nor with white space around.
TEXTS = st.text(st.sampled_from("abÀ01-./ é{}\"'\\"), min_size=1, max_size=8).filter(
    lambda text: text.strip() == text
)
NAMES = st.text(st.sampled_from("abXY01-"), min_size=1, max_size=6)
MAPS = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=2).filter(
    lambda made: len({name.lower() for name in made}) == len(made)
)
CREDENTIALS = st.builds(
    CredentialDescription,
    source_type=st.just("ClientSecret"),
    client_secret=TEXTS.map(SecretStr),
)
OPTIONS = st.one_of(
    st.builds(
        MicrosoftIdentityOptions,
        instance=st.just("https://login.microsoftonline.com/"),
        tenant_id=st.sampled_from(["common", "contoso.onmicrosoft.com"]),
        client_id=TEXTS,
        audiences=st.lists(TEXTS, min_size=1, max_size=2),
        client_secret=TEXTS.map(SecretStr),
        client_credentials=st.lists(CREDENTIALS, min_size=1, max_size=2),
        allow_web_api_to_be_authorized_by_acl=st.booleans(),
        maximum_token_size=st.integers(1_024, 256_000),
        extra_query_parameters=MAPS,
    ),
    st.builds(
        DownstreamApiOptions,
        base_url=st.just("https://api.example/v1"),
        relative_path=TEXTS,
        scopes=st.lists(st.sampled_from(["a/x", "a/y"]), min_size=1, unique=True),
        request_app_token=st.booleans(),
        extra_header_parameters=MAPS,
        acquire_token_options=st.builds(
            AcquireTokenOptions,
            tenant=TEXTS,
            force_refresh=st.booleans(),
            session_key=TEXTS,
            extra_query_parameters=MAPS,
        ),
    ),
    st.builds(
        TokenCacheOptions,
        l1_size_limit=st.integers(0, 10**9),
        disable_l1_cache=st.booleans(),
    ),
)


def written(value: object) -> object:
    """*value* as a file has it: secrets too, which options show to nobody."""
    if isinstance(value, Mapping):
        return {name: written(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [written(inner) for inner in value]
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def document_of(options) -> dict[str, object]:
    return {"Mine": written(options.model_dump(by_alias=True, exclude_unset=True, mode="python"))}


def read(options, configuration):
    problems = []
    found = bind(type(options), configuration.section("Mine"), place="Mine", problems=problems)
    assert problems == []
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(OPTIONS)
def test_a_file_gives_the_options_that_were_written_to_it(tmp_path_factory, options):
    path = tmp_path_factory.mktemp("settings") / "appsettings.json"
    path.write_text(json.dumps(document_of(options)), encoding="utf-8")

    assert read(options, Configuration.load(path, environ={})) == options


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(OPTIONS)
def test_variables_give_the_options_that_were_written_to_them(options):
    environ = environment_of(document_of(options))

    assert read(options, Configuration.of_environment(environ=environ)) == options
