"""``msidweb demo`` as a user starts it: it works, fails where it is broken, ends when told."""

import asyncio
import os
import re
import signal
import ssl
import sys
from pathlib import Path

import httpx
import pytest

from msidweb.cli.demo.steps import STEPS

ROOT = Path(__file__).parents[2]


async def command(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "msidweb.cli", "demo", *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def run(*arguments: str) -> tuple[int | None, str]:
    process = await command(*arguments)
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


def verdicts(output: str) -> dict[str, bool]:
    """Step -> whether it did what it says."""
    lines = re.findall(r"^([✓✗]) (.+)$", output, flags=re.MULTILINE)
    titles = {step.title: step.name for step in STEPS}
    return {titles[title.strip()]: sign == "✓" for sign, title in lines}


async def test_every_step_does_what_it_says_and_no_token_is_shown():
    status, output = await run()

    assert status == 0, output
    assert verdicts(output) == {step.name: True for step in STEPS}
    assert f"{len(STEPS)} of {len(STEPS)} steps" in output
    assert "eyJ" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize("step", [step.name for step in STEPS])
async def test_a_broken_step_fails_alone_and_says_why(step):
    status, output = await run("--break", step)

    assert status == 1, output
    assert verdicts(output) == {other.name: other.name != step for other in STEPS}
    assert "eyJ" not in output
    assert "Traceback" not in output


async def test_a_step_that_does_not_exist_is_named_with_those_that_do():
    status, output = await run("--break", "nonsense")

    assert status == 2
    assert "'nonsense'" in output
    assert all(step.name in output for step in STEPS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_it_is_told_to_end(number):
    process = await command("--serve")
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(60):
        while "Serving" not in seen:
            line = await process.stdout.readline()
            assert line, seen
            seen += line.decode()
        assert await answers(seen)
        assert process.returncode is None

        process.send_signal(number)
        rest, _ = await process.communicate()

    assert process.returncode == 0, rest.decode()
    assert "Traceback" not in rest.decode()


async def answers(output: str) -> bool:
    """Whether the API is there, at the address and under the authority that the demo shows."""
    address = re.search(r"https://localhost:\d+/docs", output)
    ca_file = re.search(r"\S+ca\.pem", output)
    assert address
    assert ca_file
    trust = ssl.create_default_context(cafile=ca_file.group())
    async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
        return (await client.get(address.group())).is_success
