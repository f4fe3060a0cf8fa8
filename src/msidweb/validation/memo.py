"""Tokens that passed, remembered for a while so that they are not verified at every request."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from msidweb.authority import KeySet

from ._claims import Verdict

LIFETIME = 300.0
"""Longest time that a verdict is remembered, seconds."""

MAX_ENTRIES = 4_096
MAX_BYTES = 32 * 1024 * 1024
_OVERHEAD = 2_048


class _Entry(NamedTuple):
    verdict: Verdict
    since: float
    until: float
    size: int


class Memo:
    """Verdicts of one validator by the SHA-256 of the whole token; successes only.

    It holds claims and no token. It belongs to one policy, and to one key set: with another set
    it is empty. The oldest entry leaves first.
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._key_set: KeySet | None = None
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: str, *, key_set: KeySet | None, now: float) -> Verdict | None:
        """The verdict on the token of this *digest*, if it still holds at *now*.

        A clock that was set back makes an entry useless as well, so none outlives its time.
        """
        entry = self._entries.get(digest)
        if entry is None or key_set is not self._key_set:
            return None
        if not entry.since <= now < entry.until:
            return None
        return entry.verdict

    def put(
        self, digest: str, verdict: Verdict, *, key_set: KeySet, now: float, length: int
    ) -> None:
        """Remember *verdict* on a token of *length* bytes."""
        if key_set is not self._key_set:
            self._entries.clear()
            self._bytes = 0
            self._key_set = key_set
        until = min(verdict.expires_at, now + LIFETIME)
        self._remove(digest)
        if until <= now:
            return
        # Parsed claims take about three times the space of their text.
        entry = _Entry(verdict, now, until, _OVERHEAD + 3 * length)
        self._entries[digest] = entry
        self._bytes += entry.size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1].size

    def _remove(self, digest: str) -> None:
        entry = self._entries.pop(digest, None)
        if entry is not None:
            self._bytes -= entry.size
