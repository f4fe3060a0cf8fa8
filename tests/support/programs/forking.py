"""Builds an identity, forks, and uses it on both sides; tells what each process saw, as JSON lines.

Usage: forking.py SETTINGS MODE, with the user's token on standard input.
"""

import asyncio
import contextlib
import gc
import json
import os
import sys
import threading

from msidweb import Identity, IdentityBuilder
from msidweb.telemetry import Event

CHILDREN = 3


class Process:
    def __init__(self, settings: str, token: str) -> None:
        self.token = token
        self.ids: list[str | None] = []
        self.identity: Identity = (
            IdentityBuilder.from_appsettings(settings, environ={})
            .add_hook(self.hear)
            .add_microsoft_identity_web_api("AzureAd")
            .enable_token_acquisition()
            .add_downstream_apis("DownstreamApis")
            .build()
        )

    def hear(self, event: Event) -> None:
        if event.name == "msidweb.token_acquired":
            self.ids.append(event.correlation_id)

    def blocking(self) -> str:
        blocking = self.identity.blocking
        user = blocking.token_validator.validate(self.token, timeout=20)
        me = blocking.downstream_api.get_for_user(
            "PartnerAPI", "api/users/me", user=user, headers={"X-Pid": str(os.getpid())}
        )
        return str(me["name"])

    async def awaited(self) -> str:
        async with self.identity as identity:
            user = await identity.token_validator.validate(self.token)
            me = await identity.downstream_api.get_for_user(
                "PartnerAPI", "api/users/me", user=user, headers={"X-Pid": str(os.getpid())}
            )
            return str(me["name"])

    def tell(self, role: str, name: str) -> None:
        line = json.dumps({"role": role, "pid": os.getpid(), "name": name, "ids": self.ids})
        os.write(1, line.encode() + b"\n")


def child(process: Process, *, awaits: bool) -> None:
    process.ids.clear()
    process.tell("child", asyncio.run(process.awaited()) if awaits else process.blocking())
    process.identity.blocking.close()
    gc.collect()


def family(process: Process, *, awaits: bool) -> None:
    pids = []
    for _ in range(CHILDREN):
        pid = os.fork()
        if not pid:
            child(process, awaits=awaits)
            sys.exit(0)
        pids.append(pid)
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        if status:
            sys.exit(f"a child ended with {status}")


@contextlib.contextmanager
def busy_threads(process: Process):
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            process.blocking()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        # A child has none of its parent's threads.
        for thread in threads:
            thread.join()


def main(settings: str, mode: str) -> None:
    process = Process(settings, sys.stdin.read())
    if mode == "unused":
        family(process, awaits=True)
    if mode == "used":
        process.tell("before", process.blocking())
        family(process, awaits=False)
    if mode == "closed":
        process.tell("before", asyncio.run(process.awaited()))
        family(process, awaits=True)
    if mode == "busy":
        process.blocking()
        with busy_threads(process):
            family(process, awaits=False)
    process.ids.clear()
    process.tell("parent", process.blocking())


if __name__ == "__main__":
    main(*sys.argv[1:])
