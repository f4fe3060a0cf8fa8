"""Processes that fork: what was built or used before goes on working on both sides."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from tests.support.stage import Stage

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "support" / "programs" / "forking.py"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class Ports:
    """Notes over which connections each process reaches the partner."""

    def __init__(self, partner):
        self.of = {}
        self._partner = partner

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            pid = int(dict(scope["headers"]).get(b"x-pid", b"0"))
            self.of.setdefault(pid, set()).add(scope["client"][1])
        await self._partner(scope, receive, send)


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        yield stage


@pytest.fixture
async def ports(stage):
    ports = Ports(stage.partner)
    stage.settings["DownstreamApis"]["PartnerAPI"]["BaseUrl"] = (await stage.serve(ports)).base_url
    return ports


async def run(stage, mode):
    stage.builder()
    token = stage.signed_in(stage.alice)["Authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        # From 3.12 on, Python itself warns of threads at a fork.
        *(sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning"),
        str(PROGRAM),
        *(str(stage.folder / "appsettings.json"), mode),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate(token.encode())
    assert process.returncode == 0, errors.decode()
    told = [json.loads(line) for line in output.splitlines()]
    assert {each["name"] for each in told} == {"Alice"}
    return told, errors.decode()


def roles(told):
    return sorted(each["role"] for each in told)


def ids(told):
    return [each for process in told for each in process["ids"]]


async def test_an_identity_that_was_built_before_the_fork_is_opened_by_every_child(stage, ports):
    told, errors = await run(stage, "unused")

    assert roles(told) == ["child"] * 3 + ["parent"]
    assert len(stage.exchanges) == 4, "no process has another's tokens"
    assert len(set(ids(told))) == len(ids(told)) == 4, "no process draws another's numbers"
    assert not errors


async def test_one_that_was_closed_before_the_fork_is_opened_again(stage, ports):
    told, errors = await run(stage, "closed")

    assert roles(told) == ["before"] + ["child"] * 3 + ["parent"]
    assert len(stage.exchanges) == 1, "what was in memory is there on both sides"
    assert not errors


async def test_one_that_is_in_use_goes_on_and_children_connect_for_themselves(stage, ports):
    told, errors = await run(stage, "used")

    parent = next(each["pid"] for each in told if each["role"] == "parent")
    children = {each["pid"] for each in told if each["role"] == "child"}
    assert len(children) == 3
    assert len(ports.of[parent]) == 1, "the parent's connection outlived its children"
    assert ports.of.keys() == {parent, *children}
    assert sum(map(len, ports.of.values())) == len(set.union(*ports.of.values()))
    assert len(set(ids(told))) == len(ids(told)) == 5
    assert not errors


async def test_a_fork_in_the_midst_of_calls_leaves_no_child_hanging(stage, ports):
    told, _ = await run(stage, "busy")

    assert roles(told) == ["child"] * 3 + ["parent"]
