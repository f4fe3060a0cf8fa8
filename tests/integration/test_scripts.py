"""Scripts that block, as processes: they end by themselves, and at once when interrupted."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.support.stage import Stage

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "support" / "programs" / "script.py"


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        stage.entra.assign(client=stage.api, resource=stage.partner.resource, roles=["Read.All"])
        yield stage


async def started(stage):
    stage.builder()
    scope = f"api://{stage.partner.resource.client_id}/.default"
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(PROGRAM)),
        *(str(stage.folder / "appsettings.json"), scope),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_script_that_closes_nothing_ends_without_a_complaint(stage):
    process = await started(stage)
    async with asyncio.timeout(30):
        output, errors = await process.communicate()

    assert (process.returncode, errors) == (0, b"")
    assert output.splitlines() == [b"['first', 'second']"] * 2
    assert len(stage.exchanges) == 1


async def test_an_interrupt_ends_a_waiting_script_at_once(stage):
    process = await started(stage)
    hanging, released = asyncio.Event(), asyncio.Event()

    async def hang_at_the_second_call():
        if stage.partner.calls:
            hanging.set()
            await released.wait()

    stage.partner.meanwhile = hang_at_the_second_call
    async with asyncio.timeout(30):
        await hanging.wait()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(4):
            output, errors = await process.communicate()
    released.set()

    assert process.returncode == -signal.SIGINT
    assert output.splitlines() == [b"['first', 'second']"]
    assert errors.decode().splitlines()[-1] == "KeyboardInterrupt"
    for complaint in ("Task was destroyed", "nclosed", "never awaited", "Exception ignored"):
        assert complaint not in errors.decode()
