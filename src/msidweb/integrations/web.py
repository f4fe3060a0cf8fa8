"""What every web framework needs of an identity: who validates, and where users sign in."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Protocol, TypeAlias

from msidweb.configuration import Configuration, IdentityOptions, MicrosoftIdentityOptions
from msidweb.errors import InvalidCallError
from msidweb.kinds import check_kind, wrong_kind
from msidweb.principal import Principal
from msidweb.telemetry import Telemetry
from msidweb.validation import AnyScheme, TokenValidator

Names: TypeAlias = str | Sequence[str]
"""Scopes or roles: a list, or a text with spaces or commas between them."""


class RequestValidator(Protocol):
    """Turns the Authorization fields of a request into its caller."""

    @property
    def scheme(self) -> str:
        """Name of the authentication scheme."""

    async def validate_authorization(
        self, fields: Sequence[bytes | str], /, *, query_string: bytes | str
    ) -> Principal:
        """The caller; raises AuthenticationError."""


class Accepting(Protocol):
    """Whose tokens a route accepts: an identity's, for its default scheme, or a scheme's."""

    @property
    def token_validator(self) -> RequestValidator:
        """Validates incoming tokens."""


class WebScheme(Protocol):
    """One authentication scheme."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def options(self) -> MicrosoftIdentityOptions:
        """The application and its authority."""

    @property
    def token_validator(self) -> TokenValidator:
        """Validates incoming tokens."""


class WebIdentity(Accepting, Protocol):
    """What an adapter needs of the identity."""

    @property
    def options(self) -> IdentityOptions:
        """What the identity was built from."""

    @property
    def telemetry(self) -> Telemetry:
        """Hears of requests that were refused or failed."""

    @property
    def configuration(self) -> Configuration:
        """The settings that requirements may name."""

    def scheme(self, name: str | None = None, /) -> WebScheme:
        """The scheme *name*, or the default one; raises InvalidCallError when there is none."""


def options_of(identity: WebIdentity) -> IdentityOptions:
    """What *identity* was built from.

    Raises:
        InvalidCallError: It is no identity.
    """
    options: object = getattr(identity, "options", None)
    if not isinstance(options, IdentityOptions):
        raise wrong_kind("identity", identity, "an identity that was built")
    return options


def accepting(
    identity: WebIdentity, scheme: str | None = None, schemes: Sequence[str] | None = None
) -> Accepting:
    """Who validates: the default scheme, *scheme*, or whichever of *schemes* accepts the token.

    Raises:
        InvalidCallError: It is no identity, there is no such scheme, or both arguments are given.
    """
    options_of(identity)
    check_kind("scheme", scheme, str, NoneType)
    if schemes is None:
        return identity if scheme is None else identity.scheme(scheme)
    if scheme is not None:
        raise InvalidCallError("Either scheme or schemes is given, not both.")
    if not isinstance(schemes, list | tuple):
        raise wrong_kind("schemes", schemes, "a list of names")
    for name in schemes:
        # None would be the default scheme, which a list has to name like any other.
        if not isinstance(name, str):
            raise wrong_kind("schemes", name, "names of schemes")
    return AnyScheme([identity.scheme(name) for name in schemes])
