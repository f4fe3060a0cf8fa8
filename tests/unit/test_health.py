import asyncio
import json
import threading

import pytest
from tests.support.stage import Stage

from msidweb import HealthStatus, IdentityBuilder
from msidweb.configuration import MicrosoftIdentityOptions
from msidweb.testing import EntraEmulator, ManualClock

DAY = 24 * 3600


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def entra(clock):
    return EntraEmulator(clock=clock)


@pytest.fixture
def api(entra):
    return entra.add_app("api", scopes=["access_as_user"])


@pytest.fixture
def identity(clock, entra, api):
    return identity_of(clock, entra, api)


def identity_of(clock, entra, api, **parts):
    options = MicrosoftIdentityOptions.model_validate(entra.azure_ad(api))
    return (
        IdentityBuilder()
        .add_microsoft_identity_web_api(options)
        .enable_token_acquisition()
        .add_in_memory_token_caches(l1_size_limit=1_000_000)
        .add_http_client("Entra", transport=entra.transport())
        .override(clock=clock, **parts)
        .build()
    )


async def idle(identity):
    """Until what runs in the background has ended."""

    await asyncio.sleep(0)
    while identity.health().background_tasks:  # noqa: ASYNC110 - nobody signals that
        await asyncio.sleep(0.001)


def scheme(identity):
    return identity.health().schemes["Bearer"]


def test_before_anything_happened_the_keys_are_not_known_yet(identity):
    report = identity.health()

    assert report.status is HealthStatus.DEGRADED
    assert report.schemes["Bearer"].reasons == ("The authority's keys are not known yet.",)
    assert report.schemes["Bearer"].keys_age is None


async def test_a_probe_has_the_keys_fetched_and_does_not_wait_for_them(identity, entra, clock):
    async with identity:
        assert identity.health().status == "degraded"
        assert entra.wire.count("keys") == 0
        await idle(identity)
        clock.advance(5)

        report = identity.health()

    assert report.status is HealthStatus.HEALTHY
    assert report.schemes["Bearer"].reasons == ()
    assert report.schemes["Bearer"].keys_age == 5
    assert entra.wire.count("keys") == 1


async def test_probes_from_a_thread_have_them_fetched_too(identity):
    async with identity:
        probe = threading.Thread(target=identity.health)
        probe.start()
        probe.join()
        await idle(identity)

        assert identity.health().status == "healthy"


async def test_keys_that_never_came_make_it_unhealthy_until_they_come(identity, entra, clock):
    fault = entra.fail_next("metadata", status=503, times=None)
    async with identity:
        identity.health()
        await idle(identity)
        report = identity.health()
        await idle(identity)
        asked = len(entra.wire.requests)
        assert report.status is HealthStatus.UNHEALTHY
        assert report.schemes["Bearer"].keys_failure in report.schemes["Bearer"].reasons

        identity.health()
        await idle(identity)
        assert len(entra.wire.requests) == asked, "no probe asks before the back-off is over"
        fault.lift()
        clock.advance(6)
        identity.health()
        await idle(identity)

        assert identity.health().status == "healthy"


async def test_known_keys_that_cannot_be_renewed_degrade_it(identity, entra, clock):
    async with identity:
        await identity.container.authorities().refresh_now()
        entra.fail_next("metadata", status=503, times=None)
        clock.advance(DAY)
        assert scheme(identity).reasons == ("The authority's keys are old.",)
        await idle(identity)

        report = identity.health()

        assert report.status is HealthStatus.DEGRADED
        assert report.schemes["Bearer"].keys_failure
        assert len(report.schemes["Bearer"].reasons) == 2


class Certificates:
    """Credentials that tell of an end."""

    is_empty = False

    def __init__(self, not_after):
        self.not_after = not_after


@pytest.mark.parametrize(
    ("days", "reasons"),
    [
        (15, ()),
        (13, ("The client certificate ends soon.",)),
        (0, ("The client certificate is over.",)),
        (-1, ("The client certificate is over.",)),
    ],
)
async def test_the_end_of_the_certificate_is_told_of(clock, entra, api, days, reasons):
    credentials = Certificates(clock.time() + days * DAY)
    identity = identity_of(clock, entra, api, credentials=credentials)
    async with identity:
        await identity.container.authorities().refresh_now()
        health = scheme(identity)

    assert health.credential_expires_in == days * DAY
    assert health.reasons == reasons
    assert health.status == ("degraded" if reasons else "healthy")


async def test_the_cache_and_what_is_under_way_are_counted(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        stage.entra.assign(client=stage.api, resource=stage.partner.resource, roles=["Read.All"])
        identity = stage.identity()
        async with identity:
            scope = f"api://{stage.partner.resource.client_id}/.default"
            await identity.token_acquirer.get_token_for_app(scope)
            report = identity.health()

    assert report.token_cache.entries == 1
    assert 0 < report.token_cache.size < report.token_cache.size_limit
    assert report.requests_under_way == 0


async def test_requests_under_way_are_counted(identity, entra, api):

    entra.fail_next("token", latency=5)
    async with identity:
        scope = f"{api.client_id}/.default"
        call = asyncio.create_task(identity.token_acquirer.get_token_for_app(scope))
        while not identity.health().requests_under_way:  # noqa: ASYNC110 - nobody signals that
            await asyncio.sleep(0.001)
        call.cancel()
        await asyncio.wait([call])

        assert identity.health().requests_under_way == 0


async def test_without_acquisition_there_is_no_credential(clock, entra, api):
    options = MicrosoftIdentityOptions.model_validate({**entra.azure_ad(api), "ClientSecret": None})
    identity = IdentityBuilder().add_microsoft_identity_web_api(options).build()

    assert scheme(identity).credential_expires_in is None
    assert identity.health().requests_under_way == 0


async def test_as_json_it_names_nobody(identity, entra, api):
    alice = entra.add_user("Alice")
    async with identity:
        await identity.token_validator.validate(entra.user_token(alice, resource=api))
        text = json.dumps(identity.health().to_dict())

    assert json.loads(text)["status"] == "healthy"
    assert set(json.loads(text)["schemes"]["Bearer"]) == {
        "status",
        "reasons",
        "keys_age",
        "keys_failure",
        "credential_expires_in",
    }
    for secret in (entra.tenant.id, api.client_id, alice.oid, "Alice", "alice"):
        assert secret not in text
