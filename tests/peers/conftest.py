"""The real .NET library, and ours beside it."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.peers.cast import Cloud, raised, served
from tests.peers.netpeer import NetPeer, installed

from msidweb.testing import App, ManualClock


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with raised() as cloud:
        yield cloud


Start = Callable[..., contextlib.AbstractContextManager[NetPeer]]


@pytest.fixture(scope="session")
def start(pytestconfig) -> Start:
    """Starts a .NET peer of an app in a cloud."""
    cache = pytestconfig.cache.mkdir("netpeer")
    program = installed(Path(os.environ["MSIDWEB_NETPEER"]), cache)

    def started(cloud: Cloud, app: App, **options: str) -> NetPeer:
        return NetPeer(program, app, entra=cloud.entra, login=cloud.login, **options)

    return started


@pytest.fixture(scope="session")
def _same_app(cloud, start) -> Iterator[NetPeer]:
    with start(cloud, cloud.sample.api) as peer:
        yield peer


@pytest.fixture(scope="session")
def _resource(cloud, start) -> Iterator[NetPeer]:
    with start(cloud, cloud.sample.partner) as peer:
        yield peer


@pytest.fixture
def dotnet(_same_app) -> Iterator[httpx.Client]:
    """The .NET peer with the registration that ours has."""
    yield _same_app.http
    print(_same_app.news())  # noqa: T201 - shown with a test that failed


@pytest.fixture
def dotnet_partner(_resource) -> Iterator[httpx.Client]:
    """The .NET peer as the API that ours calls."""
    yield _resource.http
    print(_resource.news())  # noqa: T201 - shown with a test that failed


@pytest.fixture
def dotnet_of(start) -> Iterator[Callable[..., httpx.Client]]:
    """Starts a .NET peer for this test alone: of an app, in a cloud."""
    with contextlib.ExitStack() as stack:
        peers: list[NetPeer] = []

        def started(cloud: Cloud, app: App, **options: str) -> httpx.Client:
            peers.append(stack.enter_context(start(cloud, app, **options)))
            return peers[-1].http

        yield started
        for peer in peers:
            print(peer.news())  # noqa: T201 - shown with a test that failed


@pytest.fixture
def manual() -> Iterator[tuple[Cloud, ManualClock]]:
    """A cloud of this test alone, and its time; .NET has the machine's."""
    clock = ManualClock()
    with raised(clock) as cloud:
        yield cloud, clock


@pytest.fixture(scope="session")
def ours(cloud, _resource) -> Iterator[httpx.Client]:
    """A client of the same routes on this package; its downstream is a .NET peer."""
    with served(cloud, dotnet=_resource.base_url) as (client, _):
        yield client
