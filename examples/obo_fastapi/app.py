"""The application: one identity, two sets of routes."""

from fastapi import FastAPI

from msidweb import Identity, IdentityBuilder
from msidweb.integrations.fastapi import EntraAuth

from .dashboard import dashboard_routes
from .data import data_routes


def build_identity(builder: IdentityBuilder | None = None) -> Identity:
    builder = builder or IdentityBuilder.from_appsettings()
    return (
        builder.add_authentication()
        .add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_in_memory_token_caches()
        .add_http_client("PartnerAPI", timeout=30)
        .add_downstream_apis("DownstreamApis")
        .build()
    )


def create_app(identity: Identity | None = None) -> FastAPI:
    identity = identity or build_identity()
    entra = EntraAuth(identity)
    app = FastAPI(title="Data API", lifespan=identity.lifespan)
    entra.install(app)
    app.include_router(data_routes(entra))
    app.include_router(dashboard_routes(entra))
    return app
