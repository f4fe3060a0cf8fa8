import asyncio
import contextlib
import gc
import warnings

import pytest
from dependency_injector import containers, providers
from dependency_injector.wiring import Provide, inject

from msidweb import DownstreamApi, Identity, IdentityBuilder, IdentityContainer, IdentityOptions
from msidweb.configuration import (
    DownstreamApiOptions,
    HttpClientOptions,
    MicrosoftIdentityOptions,
)
from msidweb.errors import InvalidCallError
from msidweb.telemetry import ApiOpenedLate, ConfigurationNoted, Event, TransportChosen
from msidweb.testing import ManualClock

OPTIONS = IdentityOptions(
    web_api=MicrosoftIdentityOptions(
        tenant_id="11111111-2222-3333-4444-555555555555",
        client_id="aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        client_secret="a secret of no worth",
    ),
    downstream_apis={"P": DownstreamApiOptions(base_url="https://p.example", scopes=["a/b"])},
    enable_token_acquisition=True,
)


@pytest.fixture
def identity():
    return IdentityBuilder.from_options(OPTIONS).build()


async def test_the_identity_is_opened_and_closed_and_opened_again(identity):
    for _ in range(2):
        async with identity as opened:
            assert opened is identity
            assert "open" in repr(identity)
            client = identity.http_client("P")
        assert client.is_closed
        assert "closed" in repr(identity)


async def test_who_opens_twice_closes_twice(identity):
    async with identity.lifespan(), identity.lifespan():
        client = identity.http_client("P")
        async with identity:
            pass
        assert not client.is_closed
    assert client.is_closed


async def test_a_lifespan_of_ones_own_runs_inside_and_its_state_is_handed_on(identity):
    seen = []

    @contextlib.asynccontextmanager
    async def own(app):
        seen.append((app, "open" in repr(identity)))
        yield {"key": "value"}
        seen.append("open" in repr(identity))

    async with identity.lifespan.around(own)("the app") as state:
        assert state == {"key": "value"}
    assert seen == [("the app", True), True]
    assert "closed" in repr(identity)


async def test_an_identity_that_was_opened_and_dropped_warns():
    identity = IdentityBuilder.from_options(OPTIONS).build()
    await identity.open()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del identity
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning]


def test_a_repr_shows_neither_ids_nor_secrets(identity):
    text = repr(identity)

    assert "a secret" not in text
    assert "aaaaaaaa" not in text


def test_the_options_handed_out_are_a_copy(identity):
    identity.options.downstream_apis["P"].scopes.append("more")

    assert identity.options.downstream_apis["P"].scopes == ["a/b"]


class Reports:
    @inject
    def __init__(self, api: DownstreamApi = Provide[IdentityContainer.downstream_api]) -> None:
        self.api = api


def test_services_of_ones_own_get_parts_injected(identity):
    identity.container.wire(modules=[__name__])
    try:
        assert Reports().api is identity.downstream_api
    finally:
        identity.container.unwire()


def test_the_container_nests_into_the_applications_own():
    class Application(containers.DeclarativeContainer):
        options = providers.Object(OPTIONS)
        identity = providers.Container(IdentityContainer, options=options)
        reports = providers.Factory(Reports, api=identity.downstream_api)

    application = Application()
    identity = Identity(application.identity())

    assert application.reports().api is identity.downstream_api


def test_any_part_can_be_overridden_before_its_first_use(identity):
    clock = ManualClock()
    with identity.container.clock.override(providers.Object(clock)):
        assert identity.container.clock() is clock


def test_a_part_is_made_once(identity):
    for name in ("token_cache", "authorities", "http_clients", "telemetry", "token_validator"):
        provider = identity.container.providers[name]
        assert provider() is provider()


async def test_what_no_request_causes_has_one_id_of_the_identitys_own():
    async def ids_of_one_life() -> set[str | None]:
        events: list[Event] = []
        builder = (
            IdentityBuilder.from_options(OPTIONS).add_http_client("PP").add_hook(events.append)
        )
        identity = builder.build()
        identity.http_client("P")
        await identity.aclose()
        assert [type(event) for event in events] == [
            ConfigurationNoted,
            ApiOpenedLate,
            TransportChosen,
        ]
        return {event.correlation_id for event in events}

    first, second = await ids_of_one_life(), await ids_of_one_life()
    assert len(first) == len(second) == 1
    assert None not in first
    assert first != second


def test_without_token_acquisition_its_parts_say_so():
    options = OPTIONS.model_copy(update={"enable_token_acquisition": False, "downstream_apis": {}})
    identity = IdentityBuilder.from_options(options).build()

    with pytest.raises(InvalidCallError, match="enable_token_acquisition"):
        _ = identity.token_acquirer


async def test_each_loop_opens_and_closes_for_itself(identity):
    async def elsewhere():
        async with identity:
            client = identity.http_client("P")
        return client.is_closed

    async with identity:
        mine = identity.http_client("P")
        assert await asyncio.to_thread(asyncio.run, elsewhere())
        assert not mine.is_closed
    assert mine.is_closed


async def test_a_client_that_nobody_registered_is_refused_with_the_nearest_name(identity):
    async with identity:
        with pytest.raises(InvalidCallError, match="did you mean 'Entra'") as caught:
            identity.http_client("Entraa")
        assert caught.value.code == "unknown_client"
        with pytest.raises(InvalidCallError, match="the HTTP client's name takes text"):
            identity.http_client(None)


async def test_entra_and_each_api_have_a_client_without_a_registration(identity):
    async with identity:
        assert identity.http_client("P") is not identity.http_client("Entra")


async def test_a_registered_client_needs_no_api():
    options = OPTIONS.model_copy(update={"http_clients": {"Own": HttpClientOptions()}})
    async with IdentityBuilder.from_options(options).build() as identity:
        assert identity.http_client("Own")
