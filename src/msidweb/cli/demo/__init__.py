"""``msidweb demo``: the guide's main story, for real, on this machine."""

from __future__ import annotations

import argparse
import asyncio
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--serve", action="store_true", help="keep the servers running afterwards")
    parser.add_argument("--break", dest="broken", metavar="STEP", help="break this step")


def run(arguments: argparse.Namespace) -> int:
    """Walk through the story; 0 when every step did what it says."""
    try:
        from .play import play  # noqa: PLC0415 - needs the packages of the extra

        return asyncio.run(play(serve=arguments.serve, broken=arguments.broken))
    except ModuleNotFoundError as error:
        print(f'msidweb demo: {error.name} is missing; pip install "msidweb[cli]"', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
