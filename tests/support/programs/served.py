"""A web API as a process of its own, whose end can be looked at.

Usage: served.py SETTINGS PORT. After SIGTERM it ends as uvicorn ends it, with 0, and tells as JSON
what it left behind.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Response, Security

from msidweb import Identity, IdentityBuilder, NamedDownstreamApi, Principal
from msidweb.integrations.fastapi import EntraAuth


def build(settings: str) -> Identity:
    return (
        IdentityBuilder.from_appsettings(settings, environ={})
        .add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_downstream_apis("DownstreamApis")
        .build()
    )


def create_app(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)
    User = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]

    @app.get("/awaited/{number}")
    async def awaited(number: int, user: User, partner: Partner) -> object:
        return await partner.get_for_user("api/users/me", params={"number": number})

    @app.get("/blocking/{number}")
    def blocking(number: int, user: User) -> object:
        partner = identity.blocking.downstream_api.named("PartnerAPI")
        return partner.get_for_user("api/users/me", params={"number": number})

    @app.get("/ready")
    async def ready(response: Response) -> object:
        report = identity.health()
        response.status_code = 503 if report.status == "unhealthy" else 200
        return report.to_dict()

    return app


def open_sockets() -> int:
    """Those that this process has now."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(entry.readlink()).startswith("socket:")
    return found


def pending_tasks() -> int:
    return sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects())


def main(settings: str, port: str) -> None:
    # Uvicorn raises the signal again once it has shut down; without this, that kills the process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    before = open_sockets()
    try:
        uvicorn.run(create_app(build(settings)), port=int(port), access_log=False, ws="none")
    finally:
        gc.collect()
        left = {"sockets": open_sockets() - before, "tasks": pending_tasks()}
        os.write(1, json.dumps(left).encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
