"""SIGTERM to a service under load: what is in flight is answered, and nothing is left behind."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from tests.support.stage import Stage

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "support" / "programs" / "served.py"

HELD = 24
"""Requests in flight at the signal."""

LEFT_BEHIND = ("Task was destroyed", "Unclosed", "unclosed", "never awaited", "Traceback")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


class Gate:
    """Lets calls of the partner's API through, or holds them."""

    def __init__(self):
        self.held = 0
        self._open = asyncio.Event()
        self._open.set()

    async def __call__(self):
        self.held += 1
        await self._open.wait()
        self.held -= 1

    def close(self):
        self._open.clear()

    def open(self):
        self._open.set()


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        yield stage


def by_itself(settings, port, *arguments):
    return (sys.executable, "-W", "error", str(PROGRAM), settings, port, *arguments)


def by_gunicorn(settings, port):
    return (
        *(sys.executable, "-m", "gunicorn", "--preload", "--workers", "2"),
        *("--worker-class", "uvicorn_worker.UvicornWorker", "--bind", f"127.0.0.1:{port}"),
        *("--pythonpath", str(PROGRAM.parent), f"served:created({settings!r})"),
    )


@contextlib.asynccontextmanager
async def running(stage, *arguments, command=by_itself):
    """The service's process and a client of it, which keeps no connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stage.builder()
    process = await asyncio.create_subprocess_exec(
        *command(str(stage.folder / "appsettings.json"), str(port), *arguments),
        # gunicorn leaves a folder at home.
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "HOME": str(stage.folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    limits = httpx.Limits(max_keepalive_connections=0)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, limits=limits, trust_env=False) as client:
            async with asyncio.timeout(30):
                while not await answers(client):  # noqa: ASYNC110 - a process starts
                    await asyncio.sleep(0.02)
            yield process, client
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


@pytest.fixture
async def service(stage):
    async with running(stage) as service:
        yield service


async def answers(client):
    try:
        return (await client.get("/ready")).status_code == 200
    except httpx.ConnectError:
        return False


async def test_the_probe_of_a_service_that_just_started_finds_it_ready(service):
    _, client = service

    async with asyncio.timeout(10):
        while (report := (await client.get("/ready")).json())["status"] != "healthy":
            assert report["status"] == "degraded"
            await asyncio.sleep(0.01)

    assert report["schemes"]["Bearer"]["reasons"] == []


async def test_sigterm_under_load_ends_in_order(stage, service):
    process, client = service
    gate = stage.partner.meanwhile = Gate()
    headers = stage.signed_in(stage.alice)
    answered, refused = [], []

    async def ask(number):
        kind = "awaited" if number % 2 else "blocking"
        try:
            response = await client.get(f"/{kind}/{number}", headers=headers, timeout=30)
        except httpx.TransportError as error:
            refused.append(error)
        else:
            answered.append((number, response.status_code))

    async with asyncio.timeout(60):
        await asyncio.gather(*(ask(number) for number in range(60)))
        gate.close()
        in_flight = [asyncio.create_task(ask(number)) for number in range(100, 100 + HELD)]
        while gate.held < HELD:  # noqa: ASYNC110 - the partner counts, and tells nobody
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        await until_refused(client)
        gate.open()
        await asyncio.wait(in_flight)
        output, errors = await process.communicate()

    assert not refused
    assert {status for _, status in answered} == {200}
    reached = {int(call.request.query["number"]) for call in stage.partner.calls}
    assert reached == {number for number, _ in answered}
    assert len(answered) == 60 + HELD
    ended_in_order(process, output, errors)


async def test_workers_forked_from_an_application_that_was_loaded_before(stage):
    headers = stage.signed_in(stage.alice)
    async with running(stage, "2") as (process, client), asyncio.timeout(60):
        pids = set()
        while len(pids) < 2:
            pids.add((await client.get("/pid")).json())
        answers = await asyncio.gather(
            *(client.get(f"/{kind}/1", headers=headers) for kind in ("awaited", "blocking") * 20)
        )
        process.send_signal(signal.SIGTERM)
        output, errors = await process.communicate()

    assert process.pid not in pids
    assert {answer.status_code for answer in answers} == {200}
    assert 1 <= len(stage.exchanges) <= 2, "one a worker, however many calls"
    ended_in_order(process, output, errors, processes=2)


async def test_workers_of_gunicorn_that_preloads(stage):
    headers = stage.signed_in(stage.alice)
    async with running(stage, command=by_gunicorn) as (process, client), asyncio.timeout(60):
        pids = set()
        while len(pids) < 2:
            pids.add((await client.get("/pid")).json())
        answers = await asyncio.gather(
            *(client.get(f"/{kind}/1", headers=headers) for kind in ("awaited", "blocking") * 20)
        )
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()

    assert process.pid not in pids
    assert {answer.status_code for answer in answers} == {200}
    assert 1 <= len(stage.exchanges) <= 2, "one a worker, however many calls"
    assert process.returncode == 0
    assert not [text for text in (*LEFT_BEHIND, "[ERROR]", "[WARNING]") if text in errors.decode()]


def ended_in_order(process, output, errors, *, processes=1):
    told = errors.decode()
    assert process.returncode == 0, told
    assert not [text for text in LEFT_BEHIND if text in told], told
    assert not re.findall(r"^(?:WARNING|ERROR|CRITICAL).*", told, flags=re.MULTILINE), told
    left = [json.loads(line) for line in output.splitlines()]
    assert left == [{"sockets": 0, "tasks": 0}] * processes


async def until_refused(client):
    """Until the service takes no new connections."""
    with contextlib.suppress(httpx.TransportError):
        while True:
            await client.get("/ready", timeout=5)
            await asyncio.sleep(0.01)
