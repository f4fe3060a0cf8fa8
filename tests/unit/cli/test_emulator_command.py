"""``msidweb emulator`` as a user runs it: a process, its output, Ctrl-C."""

import asyncio
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.browser import Browser

import msidweb
from msidweb.cli import main


@asynccontextmanager
async def running(*arguments: str):
    environment = {**os.environ, "PYTHONPATH": str(Path(msidweb.__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "msidweb.cli", "emulator", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def guide(process) -> str:
    lines = []
    async with asyncio.timeout(30):
        while not lines or "-d username" not in lines[-1]:
            line = await process.stdout.readline()
            assert line, (await process.stderr.read()).decode()
            lines.append(line.decode())
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_what_it_prints_until_it_is_told_to_end(number):
    async with running("--port", "0") as process:
        shown = await guide(process)
        ca_file = re.search(r"CA file\s+(\S+)", shown)[1]
        import ssl

        context = ssl.create_default_context(cafile=ca_file)
        url = re.search(r"--cacert \S+ (\S+)", shown)[1]
        form = dict(re.findall(r"-d (\w+)=(\S+)", shown))
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            answer = await client.post(url, data=form)
            browser = Browser(client, url.partition("/oauth2")[0].rpartition("/")[0])
            page = await browser.open(
                re.search(r"^  (https://\S+/authorize\?\S+)$", shown, re.MULTILINE)[1]
            )
            await browser.press(await browser.press(page, "alice"), "Accept")
        process.send_signal(number)
        async with asyncio.timeout(30):
            _, problems = await process.communicate()

    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == form["scope"]
    assert browser.landed.path == "/signin-oidc"
    assert "code" in browser.answer
    assert "worth nothing elsewhere" in shown
    assert '"ClientSecret"' in shown
    assert (process.returncode, problems) == (0, b"")
    assert not Path(ca_file).exists()  # noqa: ASYNC240 - one look at the disk


async def test_a_taken_port_is_one_line():
    async with running("--port", "0") as first:
        port = re.search(r"localhost:(\d+)", await guide(first))[1]
        async with running("--port", port) as second:
            async with asyncio.timeout(30):
                _, problems = await second.communicate()

    assert second.returncode == 1
    assert problems.decode().startswith(f"msidweb emulator: port {port}: ")
    assert problems.count(b"\n") == 1


def test_help_names_the_subcommands(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    assert "emulator" in capsys.readouterr().out


def test_a_subcommand_is_needed(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])

    assert ended.value.code == 2
    assert "command" in capsys.readouterr().err
