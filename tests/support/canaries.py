"""Secrets that are looked for wherever they must not be, by every run of twelve characters."""

from __future__ import annotations

import base64
import contextlib
import logging
import secrets
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

LENGTH = 12

LOGGERS = (
    "msidweb",
    "msal",
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "aiohttp",
    "aiohttp.client",
    "aiohttp.internal",
    "asyncio",
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "fastapi",
    "urllib3",
    "requests",
)


@dataclass
class Canaries:
    """Secrets by name; a secret that is base64 somewhere is looked for in that form too."""

    _known: dict[str, str] = field(default_factory=dict)

    def plant(self, name: str) -> str:
        """A new secret called *name*."""
        return self.add(name, secrets.token_hex(16))

    def add(self, name: str, value: str) -> str:
        """Look for *value* too."""
        for form in (value, base64.b64encode(value.encode()).decode().rstrip("=")):
            for start in range(len(form) - LENGTH + 1):
                self._known.setdefault(form[start : start + LENGTH], name)
        return value

    def allow(self, value: str) -> None:
        """Look for no part of *value* any more: it is public."""
        for start in range(len(value) - LENGTH + 1):
            self._known.pop(value[start : start + LENGTH], None)

    def found_in(self, text: str) -> set[str]:
        """Names of the secrets of which twelve characters are in *text*."""
        parts = (text[start : start + LENGTH] for start in range(len(text) - LENGTH + 1))
        return {self._known[part] for part in parts if part in self._known}


@dataclass
class Witness:
    """Everything that was seen, and where."""

    seen: list[tuple[str, str]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def show(self, place: str, thing: object) -> None:
        """Keep how *thing* shows itself."""
        for text in (repr(thing), str(thing)):
            self.seen.append((place, text))

    def error(self, place: str, error: BaseException) -> None:
        """Keep *error* as a log or a debugger would show it, with all that hangs on it."""
        self.errors.append(error)
        self.seen.append((place, "".join(traceback.format_exception(error))))
        for link in _chain(error):
            self.show(f"{place}: {type(link).__name__}", link)
            self.seen.append((place, repr(link.args)))

    def leaks(self, canaries: Canaries) -> dict[str, set[str]]:
        """What was found where, with the start of the text."""
        leaks: dict[str, set[str]] = {}
        for place, text in self.seen:
            for name in canaries.found_in(text):
                leaks.setdefault(name, set()).add(f"{place}: {text[:300]}")
        return leaks

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear every logger, each at DEBUG."""
        handler = _Ear(self)
        loggers = [logging.getLogger(), *map(logging.getLogger, LOGGERS)]
        before = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
        loggers[0].addHandler(handler)
        try:
            yield
        finally:
            loggers[0].removeHandler(handler)
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)


class _Ear(logging.Handler):
    def __init__(self, witness: Witness) -> None:
        super().__init__(logging.DEBUG)
        self._witness = witness

    def emit(self, record: logging.LogRecord) -> None:
        place = f"log {record.name}"
        self._witness.seen.append((place, record.getMessage()))
        self._witness.seen.append((place, repr(vars(record))))
        if record.exc_info and record.exc_info[1]:
            self._witness.error(place, record.exc_info[1])


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException | None] = [error]
    passed: set[int] = set()
    while waiting:
        link = waiting.pop()
        if link is None or id(link) in passed:
            continue
        passed.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__]
        waiting += getattr(link, "exceptions", ())
