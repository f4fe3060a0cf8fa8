"""pytest's door to :mod:`msidweb.testing`: fixtures that import nothing of it until one is used.

It stands beside the package and not in it, because pytest loads it in every run, also in those of
projects that only have msidweb installed, and before coverage is measured.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from msidweb.testing import EntraSandbox

_SETTING = "entra_environ"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting ``entra_environ``."""
    text = "Set the AzureAd section for the service under test before its modules are imported."
    parser.addini(_SETTING, text, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment, where ``entra_environ`` says so."""
    if config.getini(_SETTING):
        from msidweb.testing import EntraSandbox  # noqa: PLC0415 - only who asks for it pays

        environment = pytest.MonkeyPatch()
        config.add_cleanup(environment.undo)
        for name, value in EntraSandbox().environ.items():
            environment.setitem(os.environ, name, value)


@pytest.fixture
def entra() -> Iterator[EntraSandbox]:
    """An Entra ID with the sample tenant, and all that a test of a service asks of one."""
    from msidweb.testing import EntraSandbox  # noqa: PLC0415 - only who asks for it pays

    with EntraSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def entra_environ(entra: EntraSandbox) -> Iterator[dict[str, str]]:
    """The environment of a service that runs as a process: ``entra`` serves it over TLS."""
    from msidweb.testing import serve_tls  # noqa: PLC0415 - only who asks for it pays

    with serve_tls(entra) as server:
        yield {**entra.environ, "HttpClients__Entra__CaFile": server.ca_file}
