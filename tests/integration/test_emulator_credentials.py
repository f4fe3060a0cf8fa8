"""Certificates and federated assertions of unmodified msal and azure-identity, and ours."""

import azure.identity
import azure.identity.aio
import msal
import pytest
from azure.core.exceptions import ClientAuthenticationError
from tests.support.entra_server import Served, served_entra

from msidweb import CertificateWithKey, CredentialDescription, IdentityBuilder
from msidweb.configuration import Configuration
from msidweb.errors import CredentialError
from msidweb.testing import FederatedIssuer

SUBJECT = "system:serviceaccount:shop:daemon"


@pytest.fixture
def served(monkeypatch):
    with served_entra(monkeypatch) as served:
        served.entra.remove_secrets(served.sample.daemon)
        yield served


@pytest.fixture
def certificate(served, tmp_path):
    """A PEM file whose certificate the daemon registered."""
    path = tmp_path / "daemon.pem"
    path.touch(mode=0o600)
    path.write_bytes(served.entra.add_certificate(served.sample.daemon).pem)
    return path


@pytest.fixture
def token_file(served, tmp_path):
    """A file with an assertion of a cluster that the daemon trusts."""
    issuer = FederatedIssuer("https://oidc.example/cluster")
    served.entra.add_federated_credential(served.sample.daemon, issuer, subject=SUBJECT)
    path = tmp_path / "token"
    path.write_text(issuer.assertion(SUBJECT))
    return path


def azure_options(served: Served):
    return {
        "tenant_id": served.entra.tenant.id,
        "client_id": served.sample.daemon.client_id,
        "authority": served.entra.base_url,
        "disable_instance_discovery": True,
        "connection_verify": served.server.ca_file,
    }


def roles(served, token):
    return served.entra.recognize(token)["roles"]


async def azure_token(served, name, *arguments, blocking, **more):
    scope = served.sample.api.default_scope
    options = azure_options(served) | more
    if blocking:
        with getattr(azure.identity, name)(*arguments, **options) as credential:
            return credential.get_token(scope).token
    async with getattr(azure.identity.aio, name)(*arguments, **options) as credential:
        return (await credential.get_token(scope)).token


BOTH = pytest.mark.parametrize("blocking", [True, False])


@BOTH
async def test_azure_identity_signs_in_with_a_certificate(served, certificate, blocking):
    token = await azure_token(
        served, "CertificateCredential", certificate_path=str(certificate), blocking=blocking
    )
    assert roles(served, token) == ["Orders.Read.All"]


@BOTH
async def test_azure_identity_signs_in_with_an_assertion(served, token_file, blocking):
    token = await azure_token(
        served, "ClientAssertionCredential", func=token_file.read_text, blocking=blocking
    )
    assert roles(served, token) == ["Orders.Read.All"]


@BOTH
async def test_azure_identity_signs_in_as_a_workload(served, token_file, blocking):
    token = await azure_token(
        served, "WorkloadIdentityCredential", token_file_path=str(token_file), blocking=blocking
    )
    assert roles(served, token) == ["Orders.Read.All"]


async def test_azure_identity_is_refused_where_nobody_trusts_the_issuer(served, token_file):
    served.sample.daemon.federated_credentials.clear()
    with pytest.raises(ClientAuthenticationError, match="AADSTS700211"):
        await azure_token(
            served, "WorkloadIdentityCredential", token_file_path=str(token_file), blocking=True
        )


def test_msal_signs_in_with_an_assertion(served, token_file):
    application = msal.ConfidentialClientApplication(
        served.sample.daemon.client_id,
        client_credential={"client_assertion": token_file.read_text},
        authority=served.entra.authority(),
        instance_discovery=False,
        verify=served.server.ca_file,
    )
    answer = application.acquire_token_for_client([served.sample.api.default_scope])
    assert roles(served, answer["access_token"]) == ["Orders.Read.All"]


def identity_of(served: Served, *credentials, **settings):
    builder = (
        IdentityBuilder(Configuration.of_environment(environ={}))
        .add_microsoft_identity_web_api(
            None,
            instance=f"{served.entra.base_url}/",
            tenant_id=served.entra.tenant.id,
            client_id=served.sample.daemon.client_id,
            **settings,
        )
        .enable_token_acquisition(credentials=credentials)
        .add_http_client("Entra", ca_file=served.server.ca_file)
    )
    return builder.build()


async def token_of(served, *credentials, **settings):
    async with identity_of(served, *credentials, **settings) as identity:
        acquirer = identity.token_acquirer
        token = await acquirer.get_token_for_app(served.sample.api.default_scope)
        return roles(served, token.access_token)


async def test_ours_signs_in_with_each_kind_of_credential(served, certificate, token_file):
    described = [
        {"source_type": "Path", "certificate_disk_path": str(certificate)},
        {"source_type": 8, "signed_assertion_file_disk_path": str(token_file)},
        {"source_type": 0, "certificate": CertificateWithKey(certificate.read_bytes())},
    ]
    for credential in described:
        assert await token_of(served, CredentialDescription(**credential)) == ["Orders.Read.All"]


async def test_a_configured_certificate_may_send_its_chain(served, certificate):
    listed = [{"source_type": "Path", "certificate_disk_path": str(certificate)}]
    found = await token_of(served, client_credentials=listed, send_x5c=True)
    assert found == ["Orders.Read.All"]


async def test_each_credential_that_entra_refuses_gives_way_to_the_next(
    served, certificate, token_file
):
    foreign = token_file.with_name("foreign")
    foreign.write_text(FederatedIssuer("https://oidc.example/elsewhere").assertion(SUBJECT))
    order = [
        CredentialDescription(source_type="ClientSecret", client_secret="wrong"),
        CredentialDescription(source_type="Path", certificate_disk_path="/no/such/file"),
        CredentialDescription(source_type=8, signed_assertion_file_disk_path=str(foreign)),
        CredentialDescription(source_type="Path", certificate_disk_path=str(certificate)),
    ]
    assert await token_of(served, *order) == ["Orders.Read.All"]
    with pytest.raises(CredentialError) as caught:
        await token_of(served, *order[:3])
    assert caught.value.aadsts == 700211
    assert [(a.source, a.reason) for a in caught.value.attempts] == [
        ("ClientSecret", "AADSTS7000215: the client secret is wrong."),
        ("Path /no/such/file", "the file cannot be read: No such file or directory"),
        (
            f"SignedAssertionFilePath {foreign}",
            "AADSTS700211: no federated credential has that issuer.",
        ),
    ]
    assert "Tried: ClientSecret: AADSTS7000215" in str(caught.value)
