"""Asks every question, or those named on the command line, and prints the ratios."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable

import benchmarks
from benchmarks.measure import Row

_HARNESS = {"__main__", "measure"}


def questions() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if name not in _HARNESS)


def main(names: list[str]) -> int:
    unknown = set(names) - set(questions())
    if unknown:
        print(
            f"No such question: {', '.join(sorted(unknown))}. There are {', '.join(questions())}."
        )
        return 2
    print(f"{'':4}{'question':58}{'ours':>12}{'beside':>12}{'ratio':>10}{'aim':>9}")
    for name in names or questions():
        _print(importlib.import_module(f"benchmarks.{name}").rows())
    return 0


def _print(rows: Iterable[Row]) -> None:
    for row in rows:
        mark = "  ok" if row.reached else "miss"
        value = f"{row.value:+.2f} us" if row.difference else f"{row.value:.4f}"
        aim = "" if row.aim is None else f"{row.aim:.3g}" + (" us" if row.difference else "")
        print(
            f"{mark:5}{row.question:57}{row.ours:>10.2f}us{row.theirs:>10.2f}us{value:>10}{aim:>9}"
            f"  {row.against}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
