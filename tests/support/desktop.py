"""A desktop program as its developers would write it: MSAL, httpx and ``msidweb.client``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import msal
from tests.support.stage import Stage, bearer

from msidweb.client import raise_for_challenge
from msidweb.testing import User

_CALLBACK = "http://localhost/"


class Desktop:
    """Signs in where it is asked to, and calls with the token of the last sign-in."""

    def __init__(self, stage: Stage, http: httpx.AsyncClient, *, user: User | None = None) -> None:
        self.http = http
        self._entra = stage.entra
        self._user = user or stage.alice
        self.scope = stage.api.scope("access_as_user")
        stage.entra.add_redirect_uri(stage.spa, _CALLBACK, platform="public")
        self._client_id = stage.spa.client_id
        self._ca_file = stage.ca_file
        self.token = ""

    async def sign_in(
        self,
        claims: str | None = None,
        *,
        scopes: Sequence[str] = (),
        prompt: str | None = None,
    ) -> None:
        """The browser's way, with the claims of a challenge."""
        await asyncio.to_thread(self._sign_in, claims, scopes or [self.scope], prompt)

    def _sign_in(self, claims: str | None, scopes: Sequence[str], prompt: str | None) -> None:
        # MSAL's constructor already talks to Entra ID.
        app = msal.PublicClientApplication(
            self._client_id,
            authority=self._entra.authority(),
            instance_discovery=False,
            verify=self._ca_file,
            client_capabilities=["cp1"],
        )
        flow = app.initiate_auth_code_flow(
            list(scopes),
            prompt=prompt,
            redirect_uri=_CALLBACK,
            response_mode="form_post",
            claims_challenge=claims,
        )
        answer = self._entra.sign_in(self._user, flow["auth_uri"])
        got = app.acquire_token_by_auth_code_flow(flow, answer)
        self.token = got["access_token"]

    async def get(self, path: str) -> Any:
        """The answer's JSON.

        Raises:
            ConsentRequiredError: Alice must sign in again.
        """
        response = await self.http.get(path, headers=bearer(self.token))
        raise_for_challenge(response)
        return response.raise_for_status().json()
