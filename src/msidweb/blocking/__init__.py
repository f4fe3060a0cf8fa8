"""The synchronous twin of every call, for code that blocks."""

from .downstream import BlockingDownstreamApi
from .identity import AsyncIdentity, BlockingIdentity
from .named import BlockingNamedDownstreamApi
from .tokens import (
    BlockingAuthorizationHeaderProvider,
    BlockingTokenAcquirer,
    BlockingTokenValidator,
)

__all__ = [
    "AsyncIdentity",
    "BlockingAuthorizationHeaderProvider",
    "BlockingDownstreamApi",
    "BlockingIdentity",
    "BlockingNamedDownstreamApi",
    "BlockingTokenAcquirer",
    "BlockingTokenValidator",
]
