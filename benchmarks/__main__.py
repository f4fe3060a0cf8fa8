"""Asks every question, or those named on the command line, and prints the ratios."""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable

import benchmarks
from benchmarks.measure import Row

_NO_QUESTIONS = {"__main__", "authority_process", "measure", "stage", "stock"}


def questions() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if name not in _NO_QUESTIONS)


_OVERRIDING = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
"""Variables that would replace the certificate authority of the process that is asked."""


def main(names: list[str]) -> int:
    for name in _OVERRIDING:
        os.environ.pop(name, None)
    unknown = set(names) - set(questions())
    if unknown:
        print(
            f"No such question: {', '.join(sorted(unknown))}. There are {', '.join(questions())}."
        )
        return 2
    print(f"{'':5}{'question':44}{'ours':>12}{'theirs':>12}{'ratio':>12}{'aim':>9}  against")
    for name in names or questions():
        _print(asyncio.run(importlib.import_module(f"benchmarks.{name}").rows()))
    return 0


def _print(rows: Iterable[Row]) -> None:
    for row in rows:
        mark = "" if row.aim is None else "ok" if row.reached else "miss"
        unit = f" {row.unit}" if row.difference else ""
        value = f"{row.value:+.2f}{unit}" if row.difference else f"{row.value:.3f}"
        aim = "" if row.aim is None else f"{row.aim:.3g}{unit}"
        print(
            f"{mark:5}{row.question:44}{row.ours:>9.2f} {row.unit}{row.theirs:>9.2f} {row.unit}"
            f"{value:>12}{aim:>9}  {row.against}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
