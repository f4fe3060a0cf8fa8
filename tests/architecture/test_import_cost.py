"""Importing the package loads neither MSAL nor a store's or a transport's library."""

import subprocess
import sys

import pytest

FOREIGN = ("msal", "requests", "aiohttp", "redis", "sqlalchemy", "azure")


@pytest.mark.parametrize("library", FOREIGN)
def test_importing_msidweb_does_not_load(library):
    code = (
        "import sys, msidweb; "
        f"print([name for name in sys.modules if name.split('.')[0] == {library!r}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
