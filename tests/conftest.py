"""What every test may rely on: a clean environment, and no skipped test where CI forbids it."""

import os

import pytest
from hypothesis import settings
from tests.support.peers import LeavesOutAbsentPeers

# The same examples in every run, and no judging of times: a busy machine is no failure.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

_OVERRIDING = (
    "ASPNETCORE_ENVIRONMENT",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "CURL_CA_BUNDLE",
    "DOTNET_ENVIRONMENT",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "MSIDWEB_APPSETTINGS",
    "MSIDWEB_ENVIRONMENT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeavesOutAbsentPeers())


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _OVERRIDING:
        monkeypatch.delenv(name, raising=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("MSIDWEB_FORBID_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report
