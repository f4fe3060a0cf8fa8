"""The guide's DataController: user data, a POST, and the two ways to answer a failing API."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Security

from msidweb import DownstreamApiError, NamedDownstreamApi, Principal
from msidweb.integrations.fastapi import EntraAuth

from .models import Data, DataRequest, ProcessResult, UserData

logger = logging.getLogger(__name__)


def data_routes(entra: EntraAuth) -> APIRouter:
    router = APIRouter(prefix="/api")
    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]

    @router.get("/userdata")
    async def user_data(caller: Caller, partner: Partner) -> UserData:
        try:
            return await partner.get_for_user("api/users/me", response_model=UserData)
        except DownstreamApiError as error:
            logger.exception("downstream API call failed")
            raise HTTPException(500, "Failed to retrieve data from downstream service") from error

    @router.post("/process")
    async def process_data(request: DataRequest, caller: Caller, partner: Partner) -> ProcessResult:
        return await partner.post_for_user(
            "api/process", json=request, response_model=ProcessResult
        )

    @router.get("/data")
    async def get_data(caller: Caller, partner: Partner) -> Data:
        try:
            return await partner.get_for_user("api/data", response_model=Data)
        except DownstreamApiError as error:
            if error.status_code == 404:
                raise HTTPException(404, "Resource not found in downstream service") from error
            if error.status_code == 400:
                raise HTTPException(400, "Invalid request to downstream service") from error
            logger.exception("downstream API returned %s", error.status_code)
            raise HTTPException(502, "Downstream service error") from error

    return router
