"""Best practices: what is logged, how long is waited, which tokens are refused."""

import asyncio
import contextlib
import logging
import time
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Security
from tests.guide.service import user_data_api
from tests.support.stage import bearer

from msidweb import ConfigurationError, NamedDownstreamApi, Principal
from msidweb.errors import DownstreamTimeoutError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.telemetry import (
    DownstreamCalled,
    TokenAcquired,
    TokenAcquisitionFailed,
    TokenValidated,
)


def lines(caplog, event: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if getattr(record, "msidweb_event", None) == event]


async def test_at_debug_each_acquisition_says_where_its_token_came_from_and_why(stage, caplog):
    caplog.set_level(logging.DEBUG, "msidweb")
    client = await stage.client(user_data_api(stage.identity()))

    for _ in range(2):
        await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    miss, hit = lines(caplog, "msidweb.token_acquired")
    assert (miss.levelname, miss.name) == ("DEBUG", "msidweb.acquisition")
    assert (miss.msidweb_source, miss.msidweb_cache_level) == ("identity_provider", "none")
    assert miss.msidweb_reason == "no_cached_token"
    assert (hit.msidweb_source, hit.msidweb_cache_level) == ("cache", "l1")
    assert stage.partner.scope in miss.getMessage()


async def test_one_correlation_id_leads_from_the_request_to_entra_id_and_downstream(stage, caplog):
    caplog.set_level(logging.DEBUG, "msidweb")
    client = await stage.client(user_data_api(stage.identity()))

    await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    ids = {
        record.msidweb_event: record.msidweb_correlation_id
        for record in caplog.records
        if record.name.startswith("msidweb")
    }
    caused = (
        "keys_refreshed",
        "credential_loaded",
        "transport_chosen",
        "token_validated",
        "token_acquired",
        "downstream_called",
    )
    assert ids == dict.fromkeys(
        (f"msidweb.{name}" for name in caused), stage.exchanges[0].correlation_id
    )


async def test_at_information_a_quiet_service_logs_no_request(stage, caplog):
    client = await stage.client(user_data_api(stage.identity()))
    await client.get("/api/userdata", headers=stage.signed_in(stage.alice))
    caplog.set_level(logging.INFO, "msidweb")

    await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert [record for record in caplog.records if record.name.startswith("msidweb")] == []


@pytest.mark.parametrize("pii", [False, True])
async def test_names_of_tenants_and_users_are_logged_only_when_asked_for(stage, caplog, pii):
    caplog.set_level(logging.DEBUG, "msidweb")
    stage.settings["AzureAd"]["EnablePiiLogging"] = pii
    client = await stage.client(user_data_api(stage.identity()))

    for user in (stage.alice, stage.carol):
        await client.get("/api/userdata", headers=stage.signed_in(user))

    written = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith("msidweb")
    )
    for user in (stage.alice, stage.carol):
        named = [event for event in stage.events if user.upn in repr(event)]
        kinds = {TokenValidated, TokenAcquired, DownstreamCalled}
        if user is stage.carol:  # who consented to nothing
            kinds = {TokenValidated, TokenAcquisitionFailed, DownstreamCalled}
        assert {type(event) for event in named} == (kinds if pii else set())
        for name in (user.oid, user.upn, f"tenant_id={user.tid}"):
            assert (name in written) is pii
        assert (user.oid in repr(stage.events)) is pii


@pytest.mark.parametrize("pii", [False, True])
async def test_neither_token_nor_secret_is_ever_logged(stage, caplog, pii):
    caplog.set_level(logging.DEBUG)
    stage.settings["AzureAd"]["EnablePiiLogging"] = pii
    client = await stage.client(user_data_api(stage.identity()))

    for headers in (
        stage.signed_in(stage.alice),
        stage.signed_in(stage.carol),
        bearer("eyJhbGciOiJub25lIn0.e30."),
    ):
        await client.get("/api/userdata", headers=headers)
    stage.entra.remove_secrets(stage.api)
    await client.get("/api/userdata", headers=stage.sign_in_again(stage.alice))

    secret = stage.settings["AzureAd"]["ClientCredentials"][0]["ClientSecret"]
    for record in caplog.records:
        shown = f"{record.getMessage()} {record.exc_text} {vars(record)}"
        assert "eyJ" not in shown
        assert secret not in shown


def hanging_api(identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    @app.get("/api/report")
    async def report(
        caller: Annotated[Principal, Security(entra)],
        reports: Annotated[NamedDownstreamApi, Depends(entra.api("Reports"))],
    ) -> dict[str, object]:
        return await reports.get_for_user("api/data")

    return app


@contextlib.contextmanager
def hanging(partner):
    """The partner answers nothing inside the block."""
    end = asyncio.Event()
    partner.meanwhile = end.wait
    try:
        yield
    finally:
        partner.meanwhile = None
        end.set()


def with_reports(stage, **client):
    base_url = stage.settings["DownstreamApis"]["PartnerAPI"]["BaseUrl"]

    def configure(options) -> None:
        options.base_url = base_url
        options.scopes = [stage.partner.scope]
        options.http_client_name = "Partner"

    return (
        stage.builder()
        .add_downstream_api("Reports", configure)
        .add_http_client("Partner", ca_file=stage.ca_file, **client)
    )


async def test_a_timeout_of_the_named_client_ends_a_hanging_call_with_504(stage):
    client = await stage.client(hanging_api(stage.identity(with_reports(stage, timeout=0.3))))

    with hanging(stage.partner):
        response = await client.get("/api/report", headers=stage.signed_in(stage.alice))

    assert response.status_code == 504
    assert response.json()["error"] == "upstream_timeout"
    assert "Reports" not in response.text


async def test_the_client_named_as_the_api_needs_no_reference(stage):
    stage.settings["HttpClients"]["PartnerAPI"]["Timeout"] = 0.3
    client = await stage.client(user_data_api(stage.identity()))

    with hanging(stage.partner):
        response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert response.status_code == 504


async def test_a_timeout_of_one_call_wins_and_is_the_total_deadline(stage):
    async with stage.identity(with_reports(stage, timeout=30)) as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )
        with hanging(stage.partner), pytest.raises(DownstreamTimeoutError) as caught:
            await identity.downstream_api.get_for_user("Reports", timeout=0.3, user=user)

    assert caught.value.status_code is None
    assert caught.value.service_name == "Reports"
    assert caught.value.retryable


async def test_a_hanging_api_does_not_hold_up_the_others(stage):
    client = await stage.client(hanging_api(stage.identity(with_reports(stage, timeout=1))))
    headers = stage.signed_in(stage.alice)
    with hanging(stage.partner):
        await client.get("/api/report", headers=headers)

    response = await client.get("/api/report", headers=headers)

    assert response.status_code == 200


def test_a_client_name_that_is_not_registered_is_a_problem_of_the_configuration(stage):
    builder = stage.builder().add_downstream_api(
        "Reports", base_url="https://partner.example", http_client_name="Patner"
    )

    with pytest.raises(ConfigurationError, match="did you mean 'PartnerAPI'"):
        stage.identity(builder)


def damaged(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[:10]}{'B' if signature[10] == 'A' else 'A'}{signature[11:]}"


def unsigned(token: str) -> str:
    _, payload, _ = token.split(".")
    return f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}."


def token_of(stage, **how) -> str:
    return stage.sign_in_again(stage.alice, **how)["Authorization"].removeprefix("Bearer ")


def of_a_withdrawn_key(stage) -> str:
    token = token_of(stage)
    stage.entra.remove_key(stage.entra.keys[-1].kid)
    return token


TOKENS = {
    "no token at all": lambda stage: None,
    "not a JWT": lambda stage: "opaque",
    "for another API": lambda stage: stage.entra.user_token(
        stage.alice, resource=stage.partner.resource
    ),
    "for Microsoft Graph": lambda stage: stage.entra.user_token(
        stage.alice, resource=stage.entra.graph
    ),
    "an id token": lambda stage: stage.entra.id_token(stage.alice, client=stage.api),
    "a damaged signature": lambda stage: damaged(token_of(stage)),
    "no signature": lambda stage: unsigned(token_of(stage)),
    "expired": lambda stage: token_of(stage, claims={"exp": int(time.time()) - 600}),
    "not yet valid": lambda stage: token_of(stage, claims={"nbf": int(time.time()) + 600}),
    "of another tenant": lambda stage: stage.entra.user_token(
        stage.entra.add_user("Eve", tenant=stage.entra.add_tenant("fabrikam")), resource=stage.api
    ),
    "of another issuer": lambda stage: token_of(
        stage, claims={"iss": f"https://sts.windows.net/{'0' * 8}/"}
    ),
    "without a tenant": lambda stage: token_of(stage, claims={"tid": None}),
    "without scope and role": lambda stage: token_of(stage, claims={"scp": None}),
    "of a key that was withdrawn": of_a_withdrawn_key,
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
async def test_a_token_that_is_not_for_this_api_is_refused(stage, token):
    client = await stage.client(user_data_api(stage.identity()))
    text = token(stage)

    response = await client.get("/api/userdata", headers={} if text is None else bearer(text))

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert stage.exchanges == []


async def test_two_tokens_in_one_request_are_refused(stage):
    client = await stage.client(user_data_api(stage.identity()))
    field = stage.signed_in(stage.alice)["Authorization"]

    twice = await client.get(
        "/api/userdata", headers=[("Authorization", field), ("Authorization", field)]
    )
    in_the_query = await client.get(
        f"/api/userdata?access_token={field.removeprefix('Bearer ')}",
        headers={"Authorization": field},
    )

    assert twice.status_code in {400, 401}
    assert in_the_query.status_code in {400, 401}


async def test_an_applications_token_is_no_users(stage):
    daemon = stage.entra.add_app("daemon")
    token = stage.entra.app_token(client=daemon, resource=stage.api)
    client = await stage.client(user_data_api(stage.identity()))

    response = await client.get("/api/userdata", headers=bearer(token))

    assert response.status_code in {401, 403}
    assert stage.exchanges == []


async def test_keys_are_exchanged_without_a_refused_request(stage):
    client = await stage.client(user_data_api(stage.identity()))
    before = stage.signed_in(stage.alice)
    assert (await client.get("/api/userdata", headers=before)).status_code == 200

    stage.entra.rotate_keys()
    after = stage.sign_in_again(stage.alice)

    assert (await client.get("/api/userdata", headers=after)).status_code == 200
    assert (await client.get("/api/userdata", headers=before)).status_code == 200
