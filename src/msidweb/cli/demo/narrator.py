"""What a person reads: a table for each step; never a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from .stage import Seen
from .steps import Step


class Narrator:
    """Tells the story on a console."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(soft_wrap=True)

    def servers(self, addresses: Mapping[str, str]) -> None:
        """Say what runs where."""
        table = Table(title="Running on this machine", title_justify="left", show_header=False)
        for what, where in addresses.items():
            table.add_row(what, where)
        self._console.print(table)

    def step(self, step: Step, seen: Sequence[Seen]) -> None:
        """Tell what a step did."""
        table = Table(title=f"[green]✓[/] {step.title}", title_justify="left")
        for column in ("called", "token from", "time", "result"):
            table.add_column(column, justify="right" if column == "time" else "left")
        for call in seen:
            table.add_row(call.call, _sources(call), f"{call.milliseconds:.1f} ms", _result(call))
        self._console.print(table)

    def failure(self, step: Step, reason: str) -> None:
        """Tell that a step went wrong."""
        self._console.print(f"[red]✗[/] {step.title}\n  {reason}", highlight=False)

    def end(self, passed: int, total: int) -> None:
        """Tell how it ended."""
        color = "green" if passed == total else "red"
        self._console.print(f"[{color}]{passed} of {total} steps did what they say[/]")

    def say(self, text: str) -> None:
        """Any other line."""
        self._console.print(text, highlight=False)


_SOURCES = {"identity_provider": "Entra ID", "cache": "cache"}


def _sources(call: Seen) -> str:
    return ", ".join(_SOURCES.get(source, source) for source in call.sources) or "-"


def _result(call: Seen) -> str:
    if isinstance(call.body, dict) and "error" in call.body:
        return f"{call.status} {call.body['error']}: {call.body['error_description']}"
    return f"{call.status} {call.body}"
