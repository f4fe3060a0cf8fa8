"""One of several authentication schemes accepts the token."""
# ruff: noqa: SLF001 - a refusal by one of them is told only if all refuse, as validators cannot know

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msidweb.authority import KeySet
from msidweb.concurrency import call_all
from msidweb.errors import (
    AuthenticationError,
    ExpiredTokenError,
    InvalidCallError,
    MetadataUnavailableError,
)
from msidweb.principal import Principal, fingerprint

from ._authorization_field import token_in
from .validator import TokenValidator

_REMEMBERED = 4_096


class Scheme(Protocol):
    """An authentication scheme."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def token_validator(self) -> TokenValidator:
        """Who validates in it."""


class _Accepted(NamedTuple):
    place: int
    refused_by: tuple[KeySet | None, ...]


_BY_NONE = _Accepted(0, ())


class AnyScheme:
    """Accepts what one of *schemes* accepts; they are tried in this order.

    Nothing that the token claims chooses the scheme: only a scheme that validated it whole does
    (.NET's policy schemes forward by the unverified issuer). A token that was accepted goes to the
    same scheme again, so that the others are not asked at every request, for as long as those
    before it have the keys by which they refused it. What ``on_token_validated`` refuses for the
    scheme that accepted is refused; no other is asked.

    Raises:
        InvalidCallError: No scheme is given, or one twice.
    """

    def __init__(self, schemes: Sequence[Scheme]) -> None:
        self._schemes = tuple(schemes)
        self._accepted: OrderedDict[bytes, _Accepted] = OrderedDict()
        names = [scheme.name for scheme in self._schemes]
        if not names or len(set(names)) < len(names):
            raise InvalidCallError("The schemes to accept are none, or one is there twice.")
        self.scheme = names[0]

    @property
    def token_validator(self) -> AnyScheme:
        """Itself: it stands where a scheme stands."""
        return self

    async def validate_authorization(
        self, fields: Sequence[bytes | str], *, query_string: bytes | str = b""
    ) -> Principal:
        """As :meth:`TokenValidator.validate_authorization`; the principal names its scheme.

        Raises:
            AuthenticationError: There is no token, or every scheme refuses it; an expired one is
                told before others.
            MetadataUnavailableError: None accepts it, and the keys of one never came.
        """
        validators = [scheme.token_validator for scheme in self._schemes]
        try:
            longest = max(validator._policy.longest_token for validator in validators)
            token = token_in(fields, query_string, longest=longest)
        except AuthenticationError as error:
            validators[0]._tell_refusal(error)
            raise
        return await self._examined(token, validators)

    async def _examined(self, token: bytes, validators: Sequence[TokenValidator]) -> Principal:
        mark = fingerprint(token)
        first = self._remembered(mark, validators)
        order = sorted(range(len(validators)), key=lambda index: index != first)
        refusals: dict[int, AuthenticationError] = {}
        keys: dict[int, KeySet | None] = {}
        unknown: MetadataUnavailableError | None = None
        for index in order:
            validator = validators[index]
            try:
                principal = await validator._validated(token, alone=False)
            except AuthenticationError as error:
                refusals[index] = error
                keys[index] = validator._keys.current
            except MetadataUnavailableError as error:
                unknown = unknown or error
            else:
                # One that could not decide may still do so, and comes first then.
                if index != first and unknown is None:
                    self._remember(mark, _Accepted(index, tuple(keys[n] for n in range(index))))
                await call_all(validator._on_validated, principal)
                return principal
        for index, refusal in refusals.items():
            validators[index]._tell_refusal(refusal)
        raise unknown or _gravest(list(refusals.values()))

    def _remembered(self, mark: bytes, validators: Sequence[TokenValidator]) -> int:
        place, refused_by = self._accepted.get(mark, _BY_NONE)
        before = zip(validators[:place], refused_by, strict=True)
        same = all(validator._keys.current is keys for validator, keys in before)
        return place if same else 0

    def _remember(self, mark: bytes, accepted: _Accepted) -> None:
        self._accepted[mark] = accepted
        if len(self._accepted) > _REMEMBERED:
            self._accepted.popitem(last=False)


def _gravest(errors: Sequence[AuthenticationError]) -> AuthenticationError:
    """One answer for all: RFC 7235 lets a field repeat a challenge, and clients read the first."""
    expired = (error for error in errors if isinstance(error, ExpiredTokenError))
    return next(expired, errors[0])
