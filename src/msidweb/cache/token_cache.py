"""Tokens in this process's memory, within a budget of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from msidweb.concurrency import forget_in_children

from .keys import RequestKey
from .partition import CacheEntry, Partition

DEFAULT_SIZE_LIMIT = 64 * 1024 * 1024


class TokenCache:
    """Partitions of tokens; the one longest unused goes first when the budget is spent.

    Use counts from the time that half of the budget is spent.

    A hit is two dictionary look-ups and takes no lock. Whether a token is still usable is for the
    one who asks: entries carry their times and are never swept.

    Args:
        size_limit: Budget in bytes; 0 keeps nothing.
    """

    def __init__(self, *, size_limit: int = DEFAULT_SIZE_LIMIT) -> None:
        self._limit = size_limit
        self._crowded = size_limit // 2
        self._partitions: OrderedDict[str, Partition] = OrderedDict()
        self._size = 0
        # Loops in several threads may share a cache; held for dictionary work only.
        self._lock = threading.Lock()
        forget_in_children(self)

    def forget_parent(self) -> None:
        """Keep the tokens in a forked child, unless the fork came while a thread changed them."""
        if self._lock.locked():
            self._partitions = OrderedDict()
            self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))

    @property
    def size(self) -> int:
        """Bytes in use, about."""
        return self._size

    @property
    def size_limit(self) -> int:
        """Bytes that may be in use."""
        return self._limit

    def find(self, partition: str, key: RequestKey) -> CacheEntry | None:
        """The entry that answers *key*, whether or not its time is over."""
        found = self._partitions.get(partition)
        if found is None:
            return None
        entry = found.answered_by.get(key)
        if entry is None:
            with self._lock:
                entry = found.cover(key)
        # While half of the budget is free, nothing leaves soon, and order is not worth its time.
        if self._size > self._crowded:
            try:
                self._partitions.move_to_end(partition)
            except KeyError:  # evicted by another thread a moment ago
                return None
        return entry

    def put(self, partition: str, entry: CacheEntry) -> None:
        """Keep *entry* as the answer to its request."""
        with self._lock:
            place = self._partitions.get(partition)
            if place is None:
                place = self._partitions[partition] = Partition()
            before = place.size
            place.put(entry)
            self._size += place.size - before
            self._partitions.move_to_end(partition)
            while self._size > self._limit:
                _, evicted = self._partitions.popitem(last=False)
                self._size -= evicted.size
