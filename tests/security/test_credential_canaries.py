"""No key, password or client assertion shows anywhere, whatever becomes of a credential (3.12)."""

import base64
from urllib.parse import parse_qs

import httpx
import pytest
from tests.support.canaries import Canaries, Witness
from tests.support.certificates import made

from msidweb import CertificateWithKey, ConfigurationError, CredentialDescription, IdentityBuilder
from msidweb.configuration import Configuration
from msidweb.errors import MsidwebError
from msidweb.testing import EntraEmulator, FederatedIssuer, ManualClock, sample_tenant


class Listening(httpx.AsyncBaseTransport):
    """Learns the assertions that are sent."""

    def __init__(self, stage):
        self._stage = stage
        self._inner = stage.entra.transport()

    async def handle_async_request(self, request):
        for assertion in parse_qs((await request.aread()).decode()).get("client_assertion", ()):
            self._stage.add_assertion(assertion)
        return await self._inner.handle_async_request(request)


class Stage:
    """An application with every kind of credential, each full of canaries."""

    def __init__(self, folder):
        self.folder = folder
        self.canaries, self.witness = Canaries(), Witness()
        self.clock = ManualClock()
        self.entra = EntraEmulator(clock=self.clock)
        self.sample = sample_tenant(self.entra)
        self.entra.remove_secrets(self.sample.daemon)
        self.password = self.canaries.plant("password")
        for line in made().key_pem().decode().splitlines()[1:-1]:
            self.canaries.add("key", line)
        for line in made().pem(self.password).decode().splitlines():
            if "-----" not in line:
                self.canaries.add("encrypted key", line)
        # The certificate is public.
        for line in made().certificate_pem.decode().splitlines():
            self.canaries.allow(line)
        self.issuer = FederatedIssuer("https://oidc.example", clock=self.clock)
        self.builders = []

    def add_assertion(self, assertion):
        _, payload, signature = assertion.split(".")
        self.canaries.add("assertion's claims", payload[20:])
        self.canaries.add("assertion's signature", signature)

    def file(self, content):
        path = self.folder / f"file-{len(list(self.folder.iterdir()))}"
        path.write_bytes(content)
        return str(path)

    def path(self, content, password=None):
        return CredentialDescription(
            source_type="Path",
            certificate_disk_path=self.file(content),
            certificate_password=password,
        )

    def assertion_file(self, content):
        return CredentialDescription(
            source_type=8, signed_assertion_file_disk_path=self.file(content.encode())
        )

    def provided(self, provider):
        self.builders.append(lambda builder: builder.add_signed_assertion_provider("P", provider))
        return CredentialDescription(
            source_type="CustomSignedAssertion",
            custom_signed_assertion_provider_name="P",
            custom_signed_assertion_provider_data={"secret": self.canaries.plant("data")},
        )

    async def shown(self, *credentials):
        """Everything that a call with these credentials shows; whether it went well."""
        section = self.entra.azure_ad(self.sample.daemon)
        builder = (
            IdentityBuilder(Configuration.of_environment(environ={}))
            .add_microsoft_identity_web_api(
                None, tenant_id=section["TenantId"], client_id=section["ClientId"]
            )
            .enable_token_acquisition(credentials=credentials)
            .add_http_client("Entra", transport=Listening(self))
            .add_hook(lambda event: self.witness.show("event", event))
            .override(clock=self.clock)
        )
        for edit in self.builders:
            edit(builder)
        self.witness.show("builder", vars(builder))
        async with builder.build() as identity:
            good = True
            for _ in range(3):
                try:
                    scope = self.sample.api.default_scope
                    await identity.token_acquirer.get_token_for_app(scope)
                except MsidwebError as error:
                    good = False
                    self.witness.error("call", error)
            for name, provider in identity.container.providers.items():
                part = provider()
                self.witness.show(f"part {name}", part)
                self.witness.show(f"state of {name}", getattr(part, "__dict__", None))
            for place in identity.container.credentials()._places:
                self.witness.show("credential", place)
                self.witness.show("its state", vars(place.credential))
        return good


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    with stage.witness.listening():
        yield stage
    assert stage.witness.seen
    assert stage.witness.leaks(stage.canaries) == {}


async def test_good_credentials_show_nothing(stage):
    entra, daemon = stage.entra, stage.sample.daemon
    entra.register_certificate(daemon, made().der)
    entra.add_federated_credential(daemon, stage.issuer, subject="s")
    pem = made().pem(stage.password)

    async def provider(_):
        return stage.issuer.assertion("s")

    for credential in (
        stage.path(pem, stage.password),
        stage.path(made().pfx(stage.password), stage.password),
        CredentialDescription(
            source_type=0, certificate=CertificateWithKey(pem, password=stage.password)
        ),
        CredentialDescription(
            source_type=2,
            base64_encoded_value=base64.b64encode(pem).decode(),
            certificate_password=stage.password,
        ),
        stage.assertion_file(stage.issuer.assertion("s")),
        stage.provided(provider),
    ):
        assert await stage.shown(credential), credential.source_type


async def test_refused_credentials_show_nothing(stage):
    async def provider(_):
        return stage.issuer.assertion("s")

    assert not await stage.shown(
        stage.path(made().pem(stage.password), stage.password),
        stage.assertion_file(stage.issuer.assertion("s")),
        stage.provided(provider),
        CredentialDescription(
            source_type="ClientSecret", client_secret=stage.canaries.plant("client secret")
        ),
    )


async def test_credentials_that_cannot_be_had_show_nothing(stage):
    text = stage.canaries.plant("content").encode()
    pem = made().pem(stage.password)

    async def provider(_):
        raise RuntimeError(stage.canaries.plant("what a provider raises"))

    assert not await stage.shown(
        stage.path(pem, stage.canaries.plant("wrong password")),
        stage.path(pem),
        stage.path(pem[:200] + text + pem[200:], stage.password),
        stage.path(text),
        stage.path(made().pfx(stage.password), "wrong"),
        stage.path(made("issuer").certificate_pem + made().key_pem()),
        stage.assertion_file(text.decode()),
        stage.provided(provider),
    )


def test_a_configuration_that_is_refused_shows_nothing(stage):
    secret = f"!{stage.canaries.plant('base64')}"
    listed = [
        {"source_type": 2, "base64_encoded_value": secret},
        {"source_type": 0, "certificate": made().pem().decode()},
        {"source_type": "KeyVault", "certificate_password": stage.password},
    ]
    for credential in listed:
        builder = IdentityBuilder(Configuration.of_environment(environ={}))
        builder.add_microsoft_identity_web_api(
            None, tenant_id="t.example", client_id="c", client_credentials=[credential]
        ).enable_token_acquisition()
        with pytest.raises(ConfigurationError) as caught:
            builder.build()
        stage.witness.error("build", caught.value)
