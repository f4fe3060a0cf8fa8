"""The guide's DashboardController: three downstream calls side by side."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Security

from msidweb import DownstreamApi, Principal
from msidweb.integrations.fastapi import EntraAuth

from .models import Dashboard, Data, Settings, User


def dashboard_routes(entra: EntraAuth) -> APIRouter:
    router = APIRouter(prefix="/api")
    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Api = Annotated[DownstreamApi, Depends(entra.downstream_api)]

    @router.get("/dashboard")
    async def dashboard(caller: Caller, api: Api) -> Dashboard:
        user, data, settings = await asyncio.gather(
            api.get_for_user("GraphAPI", "me", response_model=User),
            api.get_for_user("PartnerAPI", "api/data", response_model=Data),
            api.get_for_user("PartnerAPI", "api/settings", response_model=Settings),
        )
        return Dashboard(user=user, data=data, settings=settings)

    return router
