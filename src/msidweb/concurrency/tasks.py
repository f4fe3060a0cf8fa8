"""Background tasks with an owner who ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from msidweb.telemetry import correlation_context

from .forks import forget_in_children, leave_to_parent


class BackgroundTasks:
    """Owns the tasks of one identity; ``aclose`` lets them finish, then cancels the rest."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        forget_in_children(self)

    def forget_parent(self) -> None:
        """Leave the parent's tasks to the parent."""
        leave_to_parent(self._tasks)
        self._tasks = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Start *work*, which must handle its own errors.

        Of the caller's context it has the correlation id alone.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, name=name, context=correlation_context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self, *, grace: float = 5.0) -> None:
        """Wait *grace* seconds for this loop's tasks to end, then cancel those that have not."""
        loop = asyncio.get_running_loop()
        # A copy in one step: another thread's loop may be starting and ending tasks meanwhile.
        known = tuple(self._tasks)
        self._tasks.difference_update(task for task in known if task.get_loop().is_closed())
        mine = [task for task in known if task.get_loop() is loop]
        if not mine:
            return
        _, late = await asyncio.wait(mine, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
