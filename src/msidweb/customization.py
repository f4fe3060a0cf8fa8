"""What an application adds to an identity's work, in code; nothing of ours is replaced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from msidweb.acquisition import TokenRequestDraft
from msidweb.concurrency import Callback
from msidweb.downstream import RequestHook, RequestHooks
from msidweb.principal import Principal


@dataclass(frozen=True, slots=True)
class Customization:
    """Functions of the application's, sync or async, in the order in which they were added.

    What one raises ends the work and reaches the caller as it is.

    Attributes:
        on_token_validated: Each takes the caller whose token was validated.
        on_before_token_request: Each takes the token request that is about to be sent.
        on_before_auth_header: Each takes a downstream request before a token is asked for.
        on_after_auth_header: Each takes a downstream request that has its Authorization field.
        customize_request: Each takes a downstream request last of all.
    """

    on_token_validated: tuple[Callback[Principal], ...] = ()
    on_before_token_request: tuple[Callback[TokenRequestDraft], ...] = ()
    on_before_auth_header: tuple[RequestHook, ...] = ()
    on_after_auth_header: tuple[RequestHook, ...] = ()
    customize_request: tuple[RequestHook, ...] = ()

    def plus(self, **functions: Any) -> Self:
        """These and *functions*, one by each name."""
        return replace(
            self, **{name: (*getattr(self, name), added) for name, added in functions.items()}
        )

    @property
    def request_hooks(self) -> RequestHooks:
        """Those that downstream requests are shown to."""
        return RequestHooks(
            self.on_before_auth_header, self.on_after_auth_header, self.customize_request
        )
