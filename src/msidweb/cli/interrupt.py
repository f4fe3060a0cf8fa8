"""Waits for the signals that end a command which serves."""

from __future__ import annotations

import asyncio
import contextlib
import signal


async def interrupted() -> None:
    """Return at the first SIGINT (Ctrl-C) or SIGTERM.

    Where the loop takes no signal handlers, Ctrl-C raises KeyboardInterrupt as ever.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
