"""A browser, and where it goes."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.cast import OneCertificate, Town, raised
from tests.browser.chromium import Chromium, Tab
from tests.support.installing import NPM_CI, installed_by

_NODE = Path(__file__).parent / "node"
_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def driver(pytestconfig) -> Path:
    """The driver's folder, its packages installed."""
    names = ("package.json", "package-lock.json", ".npmrc", "drive.mjs")
    cache = pytestconfig.cache.mkdir("browser")
    return installed_by(NPM_CI, [_NODE / name for name in names], cache)


@pytest.fixture(scope="session")
def ca() -> OneCertificate:
    return OneCertificate()


@pytest.fixture(scope="session")
def town(driver, ca) -> Iterator[Town]:
    with raised(driver / "node_modules/@azure/msal-browser/lib", ca) as town:
        yield town


@pytest.fixture(scope="session")
def chromium(driver, ca) -> Iterator[Chromium]:
    with Chromium(driver, [ca.key_digest]) as chromium:
        yield chromium


@pytest.fixture
def pictures(request, pytestconfig) -> Path:
    """The folder of this test's screenshots, empty."""
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    folder = pytestconfig.rootpath / ".artifacts" / "browser" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def tab(request, chromium, pictures) -> Iterator[Tab]:
    """A new tab; a test that fails keeps how it looked and what its console said."""
    with chromium.tab(pictures) as tab:
        yield tab
        if request.node.stash.get(_FAILED, False):
            tab.picture("failed")
            (pictures / "console.log").write_text("\n".join(tab.log))
            print(*tab.log, sep="\n")  # noqa: T201 - shown with a test that failed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
