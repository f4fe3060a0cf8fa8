"""Entra ID, an API of ours, what it calls, and the page that calls it; all over TLS."""

import base64
import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from fastapi import Depends, FastAPI, Security
from fastapi.middleware.cors import CORSMiddleware
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from tests.documentation import pages

from msidweb import Identity, IdentityBuilder, NamedDownstreamApi, Principal
from msidweb.configuration import Configuration
from msidweb.integrations.fastapi import EntraAuth
from msidweb.testing import App, DownstreamEcho, EntraEmulator, User, environment_of, serve_tls

_PAGE = Path(__file__).parent / "page"


class OneCertificate(trustme.CA):
    """Gives every server the same certificate, so that a browser can be told to trust its key."""

    def __init__(self) -> None:
        super().__init__()
        self._leaf = super().issue_cert("localhost", "127.0.0.1")

    def issue_cert(self, *_: str, **__: object) -> trustme.LeafCert:
        return self._leaf

    @property
    def key_digest(self) -> str:
        certificate = load_pem_x509_certificate(self._leaf.cert_chain_pems[0].bytes())
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()


@dataclass(frozen=True)
class Town:
    """Who is there.

    Attributes:
        ca_file: The certificate authority of every server.
        page: Address of the single-page app.
        service: Address of our API.
        api: The app registration of our API, whose consent page the single-page app may show.
        partner: What our API calls.
    """

    entra: EntraEmulator
    ca_file: str
    page: str
    service: str
    spa: App
    api: App
    partner: App
    _numbers: Iterator[int]

    def add_user(self, **details: object) -> User:
        """A user whom no other test knows."""
        return self.entra.add_user(f"user{next(self._numbers)}", **details)

    def grant(self, user: User, *, onward: bool = True) -> None:
        """Let a user consent to all that the page needs; *onward*, to what our API needs too."""
        self.entra.consent(client=self.spa, resource=self.api, user=user)
        if not onward:
            # As when an API came to need more than its users once consented to.
            self.entra.revoke_consent(client=self.api, resource=self.partner, user=user)


@contextlib.contextmanager
def raised(msal: Path, ca: OneCertificate) -> Iterator[Town]:
    """The town, for as long as the block lasts; *msal* is the folder of MSAL's scripts."""
    entra = EntraEmulator()
    partner = entra.add_app("Reports", scopes=["read"])
    places = [f"https://localhost/{path}" for path in ("", "redirect.html", "docs/oauth2-redirect")]
    spa = entra.add_app("Orders", public=True, redirect_uris={"spa": places})
    api = entra.add_app(
        "Orders API",
        scopes=["access_as_user"],
        known_clients=[spa],
        permissions={partner: ["read"]},
    )
    settings: dict[str, str] = {}
    with contextlib.ExitStack() as stack:

        def served(app: object) -> str:
            return stack.enter_context(serve_tls(app, ca=ca)).base_url

        login = stack.enter_context(serve_tls(entra, ca=ca))
        reports = served(DownstreamEcho(entra, partner, scope="read"))
        how_to = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pages.Page.of("how-to/client").save(how_to)
        page = served(_page(settings, msal=msal, how_to=how_to))
        identity = _identity(
            {
                "AzureAd": entra.azure_ad(api),
                "DownstreamApis": {
                    "Reports": {"BaseUrl": reports, "Scopes": [partner.scope("read")]}
                },
                "HttpClients": {name: {"CaFile": login.ca_file} for name in ("Entra", "Reports")},
            }
        )
        service = served(_api(identity, page, docs=spa))
        settings |= {
            "authority": entra.authority(),
            "clientId": spa.client_id,
            "api": service,
            "scope": api.scope("access_as_user"),
            "everything": api.default_scope,
        }
        yield Town(entra, login.ca_file, page, service, spa, api, partner, count(1))


def _identity(settings: dict[str, object]) -> Identity:
    return (
        IdentityBuilder(Configuration.of_environment(environ=environment_of(settings)))
        .add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_in_memory_token_caches()
        .add_downstream_apis("DownstreamApis")
        .build()
    )


def _api(identity: Identity, page: str, *, docs: App) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    app.add_middleware(CORSMiddleware, allow_origins=[page], allow_headers=["Authorization"])
    entra.install(app, docs_client_id=docs.client_id)
    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Reports = Annotated[NamedDownstreamApi, Depends(entra.api("Reports"))]

    @app.get("/me")
    async def me(caller: Caller) -> dict[str, object]:
        return {"oid": caller.object_id, "scopes": sorted(caller.scopes)}

    @app.get("/report")
    async def report(_: Caller, reports: Reports) -> dict[str, object]:
        return await reports.get_for_user("report")

    return app


def _page(settings: dict[str, str], **folders: Path) -> Starlette:
    async def configured(_: object) -> JSONResponse:
        return JSONResponse(settings)

    return Starlette(
        routes=[
            Route("/settings.json", configured),
            *(
                Mount(f"/{name.replace('_', '-')}", StaticFiles(directory=folder))
                for name, folder in folders.items()
            ),
            Mount("/", StaticFiles(directory=_PAGE, html=True)),
        ]
    )
