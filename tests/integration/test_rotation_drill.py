"""A certificate is rotated while requests are under way, and none of them fails."""

import asyncio
import contextlib
import itertools
from datetime import UTC, datetime

import httpx
import pytest
from tests.support.certificates import made

from msidweb import AcquireTokenOptions, CredentialDescription, IdentityBuilder
from msidweb.configuration import Configuration
from msidweb.errors import CredentialError
from msidweb.telemetry import CredentialFailed, CredentialReloaded
from msidweb.testing import EntraEmulator, ManualClock, sample_tenant

AT_A_TIME = 50


class Gate(httpx.AsyncBaseTransport):
    """Lets requests pass in step with each other, and does something before one of them."""

    def __init__(self, entra):
        self._inner = entra.transport()
        self._passed = itertools.count(1)
        self.before = {}
        self.refused = 0

    async def handle_async_request(self, request):
        for _ in range(3):
            await asyncio.sleep(0)
        self.before.pop(next(self._passed), lambda: None)()
        response = await self._inner.handle_async_request(request)
        self.refused += response.status_code == 401
        for _ in range(3):
            await asyncio.sleep(0)
        return response


class Drill:
    """The daemon with a certificate in a file, and an Entra ID that knows it."""

    def __init__(self, path):
        self.path = path
        self.clock = ManualClock()
        self.entra = EntraEmulator(clock=self.clock)
        self.sample = sample_tenant(self.entra)
        self.entra.remove_secrets(self.sample.daemon)
        self.first, self.second = (self.entra.add_certificate(self.sample.daemon) for _ in range(2))
        self.gate = Gate(self.entra)
        self.events = []
        self.asked = itertools.count()

    def put(self, content):
        """Replace the file, as tools that rotate certificates do."""
        fresh = self.path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(content)
        fresh.replace(self.path)

    @contextlib.asynccontextmanager
    async def running(self, *more):
        described = CredentialDescription(source_type="Path", certificate_disk_path=str(self.path))
        section = self.entra.azure_ad(self.sample.daemon)
        builder = (
            IdentityBuilder(Configuration.of_environment(environ={}))
            .add_microsoft_identity_web_api(
                None, tenant_id=section["TenantId"], client_id=section["ClientId"]
            )
            .enable_token_acquisition(credentials=[described, *more])
            .add_http_client("Entra", transport=self.gate)
            .add_hook(self.events.append)
            .override(clock=self.clock)
        )
        async with builder.build() as identity:
            self.chain = identity.container.credentials()
            self.acquirer = identity.token_acquirer
            yield

    async def request(self):
        # Each is of its own kind, so that none is answered from memory or with another.
        options = AcquireTokenOptions(extra_query_parameters={"n": str(next(self.asked))})
        scope = self.sample.api.default_scope
        return await self.acquirer.get_token_for_app(scope, options=options)

    async def requests(self, count):
        for _ in range(count // AT_A_TIME):
            await asyncio.gather(*(self.request() for _ in range(AT_A_TIME)))

    def heard(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def drill(tmp_path):
    drill = Drill(tmp_path / "daemon.pem")
    drill.put(drill.first.pem)
    return drill


async def test_a_certificate_is_rotated_without_a_failed_request(drill):
    async with drill.running():
        await drill.requests(100)
        drill.put(drill.second.pem)
        await drill.requests(500)
        assert drill.heard(CredentialReloaded) == []

        # In the middle of fifty requests that all show the first one.
        drill.gate.before[625] = lambda: drill.entra.remove_certificate(
            drill.sample.daemon, drill.first
        )
        await drill.requests(500)

    assert drill.gate.refused == 26
    [reloaded] = drill.heard(CredentialReloaded)
    assert reloaded.source == f"Path {drill.path}"
    assert drill.heard(CredentialFailed) == []


async def test_a_certificate_ends_without_a_failed_request(drill):
    ending = made("ending", ends=2040)
    drill.entra.register_certificate(drill.sample.daemon, ending.der)
    drill.put(ending.pem())
    end = datetime(2040, 1, 1, tzinfo=UTC).timestamp()
    async with drill.running():
        await drill.requests(50)
        drill.put(drill.second.pem)
        drill.gate.before[75] = lambda: drill.clock.advance(end - drill.clock.time())
        await drill.requests(100)

    assert drill.gate.refused == 26
    assert drill.heard(CredentialFailed) == []


async def test_a_certificate_that_nobody_rotated_gives_way_to_the_next(drill):
    secret = drill.entra.add_secret(drill.sample.daemon)
    spare = CredentialDescription(source_type="ClientSecret", client_secret=secret)
    async with drill.running(spare):
        await drill.requests(50)
        drill.entra.remove_certificate(drill.sample.daemon, drill.first)
        await drill.requests(100)
        assert drill.gate.refused == AT_A_TIME
        assert drill.chain.not_after is None

        # After a minute it is tried again: by then the new one is in its place.
        drill.put(drill.second.pem)
        drill.clock.advance(60)
        await drill.requests(50)
        assert drill.chain.not_after is not None

    assert [event.source for event in drill.heard(CredentialFailed)] == [f"Path {drill.path}"]
    assert len(drill.heard(CredentialReloaded)) == 1


async def test_without_another_credential_at_most_two_requests_a_minute_are_in_vain(drill):
    async with drill.running():
        await drill.request()
        drill.entra.remove_certificate(drill.sample.daemon, drill.first)
        for _ in range(20):
            with pytest.raises(CredentialError) as caught:
                await drill.request()
            assert caught.value.aadsts == 700027
            [attempt] = caught.value.attempts
            assert attempt.source == f"Path {drill.path}"
        assert drill.gate.refused == 2
