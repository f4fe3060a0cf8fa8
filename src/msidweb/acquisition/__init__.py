"""From a principal to a token for another service."""

from .acquirer import TokenAcquirer
from .draft import TokenRequestDraft
from .headers import AuthorizationHeaderProvider
from .provider import TokenProvider
from .schemes import SchemeAcquirer, acquires_nothing, schemes_of_client

__all__ = [
    "AuthorizationHeaderProvider",
    "SchemeAcquirer",
    "TokenAcquirer",
    "TokenProvider",
    "TokenRequestDraft",
    "acquires_nothing",
    "schemes_of_client",
]
