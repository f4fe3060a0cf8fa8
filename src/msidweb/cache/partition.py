"""The tokens of one assertion or one application, found by request or by covering scopes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from msidweb.tokens import AcquiredToken, CacheLevel

from .keys import RESERVED_SCOPES, RequestKey, normalized_scopes

MAX_ENTRIES = 64
"""Tokens kept for one partition; the oldest goes first."""

MAX_REQUESTS = 256
"""Requests remembered as answered by those tokens."""


class CacheEntry:
    """One token, ready to be handed out, and the times that matter.

    Attributes:
        key: The request that it was fetched for.
        asked: The scopes of that request in the caller's spelling.
        token: What a caller gets: the same object every time.
        usable_until: From then on it is not handed out any more, unix seconds.
        refresh_at: From then on a new one is fetched ahead; never after ``usable_until``, and
            moved on by whoever fetches.
        failures: How often that failed in a row.
    """

    __slots__ = (
        "asked",
        "failures",
        "key",
        "refresh_at",
        "resource_scopes",
        "scopes",
        "token",
        "usable_until",
    )

    def __init__(
        self,
        token: AcquiredToken,
        *,
        key: RequestKey,
        asked: Sequence[str],
        usable_until: float,
        refresh_at: float,
    ) -> None:
        self.key = key
        self.asked = tuple(asked)
        self.token = token.from_cache(CacheLevel.L1)
        self.scopes = frozenset(normalized_scopes(token.scopes))
        self.resource_scopes = self.scopes - RESERVED_SCOPES
        self.usable_until = usable_until
        self.refresh_at = min(refresh_at, usable_until)
        self.failures = 0

    @property
    def size(self) -> int:
        """Bytes that it occupies, about."""
        token = self.token
        texts = (token.access_token, token.header, *token.scopes, *self.scopes)
        return _OVERHEAD + sum(map(sys.getsizeof, texts))


_OVERHEAD = 2_400
"""What an entry, its token, its keys and its share of the tables take beside their texts."""


class Partition:
    """Entries of one partition; no two of them cover one request.

    Attributes:
        answered_by: The entry that answered a request before, to be read only.
        size: Bytes of all entries, about.
    """

    __slots__ = ("_entries", "answered_by", "size")

    def __init__(self) -> None:
        self.answered_by: dict[RequestKey, CacheEntry] = {}
        self._entries: dict[CacheEntry, None] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def cover(self, key: RequestKey) -> CacheEntry | None:
        """An entry for the same target whose scopes include all that *key* asks for."""
        wanted = set(_scopes(key))
        for entry in self._entries:
            if _target(entry.key) == _target(key) and wanted <= entry.scopes:
                self._remember(key, entry)
                return entry
        return None

    def put(self, entry: CacheEntry) -> None:
        """Keep *entry* in the place of those it replaces.

        Replaced are the answer to the same request, and entries for the same target that share a
        resource's scope; ``openid`` and its kind replace nothing (deliberate difference 26).
        """
        replaced = [other for other in self._entries if _replaces(entry, other)]
        if len(self._entries) - len(replaced) >= MAX_ENTRIES:
            replaced.append(next(other for other in self._entries if other not in replaced))
        self._drop(replaced)
        self._entries[entry] = None
        self.size += entry.size
        self._remember(entry.key, entry)

    def _remember(self, key: RequestKey, entry: CacheEntry) -> None:
        if len(self.answered_by) >= MAX_REQUESTS:
            self.answered_by = {other.key: other for other in self._entries}
        self.answered_by[key] = entry

    def _drop(self, entries: list[CacheEntry]) -> None:
        for entry in entries:
            del self._entries[entry]
            self.size -= entry.size
        if entries:
            self.answered_by = {
                key: entry for key, entry in self.answered_by.items() if entry in self._entries
            }


def _scopes(key: RequestKey) -> tuple[str, ...]:
    return key[5]


def _target(key: RequestKey) -> tuple[object, ...]:
    return key[:5]


def _replaces(new: CacheEntry, old: CacheEntry) -> bool:
    if new.key == old.key:
        return True
    shares_scope = not new.resource_scopes.isdisjoint(old.resource_scopes)
    return shares_scope and _target(new.key) == _target(old.key)
