"""The synchronous twin of every call, for code that blocks."""

from .downstream import BlockingDownstreamApi
from .identity import AsyncIdentity, AsyncScheme, BlockingIdentity, BlockingIdentityScheme
from .named import BlockingNamedDownstreamApi
from .tokens import (
    BlockingAuthorizationHeaderProvider,
    BlockingTokenAcquirer,
    BlockingTokenValidator,
)

__all__ = [
    "AsyncIdentity",
    "AsyncScheme",
    "BlockingAuthorizationHeaderProvider",
    "BlockingDownstreamApi",
    "BlockingIdentity",
    "BlockingIdentityScheme",
    "BlockingNamedDownstreamApi",
    "BlockingTokenAcquirer",
    "BlockingTokenValidator",
]
