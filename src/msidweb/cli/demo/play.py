"""Plays the steps in order, on a stage of real servers."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from msidweb.cli.interrupt import interrupted

from .narrator import Narrator
from .stage import Stage, raised
from .steps import STEPS, Step, StepFailedError

_LONGEST_STEP = 15.0


async def play(*, serve: bool = False, broken: str | None = None) -> int:
    """Play the demo.

    Args:
        serve: Keep the servers running afterwards, until interrupted.
        broken: Name of the step that is broken.

    Returns:
        0 when every step did what it says, 1 when one did not, 2 for an unknown name.
    """
    narrator = Narrator()
    names = [step.name for step in STEPS]
    if broken is not None and broken not in names:
        narrator.say(f"There is no step {broken!r}; there are {', '.join(names)}.")
        return 2
    # The example logs the failures that the demo provokes; the tables tell them.
    logging.getLogger("obo_fastapi").addHandler(logging.NullHandler())
    logging.getLogger("obo_fastapi").propagate = False
    async with raised() as stage:
        narrator.servers(stage.addresses)
        passed = await _steps(stage, narrator, broken)
        narrator.end(passed, len(STEPS))
        if not serve:
            narrator.say("The servers are gone; --serve (make demo SERVE=1) keeps them running.")
        if serve:
            narrator.say("Serving; Ctrl-C ends it.")
            await interrupted()
    return 0 if passed == len(STEPS) else 1


async def _steps(stage: Stage, narrator: Narrator, broken: str | None) -> int:
    passed = 0
    for step in STEPS:
        breaking = step.sabotage(stage) if step.name == broken else contextlib.nullcontext()
        with breaking:
            passed += await _one(step, stage, narrator)
    return passed


async def _one(step: Step, stage: Stage, narrator: Narrator) -> bool:
    try:
        async with asyncio.timeout(_LONGEST_STEP):
            seen = await step.act(stage)
    except (StepFailedError, TimeoutError) as error:
        narrator.failure(step, str(error) or "it took too long")
        return False
    narrator.step(step, seen)
    return True
