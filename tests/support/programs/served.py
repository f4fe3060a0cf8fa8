"""A web API as a process of its own, whose end can be looked at.

Usage: served.py SETTINGS PORT [WORKERS]. After SIGTERM it ends as uvicorn ends it, with 0, and
tells as JSON what it left behind. With workers, the application is made before they are forked, as
``gunicorn --preload`` does, and each of them tells.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
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

    @app.get("/pid")
    async def pid() -> int:
        return os.getpid()

    @app.get("/ready")
    async def ready(response: Response) -> object:
        report = identity.health()
        response.status_code = 503 if report.status == "unhealthy" else 200
        return report.to_dict()

    return app


def created(settings: str) -> FastAPI:
    """What ``gunicorn --preload "served:created('…')"`` imports."""
    return create_app(build(settings))


def open_sockets() -> int:
    """Those that this process has now."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(entry.readlink()).startswith("socket:")
    return found


def pending_tasks() -> int:
    return sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects())


def serve(config: uvicorn.Config, listener: socket.socket) -> None:
    # Uvicorn raises the signal again once it has shut down; without this, that kills the process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    before = open_sockets()
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        gc.collect()
        # The listener was there before and is closed by uvicorn.
        left = {"sockets": open_sockets() - before + 1, "tasks": pending_tasks()}
        os.write(1, json.dumps(left).encode() + b"\n")


def serve_with_workers(config: uvicorn.Config, listener: socket.socket, workers: int) -> None:
    pids = []
    for _ in range(workers):
        pid = os.fork()
        if not pid:
            serve(config, listener)
        pids.append(pid)
    listener.close()
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGTERM) for pid in pids])
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids))


def main(settings: str, port: str, workers: str = "0") -> None:
    app = create_app(build(settings))
    config = uvicorn.Config(app, access_log=False, ws="none")
    listener = socket.create_server(("127.0.0.1", int(port)))
    if int(workers):
        serve_with_workers(config, listener, int(workers))
    serve(config, listener)


if __name__ == "__main__":
    main(*sys.argv[1:])
