"""The local server: in the running loop or a thread, over TLS or not, and gone afterwards."""

import asyncio
import signal
import socket
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from msidweb.testing import EntraEmulator, LocalServer, serve_tls
from msidweb.testing.exchange import Answer, serve_exchange


async def hello(scope, receive, send):
    async def handler(request):
        return Answer.of_json({"scheme": scope["scheme"], "path": request.path})

    await serve_exchange(scope, receive, send, handler)


def trusting(server: LocalServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


async def test_it_serves_tls_in_the_running_loop_and_leaves_nothing_behind():
    before, handlers = asyncio.all_tasks(), signal.getsignal(signal.SIGINT)
    async with serve_tls(hello) as server:
        async with httpx.AsyncClient(verify=trusting(server), trust_env=False) as client:
            answers = [
                (await client.get(f"{server.base_url}/x")).json(),
                (await client.get(server.base_url.replace("localhost", "127.0.0.1"))).json(),
            ]
        ca_file = server.ca_file
        assert signal.getsignal(signal.SIGINT) is handlers

    assert answers == [{"scheme": "https", "path": "/x"}, {"scheme": "https", "path": "/"}]
    assert asyncio.all_tasks() == before
    assert not Path(ca_file).exists()  # noqa: ASYNC240 - one look at the disk
    with pytest.raises(RuntimeError, match="only while"):
        _ = server.ca_file
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(server.base_url).port))


def test_it_serves_blocking_clients_from_a_thread():
    before = threading.active_count()
    with serve_tls(hello) as server, httpx.Client(verify=trusting(server), trust_env=False) as c:
        assert c.get(server.base_url).json()["scheme"] == "https"

    assert threading.active_count() == before


def test_a_client_that_keeps_its_connection_does_not_delay_the_end():
    with serve_tls(hello) as server:
        client = httpx.Client(verify=trusting(server), trust_env=False)
        client.get(server.base_url)
    client.close()


async def test_servers_share_an_authority():
    ca = trustme.CA()
    async with serve_tls(hello, ca=ca) as one, serve_tls(hello, ca=ca) as two:
        async with httpx.AsyncClient(verify=trusting(one), trust_env=False) as client:
            assert (await client.get(two.base_url)).status_code == 200
        assert one.ca is two.ca is ca


async def test_it_serves_plain_http_too():
    async with (
        LocalServer(hello, tls=False) as server,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        assert (await client.get(server.base_url)).json()["scheme"] == "http"
        with pytest.raises(RuntimeError, match="TLS server"):
            _ = server.ca_file


async def test_a_request_under_way_is_answered_before_the_end():
    release = asyncio.Event()

    async def slow(scope, receive, send):
        async def handler(_):
            release.set()
            await asyncio.sleep(0.01)
            return Answer(204)

        await serve_exchange(scope, receive, send, handler)

    async with httpx.AsyncClient(trust_env=False) as client:
        async with LocalServer(slow, tls=False) as server:
            asked = asyncio.create_task(client.get(server.base_url))
            await release.wait()
        assert (await asked).status_code == 204


async def test_the_emulator_takes_the_servers_address():
    entra = EntraEmulator()
    async with (
        serve_tls(entra) as server,
        httpx.AsyncClient(verify=trusting(server), trust_env=False) as client,
    ):
        url = f"{entra.authority()}/v2.0/.well-known/openid-configuration"
        document = (await client.get(url)).json()

    assert entra.base_url == server.base_url
    assert document["issuer"] == f"{server.base_url}/{entra.tenant.id}/v2.0"
    assert document["token_endpoint"] == entra.token_endpoint()


async def test_the_applications_lifespan_is_run():
    phases = []

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        for phase in ("startup", "shutdown"):
            await receive()
            phases.append(phase)
            await send({"type": f"lifespan.{phase}.complete"})

    async with LocalServer(app, tls=False):
        assert phases == ["startup"]
    assert phases == ["startup", "shutdown"]


async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no"})


async def test_a_failed_lifespan_ends_the_start():
    with pytest.raises(RuntimeError, match="lifespan"):
        async with LocalServer(failing, tls=False):
            pass


def test_a_failed_start_in_a_thread_reaches_the_caller():
    with pytest.raises(RuntimeError, match="lifespan"), LocalServer(failing, tls=False):
        pass


async def test_a_taken_port_is_reported():
    async with LocalServer(hello, tls=False) as server:
        port = urlsplit(server.base_url).port
        with pytest.raises(OSError, match="in use"):
            async with LocalServer(hello, tls=False, port=port):
                pass
