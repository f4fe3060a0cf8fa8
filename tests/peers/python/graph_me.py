"""Microsoft's Graph SDK for Python: one JSON request on stdin, one JSON answer on stdout."""

import asyncio
import json
import sys
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.identity import OnBehalfOfCredential
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError


class Known:
    """A credential that has its token already."""

    def __init__(self, token: str) -> None:
        self._token = AccessToken(token, 4_000_000_000)

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return self._token


def credential(asked: dict[str, str]):
    if "token" in asked:
        return Known(asked["token"])
    parts = urlsplit(asked["authority"])
    return OnBehalfOfCredential(
        parts.path.strip("/"),
        asked["clientId"],
        client_secret=asked["clientSecret"],
        user_assertion=asked["assertion"],
        authority=f"{parts.scheme}://{parts.netloc}",
        disable_instance_discovery=True,
    )


async def me(asked: dict[str, str]) -> dict[str, object]:
    host = urlsplit(asked["baseUrl"]).hostname
    provider = AzureIdentityAuthenticationProvider(
        credential(asked), scopes=[asked["scope"]], allowed_hosts=[host]
    )
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = asked["baseUrl"]
    try:
        user = await GraphServiceClient(request_adapter=adapter).me.get()
    except ODataError as error:
        return {
            "error": error.error.code if error.error else None,
            "status": error.response_status_code,
        }
    return {"id": user.id, "displayName": user.display_name}


json.dump(asyncio.run(me(json.load(sys.stdin))), sys.stdout)
