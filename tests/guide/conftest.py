"""The stage on which the guide's samples are played."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.stage import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage.raised(tmp_path) as stage:
        yield stage
