"""The ``msidweb`` command: a small table of subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from . import demo, emulator


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand.

    Attributes:
        summary: What it does, in one line.
        configure: Adds its arguments.
        run: Does it; returns the exit status.
    """

    summary: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS: Mapping[str, Command] = {
    "demo": Command("Show the main story on servers of its own.", demo.configure, demo.run),
    "emulator": Command(
        "Serve an Entra ID of your own on localhost.", emulator.configure, emulator.run
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status."""
    parser = argparse.ArgumentParser(prog="msidweb", description="Tools around msidweb.")
    parser.add_argument("--version", action="version", version=f"msidweb {version('msidweb')}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.summary, description=command.summary)
        command.configure(subparser)
    arguments = parser.parse_args(argv)
    return COMMANDS[arguments.command].run(arguments)
