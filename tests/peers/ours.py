"""The peer's routes on this package, so that one table can be asked of both."""

import hashlib
from typing import Annotated

from fastapi import Depends, FastAPI

from msidweb import AcquireTokenOptions, Identity, NamedDownstreamApi, Principal, UserChallengeError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.tokens import AcquiredToken


def create_app(identity: Identity) -> FastAPI:
    """``/me``, ``/token`` and ``/app`` as the peer has them, and calls to two downstream APIs.

    ``state.challenges`` holds claims requests; ``/strong`` and ``/v1.0/me`` answer a call with
    each before they let one in.
    """
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    app.state.challenges = []
    entra.install(app)

    async def unchallenged(
        caller: Annotated[Principal, Depends(entra)],
    ) -> Principal:
        if app.state.challenges:
            raise UserChallengeError("More is needed.", claims=app.state.challenges.pop(0))
        return caller

    Caller = Annotated[Principal, Depends(entra)]
    Strong = Annotated[Principal, Depends(unchallenged)]
    DotNet = Annotated[NamedDownstreamApi, Depends(entra.api("DotNet"))]
    Graph = Annotated[NamedDownstreamApi, Depends(entra.api("Graph"))]

    @app.get("/me")
    async def me(caller: Caller) -> dict[str, object]:
        return {
            "oid": caller.object_id,
            "tid": caller.tenant_id,
            "scp": caller.claims.get("scp"),
            "roles": sorted(caller.roles),
        }

    @app.get("/token")
    async def token(
        caller: Caller, scope: str, claims: str | None = None, *, force: bool = False
    ) -> dict[str, object]:
        options = AcquireTokenOptions(claims=claims, force_refresh=force)
        acquirer = identity.token_acquirer
        return _seen(await acquirer.get_token_for_user(scope.split(), options=options))

    @app.get("/app")
    async def application(scope: str) -> dict[str, object]:
        return _seen(await identity.token_acquirer.get_token_for_app(scope))

    @app.get("/strong")
    async def strong(caller: Strong) -> dict[str, object]:
        return {"oid": caller.object_id}

    @app.get("/dotnet/{path:path}")
    async def dotnet(caller: Caller, api: DotNet, path: str, scope: str = "") -> dict[str, object]:
        params = {"scope": scope} if scope else None
        response = await api.call_api_for_user(path, params=params)
        return {"status": response.status_code, "body": response.json()}

    @app.get("/v1.0/me")
    async def graph(caller: Strong, api: Graph) -> dict[str, object]:
        return await api.get_for_user("me")

    return app


def _seen(token: AcquiredToken) -> dict[str, object]:
    digest = hashlib.sha256(token.access_token.encode()).hexdigest()
    return {
        "token_sha256": digest[:16],
        "token_source": token.source,
        "scopes": sorted(token.scopes),
        "tenant": token.tenant_id,
        "account": token.home_account_id,
    }
