import asyncio
import copy
import pickle

import httpx
import pytest
from pydantic import ValidationError

from msidweb.configuration import (
    AcquireTokenOptions,
    CredentialDescription,
    DownstreamApiOptions,
    HttpClientOptions,
    MemoryCacheOptions,
    MicrosoftIdentityOptions,
    SourceType,
    TokenCacheOptions,
)


def test_deep_copies_share_nothing_that_can_be_changed():
    options = DownstreamApiOptions(
        scopes=["a"],
        extra_query_parameters={"a": "b"},
        acquire_token_options=AcquireTokenOptions(extra_parameters={"deep": [{"x"}]}),
    )
    twin = options.model_copy(deep=True)
    assert twin == options
    twin.scopes.append("b")
    twin.extra_query_parameters["a"] = "c"
    twin.acquire_token_options.session_key = "k"
    twin.acquire_token_options.extra_parameters["deep"][0].add("y")
    assert options.scopes == ["a"]
    assert options.extra_query_parameters == {"a": "b"}
    assert options.acquire_token_options.session_key is None
    assert options.acquire_token_options.extra_parameters == {"deep": [{"x"}]}
    assert twin.acquire_token_options.model_fields_set == {"extra_parameters", "session_key"}
    assert options.acquire_token_options.model_fields_set == {"extra_parameters"}


def test_deep_copies_share_transports_and_callables():
    class Codec:
        def __init__(self):
            self.lock = asyncio.Lock()

        def write(self, value):
            return b"", "text/plain"

    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    codec = Codec()
    assert copy.deepcopy(HttpClientOptions(transport=transport)).transport is transport
    twin = copy.deepcopy(DownstreamApiOptions(serializer=codec.write))
    assert twin.serializer.__self__ is codec


def test_options_that_hold_secrets_are_not_pickled():
    for options in (CredentialDescription(), MicrosoftIdentityOptions()):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(options)


def test_assignment_is_validated():
    options = HttpClientOptions()
    options.timeout = "00:00:05"
    assert options.timeout == 5.0
    with pytest.raises(ValidationError):
        options.timeout = 0


@pytest.mark.parametrize(
    "value", [{"client_credentials": [{"source_type": "s3cr3t"}]}, {"x": "s3cr3t"}]
)
def test_errors_of_a_constructor_show_no_input(value):
    with pytest.raises(ValidationError) as caught:
        MicrosoftIdentityOptions(**value)
    assert "s3cr3t" not in str(caught.value)


def test_credentials_take_the_place_of_the_older_forms():
    listed = [CredentialDescription(source_type="Path", certificate_disk_path="/c")]
    options = MicrosoftIdentityOptions(client_credentials=listed, client_secret="s")
    assert options.effective_credentials == listed


def test_older_forms_are_tried_in_the_order_of_dotnet():
    options = MicrosoftIdentityOptions(
        client_secret="s",
        client_certificates=[{"source_type": "Path", "certificate_disk_path": "/c"}],
        client_credentials_using_managed_identity={
            "is_enabled": True,
            "managed_identity_client_id": "m",
        },
    )
    managed, certificate, secret = options.effective_credentials
    assert managed.source_type is SourceType.SIGNED_ASSERTION_FROM_MANAGED_IDENTITY
    assert managed.managed_identity_client_id == "m"
    assert certificate.certificate_disk_path == "/c"
    assert secret.client_secret.get_secret_value() == "s"
    assert MicrosoftIdentityOptions().effective_credentials == []


def test_the_size_of_the_first_cache_is_found_in_either_place():
    assert TokenCacheOptions().effective_l1_size_limit == 64 * 1024 * 1024
    nested = MemoryCacheOptions(size_limit=5)
    assert TokenCacheOptions(l1_cache_options=nested).effective_l1_size_limit == 5
    assert TokenCacheOptions(disable_l1_cache=True).effective_l1_size_limit == 0
