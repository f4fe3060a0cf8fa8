"""Tokens kept in memory, by partition and request."""

from .keys import (
    RESERVED_SCOPES,
    Components,
    RequestKey,
    app_partition,
    components_hash,
    normalized_scopes,
)
from .partition import CacheEntry, Partition
from .token_cache import TokenCache

__all__ = [
    "RESERVED_SCOPES",
    "CacheEntry",
    "Components",
    "Partition",
    "RequestKey",
    "TokenCache",
    "app_partition",
    "components_hash",
    "normalized_scopes",
]
