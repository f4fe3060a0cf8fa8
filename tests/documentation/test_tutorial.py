"""The tutorial, walked: its commands are run, what they print is used, its service is called."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import shlex
import socket
import ssl
import sysconfig
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.documentation.pages import ROOT, Page

TUTORIAL = Page.of("tutorial")
COMMANDS = [
    line
    for block in TUTORIAL.of_language("console")
    for line in block.code.strip().splitlines()
    if line
]


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def command(program: str) -> list[str]:
    """The tutorial's command of this program, from the environment that runs the tests."""
    [line] = [line for line in COMMANDS if line.startswith(f".venv/bin/{program} ")]
    _, *arguments = shlex.split(line)
    return [str(Path(sysconfig.get_path("scripts")) / program), *arguments]


@contextlib.asynccontextmanager
async def running(words: list[str], *, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(30):
            await process.communicate()


async def output(process: asyncio.subprocess.Process, until: str) -> str:
    """What is printed up to and with the line that holds *until*."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(60):
        while until not in seen:
            line = await process.stdout.readline()
            assert line, seen
            seen += line.decode()
    return seen


async def token(printed: str) -> str:
    """The access token that the printed curl command gets."""
    words = shlex.split(printed[printed.index("curl --cacert") :].replace("\\\n", " "))
    trust = ssl.create_default_context(cafile=words[words.index("--cacert") + 1])
    form = dict(word.split("=", 1) for flag, word in itertools.pairwise(words) if flag == "-d")
    async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
        answer = await client.post(words[3], data=form)
    return answer.json()["access_token"]


async def test_whoever_walks_the_tutorial_gets_its_answer(tmp_path):
    TUTORIAL.save(tmp_path)
    emulator, service = command("msidweb"), command("uvicorn")
    emulator[emulator.index("8443")] = "0"
    service[service.index("8000")] = port = free_port()

    async with running(emulator, folder=tmp_path) as entra:
        printed = await output(entra, "-d username=")
        settings = re.search(r"^\{.*?^\}$", printed, flags=re.DOTALL | re.MULTILINE)
        assert settings
        (tmp_path / "appsettings.json").write_text(settings.group())
        headers = {"Authorization": f"Bearer {await token(printed)}"}
        async with (
            running(service, folder=tmp_path) as api,
            httpx.AsyncClient(base_url=f"http://localhost:{port}", trust_env=False) as client,
        ):
            await output(api, "Uvicorn running")
            refused = await client.get("/me")
            answers = [(await client.get("/me", headers=headers)).json() for _ in range(2)]
            log = await output(api, "source=cache")

    assert refused.status_code == 401
    [expected] = [json.loads(b.code) for b in TUTORIAL.of_language("json") if "hello" in b.code]
    assert answers == [expected, expected]
    assert "source=identity_provider" in log


async def test_the_settings_that_it_shows_are_those_that_are_printed(tmp_path):
    emulator = command("msidweb")
    emulator[emulator.index("8443")] = "0"

    async with running(emulator, folder=tmp_path) as entra:
        printed = await output(entra, "-d username=")
    found = re.search(r"^\{.*?^\}$", printed, flags=re.DOTALL | re.MULTILINE)
    assert found

    shown, real = json.loads(TUTORIAL.of_language("json")[0].code), json.loads(found.group())
    assert shape(shown) == shape(real)


def shape(document: object) -> object:
    """The names of a document, and its values where they are neither ids nor of this run."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    if isinstance(document, list):
        return [shape(value) for value in document]
    fixed = str(document).startswith(("ClientSecret", "https://graph"))
    return document if fixed else type(document)


def test_it_installs_extras_that_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [line for line in COMMANDS if "pip install" in line]

    assert len(wanted) == 2
    for line in wanted:
        extras = re.search(r"\[([a-z,]+)\]", line)
        assert extras
        assert set(extras.group(1).split(",")) <= project["optional-dependencies"].keys()


@pytest.mark.parametrize("needed", ["uvicorn", "trustme"])
def test_the_extra_cli_brings_what_the_tutorial_starts(needed):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]

    assert any(one.startswith("msidweb[testing") for one in extras["cli"])
    assert any(one.startswith(needed) for one in extras["testing"])
