"""The guide's web API at its smallest: one endpoint, which asks the partner about the user."""

from typing import Annotated

from fastapi import Depends, FastAPI, Security

from msidweb import Identity, NamedDownstreamApi, Principal
from msidweb.integrations.fastapi import EntraAuth


def user_data_api(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]

    @app.get("/api/userdata")
    async def user_data(caller: Caller, partner: Partner) -> dict[str, str]:
        return await partner.get_for_user("api/users/me")

    return app
