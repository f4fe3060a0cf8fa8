"""What an endpoint asks of its caller beyond a valid token."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypedDict, Unpack, get_args

from msidweb.errors import AuthorizationError, ConfigurationError, InvalidCallError, Problem
from msidweb.kinds import check_kind
from msidweb.principal import Principal

Caller: TypeAlias = Literal["any", "user", "app"]
_CALLERS: tuple[Caller, ...] = get_args(Caller)


class RequirementKeys(TypedDict, total=False):
    """Where names of a requirement stand in the configuration.

    Attributes:
        required_scopes_configuration_key: For ``any_scope``, such as ``AzureAd:Scopes``; text or a
            list. .NET: RequiredScopesConfigurationKey.
        required_app_permissions_configuration_key: For ``any_role``, such as
            ``AzureAd:AppPermissions``. .NET: RequiredAppPermissionsConfigurationKey.
    """

    required_scopes_configuration_key: str
    required_app_permissions_configuration_key: str


class Settings(Protocol):
    """The application's configuration."""

    def value(self, path: str, /) -> object:
        """The text or list at *path*, or None."""

    def origin(self, path: str, /) -> str | None:
        """Where it was given."""

    def missing(self, path: str, /) -> Problem:
        """That there is nothing at *path*, with the nearest name."""


@dataclass(frozen=True, slots=True, init=False)
class Requirement:
    """Permissions that a caller must have (rule Z).

    A role never counts as a scope, nor a scope as a role. .NET: RequiredScope is ``any_scope``,
    RequiredScopeOrAppPermission is ``any_scope`` with ``any_role``.

    Args:
        scopes: Delegated permissions, all of which are needed; a list, or text with spaces or
            commas between them as configuration has it.
        any_scope: Delegated permissions; one of them, or one of *any_role*, is needed.
        any_role: App roles; one of them, or one of *any_scope*, is needed.
        caller: Whether a user or an application must call.
        clients: Client ids of applications that may call; none given: all.

    Raises:
        InvalidCallError: Nothing is required at all, which would let everyone in; or a name is
            written in full (``api://…/read``), as no token holds it; or *caller* or a name is
            something else than may be.
    """

    scopes: tuple[str, ...]
    any_scope: tuple[str, ...]
    any_role: tuple[str, ...]
    caller: Caller
    clients: frozenset[str]

    def __init__(
        self,
        scopes: str | Iterable[str] = (),
        *,
        any_scope: str | Iterable[str] = (),
        any_role: str | Iterable[str] = (),
        caller: Caller = "any",
        clients: str | Iterable[str] = (),
    ) -> None:
        if caller not in _CALLERS:
            raise InvalidCallError(f"caller is one of {', '.join(map(repr, _CALLERS))}.")
        object.__setattr__(self, "scopes", _names("scopes", scopes))
        object.__setattr__(self, "any_scope", _names("any_scope", any_scope))
        object.__setattr__(self, "any_role", _names("any_role", any_role))
        object.__setattr__(self, "caller", caller)
        object.__setattr__(self, "clients", frozenset(_names("clients", clients)))
        if not (self.scopes or self.any_scope or self.any_role or self.clients or caller != "any"):
            raise InvalidCallError("A requirement needs at least one scope or role.")

    @classmethod
    def of(
        cls,
        settings: Settings,
        scopes: str | Iterable[str] = (),
        *,
        any_scope: str | Iterable[str] = (),
        any_role: str | Iterable[str] = (),
        **keys: Unpack[RequirementKeys],
    ) -> Requirement:
        """A requirement some of whose names stand in the configuration.

        Args:
            settings: The configuration.
            scopes: As in the constructor.
            any_scope: As in the constructor.
            any_role: As in the constructor.
            keys: Where names stand instead.

        Raises:
            ConfigurationError: A key is missing or empty, or stands beside names given in code
                (deliberate differences 8 and 43).
            InvalidCallError: As in the constructor.
        """
        problems: list[Problem] = []
        scopes_at = keys.get("required_scopes_configuration_key")
        if scopes_at is not None:
            any_scope = _configured(settings, scopes_at, problems, beside=any_scope)
        roles_at = keys.get("required_app_permissions_configuration_key")
        if roles_at is not None:
            any_role = _configured(settings, roles_at, problems, beside=any_role)
        if problems:
            raise ConfigurationError(problems)
        return cls(scopes, any_scope=any_scope, any_role=any_role)

    def check(self, principal: Principal) -> None:
        """Return if *principal* has what is required.

        Raises:
            AuthorizationError: With the scopes and roles that are missing.
            InvalidCallError: *principal* is none.
        """
        check_kind("principal", principal, Principal)
        self._check_caller(principal)
        missing = tuple(scope for scope in self.scopes if scope not in principal.scopes)
        if missing:
            raise AuthorizationError("The caller lacks a scope.", missing_scopes=missing)
        if not (self.any_scope or self.any_role):
            return
        if principal.scopes.isdisjoint(self.any_scope) and principal.roles.isdisjoint(
            self.any_role
        ):
            raise AuthorizationError(
                "The caller has none of the scopes and roles that are accepted.",
                missing_scopes=self.any_scope,
                missing_roles=self.any_role,
            )

    def _check_caller(self, principal: Principal) -> None:
        is_user = bool(not principal.is_app and principal.scopes and principal.object_id)
        if (self.caller == "user" and not is_user) or (
            self.caller == "app" and not principal.is_app
        ):
            raise AuthorizationError(f"The caller is no {self.caller}.")
        if self.clients and principal.client_id not in self.clients:
            raise AuthorizationError("The calling application is not one of those accepted.")


def _configured(
    settings: Settings, key: str, problems: list[Problem], *, beside: str | Iterable[str]
) -> tuple[str, ...]:
    value = settings.value(key)
    texts = [value] if isinstance(value, str) else value
    place = settings.origin(key) or key
    if beside:
        problems.append(Problem(place, "stands beside names given in code", "give one of the two"))
    elif texts is None:
        problems.append(settings.missing(key))
    elif not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        problems.append(Problem(place, "must be text or a list of texts"))
    elif not (names := _names(key, texts)):
        problems.append(Problem(place, "is empty, so nothing would be required"))
    else:
        return names
    return ()


def _names(argument: str, value: str | Iterable[str]) -> tuple[str, ...]:
    check_kind(argument, value, str, Iterable)
    texts = (value,) if isinstance(value, str) else tuple(value)
    for text in texts:
        check_kind(f"a name in {argument}", text, str)
    names = tuple(
        dict.fromkeys(name for text in texts for name in re.split(r"[\s,]+", text) if name)
    )
    for name in names:
        if "://" in name:
            bare = name.rpartition("/")[2]
            raise InvalidCallError(
                f"{name!r} can never be met: tokens hold the bare name.",
                remedy=f"require {bare!r}",
            )
    return names
