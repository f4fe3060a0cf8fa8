"""An Entra ID under the public cloud's name, and an API of ours in it."""

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import trustme
from fastapi import FastAPI
from tests.peers.ours import create_app

from msidweb import IdentityBuilder, MicrosoftIdentityOptions
from msidweb.clock import Clock
from msidweb.configuration import Configuration
from msidweb.testing import App, EntraEmulator, LocalServer, Sample, sample_tenant, serve_tls

LOGIN_HOSTS = ("login.microsoftonline.com", "login.windows.net", "sts.windows.net")


class LoginAuthority(trustme.CA):
    """Lets each server speak for the public cloud's login hosts too."""

    def issue_cert(self, *identities: str, **details) -> trustme.LeafCert:
        return super().issue_cert(*identities, *LOGIN_HOSTS, **details)


@dataclass(frozen=True)
class Cloud:
    """An Entra ID that peers reach under its public name, and who is in it."""

    entra: EntraEmulator
    sample: Sample
    login: LocalServer

    def bearer(self, user=None, **details) -> dict[str, str]:
        """The Authorization field of a user of the sample's API, Alice unless given."""
        details.setdefault("resource", self.sample.api)
        token = self.entra.user_token(user or self.sample.alice, **details)
        return {"Authorization": f"Bearer {token}"}


@contextlib.contextmanager
def raised(
    clock: Clock | None = None, *, base_url: str | None = f"https://{LOGIN_HOSTS[0]}"
) -> Iterator[Cloud]:
    """A cloud of its own, for as long as the block lasts; None names it as it is served."""
    entra = EntraEmulator(base_url=base_url, clock=clock)
    sample = sample_tenant(entra)
    with serve_tls(entra, ca=LoginAuthority()) as login:
        yield Cloud(entra, sample, login)


@contextlib.contextmanager
def served(
    cloud: Cloud, *, api: App | None = None, dotnet: str = "http://localhost", **settings: object
) -> Iterator[tuple[httpx.Client, FastAPI]]:
    """A client of our routes over TLS, and the application; *settings* go to ``AzureAd``."""
    section = cloud.entra.azure_ad(api or cloud.sample.api) | settings
    identity = (
        IdentityBuilder(Configuration.of_environment(environ={}))
        .add_microsoft_identity_web_api(MicrosoftIdentityOptions.model_validate(section))
        .enable_token_acquisition()
        .add_in_memory_token_caches()
        .add_http_client("Entra", transport=cloud.entra.transport())
        .add_http_client("Graph", ca_file=cloud.login.ca_file)
        .add_downstream_api(
            "Graph",
            base_url=f"{cloud.login.base_url}/v1.0",
            scopes=["https://graph.microsoft.com/User.Read"],
        )
        .add_downstream_api("DotNet", base_url=dotnet, scopes=[cloud.sample.partner.scope("read")])
        .build()
    )
    app = create_app(identity)
    with serve_tls(app, ca=cloud.login.ca) as server:
        trust = ssl.create_default_context(cafile=server.ca_file)
        with httpx.Client(base_url=server.base_url, verify=trust, trust_env=False) as client:
            yield client, app
