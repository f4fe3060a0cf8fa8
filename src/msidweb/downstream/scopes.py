"""Which scopes a call may ask for: those of the API's own resource (security rule 3.B)."""

from __future__ import annotations

from collections.abc import Sequence

from msidweb.errors import InvalidCallError
from msidweb.kinds import check_kind

_GRAPH = "https://graph.microsoft.com"


def resource_of(scope: str) -> str:
    """The resource that *scope* is a permission of; a bare permission name is Microsoft Graph's."""
    resource, slash, _ = scope.rpartition("/")
    return resource.casefold() if slash else _GRAPH


def own_scopes(name: str, configured: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """*wanted*, once each of them is known to belong to a resource of the *configured* scopes.

    Raises:
        InvalidCallError: One belongs to another resource; its token would reach the wrong API.
    """
    listed = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    for scope in listed:
        check_kind(f"{name!r}: a scope", scope, str)
    own = {resource_of(scope) for scope in configured}
    for scope in listed:
        if resource_of(scope) not in own:
            msg = f"{name!r}: the scope {scope!r} belongs to another resource than this API's."
            raise InvalidCallError(msg, code="foreign_scopes", remedy="configure an API of its own")
    return listed


def app_scope(name: str, scopes: Sequence[str]) -> str:
    """The one scope of a call with the application's token.

    Raises:
        InvalidCallError: There are several, or it does not end in ``/.default``.
    """
    if len(scopes) == 1 and scopes[0].endswith("/.default"):
        return scopes[0]
    msg = f"{name!r}: a call for the application takes exactly one scope, ending in '/.default'."
    remedy = f"pass scopes=['{_default_of(scopes)}'], or configure an API for it"
    raise InvalidCallError(msg, code="app_scopes", remedy=remedy)


def _default_of(scopes: Sequence[str]) -> str:
    resource = scopes[0].rpartition("/")[0] if scopes else ""
    return f"{resource or 'api://<its id>'}/.default"
