"""What type checkers must infer in web services; checked, never run."""

from typing import Annotated, Any, assert_type

from fastapi import Depends, FastAPI, Security
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from msidweb import DownstreamApi, Identity, IdentityBuilder, NamedDownstreamApi, Principal
from msidweb.integrations.fastapi import EntraAuth
from msidweb.integrations.starlette import EntraGuard, EntraMiddleware, EntraUser, install

identity = IdentityBuilder.from_appsettings().build()
entra = EntraAuth(identity)
app = FastAPI(lifespan=identity.lifespan)
entra.install(app)

User = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
Reader = Annotated[Principal, Depends(entra.require(any_scope="a.read", any_role=["A.Read"]))]
Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]
Apis = Annotated[DownstreamApi, Depends(entra.downstream_api)]


class Me(BaseModel):
    name: str


@app.get("/me")
async def me(user: User, partner: Partner) -> Me:
    assert_type(user, Principal)
    assert_type(partner, NamedDownstreamApi)
    return await partner.get_for_user("me", response_model=Me)


@app.get("/all")
async def everybody(reader: Reader, apis: Apis) -> list[Me]:
    assert_type(reader.roles, frozenset[str])
    return await apis.get_for_app("PartnerAPI", response_model=list[Me])


async def whoami(request: Request) -> JSONResponse:
    user: object = request.user
    assert isinstance(user, EntraUser)
    assert_type(user.principal, Principal)
    return JSONResponse({"oid": user.principal.object_id})


def starlette_service(identity: Identity) -> Starlette:
    guard = Middleware(EntraGuard, identity, scopes="access_as_user")
    service = Starlette(
        routes=[Route("/whoami", whoami, middleware=[guard])],
        lifespan=identity.lifespan,
    )
    install(service, identity)
    assert_type(EntraMiddleware(service, identity), EntraMiddleware)
    return service


def mistakes(entra: EntraAuth, principal: Principal) -> None:
    EntraAuth("AzureAd")  # type: ignore[arg-type]
    EntraAuth(identity, schemes=[1])  # type: ignore[list-item]
    entra.require(scope="a.read")  # type: ignore[call-arg]
    entra.require(any_role=1)  # type: ignore[arg-type]
    entra.api(name=None)  # type: ignore[arg-type]
    entra.install(identity)  # type: ignore[arg-type]
    with entra.override(app, "alice"):  # type: ignore[arg-type]
        pass


def unused() -> tuple[Any, ...]:
    return me, everybody
