"""The authority's keys in memory, and when they are fetched again."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Callable
from dataclasses import replace

from msidweb.clock import Clock
from msidweb.concurrency import BackgroundTasks, Flight
from msidweb.configuration.options import ENTRA_CLIENT
from msidweb.errors import MetadataUnavailableError, UnknownKeyError
from msidweb.http import Clients
from msidweb.http.documents import Documents
from msidweb.telemetry import KeysRefreshed, KeysRefreshFailed, Telemetry

from .authority import Authority
from .keys import KeySet
from .metadata import fetch_key_set

LIFETIME = 12 * 3600.0
"""Seconds after which the documents are fetched ahead, less up to 5 % jitter."""

PATIENCE = 2.0
"""Longest wait of a request for keys that it does not know yet, seconds."""

MAX_WAITING = 1_024
"""Requests that wait for unknown keys at one time; more are refused at once."""

UNKNOWN_KEY_INTERVAL = 30.0
LONGEST_INTERVAL = 300.0
"""Between attempts that unknown key ids cause, seconds: at least, and after many failures."""

LONGEST_FIRST_INTERVAL = 5.0
"""Longest back-off while no keys are known at all: recovery follows within 6 s (F-J1)."""


class AuthorityKeys:
    """The keys of one authority (security.md 1.6).

    Known keys are answered from memory, whatever the authority's state and however old they are. An
    unknown key id joins one shared refresh, at most every 30 s counted on attempts, so a flood of
    forged ids costs the authority one fetch and each request a comparison; that gate is why refused
    ids need not be remembered. A refresh replaces all keys at once, or none.

    Args:
        authority: Whose keys.
        clients: Hands out the ``"Entra"`` HTTP client.
        clock: Times the intervals.
        telemetry: Hears of refreshes.
        background: Owns the refreshes.
        patience: Longest wait of a request for an unknown key, seconds.
        jitter: Random number in [0, 1).
    """

    def __init__(
        self,
        authority: Authority,
        clients: Clients,
        *,
        clock: Clock,
        telemetry: Telemetry,
        background: BackgroundTasks,
        patience: float = PATIENCE,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._authority = authority
        self._documents = Documents(clients, ENTRA_CLIENT)
        self._monotonic = clock.monotonic
        self._telemetry = telemetry
        self._background = background
        self._patience = patience
        self._jitter = jitter
        self._flight: Flight[KeySet] = Flight()
        self._wait: Flight[None] = Flight()
        self._waiting = 0
        self._current: KeySet | None = None
        self._fetched_at = -math.inf
        self._due = -math.inf
        self._gate = -math.inf
        self._patient_until = -math.inf
        self._failures = 0
        self._failure: str | None = None

    @property
    def current(self) -> KeySet | None:
        """What is known now; None before the first fetch. Never waits, never does I/O.

        When a refresh is due, it is started in the background.
        """
        current = self._current
        if current is not None and self._monotonic() >= self._due:
            self._due = self._monotonic() + UNKNOWN_KEY_INTERVAL
            self._start()
        return current

    @property
    def age(self) -> float | None:
        """Seconds since the last good refresh; None when there was none."""
        return None if self._current is None else self._monotonic() - self._fetched_at

    @property
    def failure(self) -> str | None:
        """What was wrong with the last refresh, or None."""
        return self._failure

    def look_ahead(self) -> None:
        """Fetch in the background, where that is due, what a request would have to wait for.

        Called on the loop, and no more often than requests may cause a fetch.
        """
        if self.current is None and not self._flight and self._monotonic() >= self._gate:
            self._start()

    async def refresh_now(self) -> KeySet:
        """Fetch the documents now, for an operator or at start.

        Raises:
            MetadataUnavailableError: They did not come; known keys stay in use.
        """
        return await self._flight.join("documents", self._refresh)

    async def search(self, kid: str) -> KeySet:
        """A key set that holds *kid*, after one refresh where that is allowed.

        Raises:
            UnknownKeyError: The authority publishes no such key, or may not be asked yet.
            MetadataUnavailableError: Nothing was ever fetched.
        """
        if self._current is None:
            await self._first()
        elif kid not in self._current.keys:
            await self._look_again()
        if self._current is not None and kid in self._current.keys:
            return self._current
        raise UnknownKeyError("The authority publishes no key of this id.", rule="K1")

    async def _first(self) -> None:
        wait = self._gate - self._monotonic()
        if wait > 0 and not self._flight:
            raise MetadataUnavailableError(
                "The authority's keys are not known yet.", retry_after=wait
            )
        await self.refresh_now()

    async def _look_again(self) -> None:
        now = self._monotonic()
        if not (self._flight or self._wait):
            if now < self._gate:
                return
            self._gate = now + UNKNOWN_KEY_INTERVAL
            self._start()
        if now >= self._patient_until or self._waiting >= MAX_WAITING:
            return
        self._waiting += 1
        try:
            await self._wait.join("documents", self._refresh_patiently)
        finally:
            self._waiting -= 1

    async def _refresh_patiently(self) -> None:
        # One timer for all who wait: thousands that end at one moment would hold up the loop.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._refresh_quietly()

    def _start(self) -> None:
        # Owned apart from the requests that wait: they give up after their patience, it goes on.
        self._patient_until = self._monotonic() + self._patience
        self._background.spawn(self._refresh_quietly(), name="msidweb-keys")

    async def _refresh_quietly(self) -> None:
        with contextlib.suppress(MetadataUnavailableError):
            await self.refresh_now()

    async def _refresh(self) -> KeySet:
        self._patient_until = self._monotonic() + self._patience
        try:
            fetched = await fetch_key_set(self._authority, self._documents.get)
        except MetadataUnavailableError as error:
            pause = self._failed(error.message)
            raise MetadataUnavailableError(error.message, retry_after=pause) from error
        return self._landed(fetched)

    def _failed(self, reason: str) -> float:
        now = self._monotonic()
        first = self._current is None
        shortest, longest = (
            (1.0, LONGEST_FIRST_INTERVAL) if first else (UNKNOWN_KEY_INTERVAL, LONGEST_INTERVAL)
        )
        pause = min(shortest * 2.0**self._failures, longest) * (1 + 0.2 * self._jitter())
        self._failures = min(self._failures + 1, 16)
        self._gate = self._due = now + pause
        self._tell_failure(reason)
        return pause

    def _tell_failure(self, reason: str) -> None:
        self._failure = reason
        known = 0 if self._current is None else len(self._current.keys)
        self._telemetry.emit(
            KeysRefreshFailed(host=self._authority.host, known=known, reason=reason)
        )

    def _landed(self, fetched: KeySet) -> KeySet:
        now = self._monotonic()
        before = self._current
        complete = fetched.issuer_v1 is not None
        self._failure = None
        if before is not None and not complete:
            fetched = replace(fetched, issuer_v1=before.issuer_v1)
        if not complete:
            self._tell_failure("The v1 metadata did not come; v2 tokens are not affected.")
        # An equal set keeps its identity, so what was judged by it need not be judged again.
        current = self._current = before if before == fetched else fetched
        self._fetched_at = now
        self._failures = 0
        self._gate = min(self._gate, now + UNKNOWN_KEY_INTERVAL)
        lifetime = LIFETIME * (1 - 0.05 * self._jitter())
        self._due = now + (lifetime if complete else LONGEST_INTERVAL)
        old = before.keys if before is not None else {}
        added, removed = current.keys.keys() - old.keys(), old.keys() - current.keys.keys()
        self._telemetry.emit(
            KeysRefreshed(
                host=self._authority.host,
                keys=len(current.keys),
                added=len(added),
                removed=len(removed),
            )
        )
        return current
