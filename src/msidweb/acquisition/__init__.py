"""From a principal to a token for another service."""

from .acquirer import TokenAcquirer
from .draft import TokenRequestDraft
from .headers import AuthorizationHeaderProvider
from .provider import TokenProvider

__all__ = ["AuthorizationHeaderProvider", "TokenAcquirer", "TokenProvider", "TokenRequestDraft"]
