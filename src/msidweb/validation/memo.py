"""Tokens that passed, remembered for a while so that they are not verified at every request."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from msidweb.authority import KeySet
from msidweb.principal import Principal, digest_of

LIFETIME = 300.0
"""Longest time that a token is remembered, seconds."""

MAX_ENTRIES = 4_096
MAX_BYTES = 32 * 1024 * 1024
_OVERHEAD = 2_048


class Accepted(NamedTuple):
    """A token that passed; the token itself is not in it.

    Attributes:
        caller: Whom it names, without an assertion.
        digest: Its fingerprint as base64url.
        since: From then on, unix seconds, it is remembered.
        until: And up to then.
        size: Bytes that this takes, about.
    """

    caller: Principal
    digest: str
    since: float
    until: float
    size: int


class Memo:
    """What one validator accepted, by the SHA-256 of the whole token.

    It holds claims and no token. It belongs to one policy, and to one key set: with another set
    it is empty. The oldest entry leaves first.
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, Accepted] = OrderedDict()
        self._key_set: KeySet | None = None
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, mark: bytes, key_set: KeySet | None, now: float) -> Accepted | None:
        """What is known of the token with this fingerprint, if it still holds at *now*.

        A clock that was set back makes an entry useless as well, so none outlives its time.
        """
        accepted = self._entries.get(mark)
        if accepted is None or key_set is not self._key_set:
            return None
        _, _, since, until, _ = accepted
        return accepted if since <= now < until else None

    def put(
        self, mark: bytes, caller: Principal, *, key_set: KeySet, now: float, length: int
    ) -> Accepted:
        """Remember that a token of *length* bytes names *caller*."""
        if key_set is not self._key_set:
            self._entries.clear()
            self._bytes = 0
            self._key_set = key_set
        until = min(caller.expires_at, now + LIFETIME)
        # Parsed claims take about three times the space of their text.
        accepted = Accepted(caller, digest_of(mark), now, until, _OVERHEAD + 3 * length)
        self._remove(mark)
        if until > now:
            self._entries[mark] = accepted
            self._bytes += accepted.size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1].size
        return accepted

    def _remove(self, mark: bytes) -> None:
        accepted = self._entries.pop(mark, None)
        if accepted is not None:
            self._bytes -= accepted.size
