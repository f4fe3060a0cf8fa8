"""The page on pytest is a project: its service, its tests, and the plugin as it is installed."""

import asyncio
import os
import re
import sys

import pytest
from tests.documentation.pages import ROOT, Page

PAGE = Page.of("how-to/pytest")
SCOPE = "asyncio_default_fixture_loop_scope=function"  # wanted where warnings are errors
PLUGINS = {
    "anyio": [],
    "anyio and pytest-asyncio": ["-p", "pytest_asyncio.plugin", "-o", SCOPE],
}


@pytest.mark.parametrize("plugins", PLUGINS.values(), ids=PLUGINS)
async def test_every_test_of_the_page_passes(tmp_path, plugins):
    PAGE.save(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    ours = ["-p", "no:cacheprovider", "-p", "_msidweb_pytest", "-p", "anyio"]

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", *ours, *plugins, "."),
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(180):
        output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
    passed = re.search(r"(\d+) passed", output.decode())
    assert passed
    count = sum(block.code.count("def test_") for block in PAGE.of_language("python"))
    assert int(passed.group(1)) >= count > 12


def test_the_first_test_has_three_lines():
    [first] = [block for block in PAGE.blocks if block.title == "test_first.py"]

    assert len([line for line in first.code.splitlines() if line.strip()]) == 3
