import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.support.loopback import OK, answering, serve

import msidweb.http
from msidweb.configuration.options import ENTRA_CLIENT, HttpClientOptions
from msidweb.errors import InvalidCallError
from msidweb.http import HttpClients
from msidweb.telemetry import ApiOpenedLate, Event, Telemetry, TransportChosen


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
async def clients(events):
    made = HttpClients({}, telemetry=Telemetry([events.append]))
    made.open()
    yield made
    await made.aclose()


def _with(**options: object) -> HttpClients:
    made = HttpClients({"Api": HttpClientOptions(**options)}, telemetry=Telemetry())
    made.open()
    return made


async def test_a_name_has_one_client(clients):
    assert clients.client("Api") is clients.client("Api")
    assert clients.client("Api") is not clients.client("Other")


async def test_a_name_without_options_has_default_ones(clients):
    assert clients.options("Api") == HttpClientOptions()
    assert clients.client("Api").timeout == httpx.Timeout(100, connect=10, pool=10)


async def test_entra_has_deadlines_of_its_own(clients):
    assert clients.options(ENTRA_CLIENT).timeout == 10
    assert clients.client(ENTRA_CLIENT).timeout == httpx.Timeout(10, connect=2)


def test_what_is_configured_for_entra_counts():
    given = {ENTRA_CLIENT: HttpClientOptions(connect_timeout=7, max_connections=5)}
    options = HttpClients(given, telemetry=Telemetry()).options(ENTRA_CLIENT)
    assert (options.connect_timeout, options.timeout, options.max_connections) == (7, 10, 5)


async def test_phases_have_their_configured_timeouts():
    clients = _with(connect_timeout=1, read_timeout=2, write_timeout=3, pool_timeout=4)
    assert clients.client("Api").timeout == httpx.Timeout(connect=1, read=2, write=3, pool=4)
    await clients.aclose()


async def test_clients_made_before_opening_are_reported_once(events):
    clients = HttpClients({}, telemetry=Telemetry([events.append]))
    clients.client("Api")
    clients.client("Other")
    await clients.aclose()
    assert [type(event) for event in events].count(ApiOpenedLate) == 1


async def test_the_choice_of_transport_is_told(clients, events):
    clients.client("Api")
    (chosen,) = (event for event in events if isinstance(event, TransportChosen))
    assert (chosen.client, chosen.transport) == ("Api", "aiohttp")


async def test_httpx_carries_where_aiohttp_is_missing(monkeypatch):
    events: list[Event] = []
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    clients = HttpClients({}, telemetry=Telemetry([events.append]))
    clients.client("Api")
    assert isinstance(events[-1], TransportChosen)
    assert events[-1].transport == "httpx"
    with pytest.raises(InvalidCallError, match="'Api': aiohttp is not installed"):
        _with(transport="aiohttp").client("Api")
    await clients.aclose()


async def test_clients_work_again_after_closing():
    clients = _with()
    async with serve(answering(OK)) as server:
        for _ in range(2):
            clients.open()
            assert (await clients.client("Api").get(server.url())).text == "ok"
            await clients.aclose()


async def test_clients_that_were_closed_are_opened_by_nobody_but_their_owner():
    clients = _with()
    clients.client("Api")
    await clients.aclose()

    with pytest.raises(InvalidCallError) as caught:
        clients.client("Api")
    assert caught.value.code == "closed"


def test_each_loop_has_its_own_clients_and_closed_loops_are_forgotten():
    clients = _with()

    async def use() -> httpx.AsyncClient:
        async with serve(answering(OK)) as server:
            client = clients.client("Api")
            assert (await client.get(server.url())).text == "ok"
        await clients.aclose()
        return client

    async def leave() -> None:
        clients.client("Api")

    first = asyncio.run(use())
    second = asyncio.run(use())
    assert first is not second
    for _ in range(3):
        asyncio.run(leave())
    assert len(clients._clients) == 1


def test_a_client_outside_of_a_loop_is_refused():
    with pytest.raises(InvalidCallError, match="outside of an event loop"):
        _with().client("Api")


class _Own(httpx.AsyncBaseTransport):
    closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="mine")

    async def aclose(self) -> None:
        self.closed = True


async def test_a_transport_of_the_user_is_used_and_stays_open():
    own = _Own()
    clients = _with(transport=own)
    assert (await clients.client("Api").get("https://api.example")).text == "mine"
    await clients.aclose()
    assert not own.closed


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"proxy": "socks5://secret@proxy.example"}, "proxy is not an http or https URL"),
        ({"proxy": "http://"}, "proxy is not an http or https URL"),
        ({"proxy": "http://secret.example:x"}, "proxy is not an http or https URL"),
    ],
)
async def test_options_that_cannot_be_met_are_refused(options, complaint):
    with pytest.raises(InvalidCallError, match=f"'Api'.*{complaint}") as caught:
        _with(**options).client("Api")
    assert "secret" not in str(caught.value)


async def test_tls_files_that_cannot_be_read_are_refused(make_client, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for options in (
        {"ca_file": str(tmp_path / "missing.pem")},
        {"ca_file": str(empty)},
        {"client_certificate_file": str(empty)},
    ):
        with pytest.raises(InvalidCallError, match="TLS files"):
            await make_client(**options).get("https://127.0.0.1:1")


async def test_a_machine_without_authorities_trusts_those_of_httpx(
    make_client, monkeypatch, tmp_path
):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(httpx.ConnectError):
        await make_client().get("https://127.0.0.1:1")


async def test_clients_of_equal_files_share_one_tls_context(clients):
    options = HttpClientOptions()
    first, second = await asyncio.gather(clients._tls.get(options), clients._tls.get(options))
    assert first is second is await clients._tls.get(HttpClientOptions(timeout=1))


def test_importing_loads_no_optional_library():
    code = "import sys, msidweb.http; assert not {'aiohttp', 'msal', 'requests'} & set(sys.modules)"
    source = str(Path(msidweb.http.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": source}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
