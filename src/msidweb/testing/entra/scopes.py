"""What a ``scope`` parameter asks for, and what of it is granted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .directory import GRAPH_CLIENT_ID, GRAPH_URI, Directory
from .errors import RefusalError
from .tokens import Target

DEFAULT = ".default"
_RESERVED = frozenset({"openid", "profile", "email", "offline_access"})


@dataclass(frozen=True, slots=True)
class WantedScopes:
    """The scopes of one request: one resource, its permissions, the OpenID ones.

    Attributes:
        target: The resource as the client named it.
        names: Names of the permissions, or ``.default`` alone.
        written: Name -> the scope as it was written.
        openid: The reserved scopes among them.
    """

    target: Target
    names: tuple[str, ...]
    written: Mapping[str, str]
    openid: frozenset[str]

    @classmethod
    def parse(
        cls, text: str, directory: Directory, *, tenant_id: str, openid_alone: bool = False
    ) -> WantedScopes:
        """Read a ``scope`` parameter of one resource; raises the refusal when it cannot be meant.

        With *openid_alone* OpenID Connect's own scopes will do; they are Graph's to give.
        """
        wanted = cls.parse_all(text, directory, tenant_id=tenant_id)
        if len(wanted) != 1 or not (wanted[0].names or openid_alone):
            raise RefusalError(70011)
        return wanted[0]

    @classmethod
    def parse_all(cls, text: str, directory: Directory, *, tenant_id: str) -> list[WantedScopes]:
        """The same for several resources, as a sign-in may name them."""
        scopes = text.split()
        openid = _RESERVED.intersection(scopes)
        named: dict[str, dict[str, str]] = {}
        for scope in scopes:
            if scope not in _RESERVED:
                uri, _, name = scope.rpartition("/")
                named.setdefault(uri or GRAPH_URI, {})[name] = scope
        if not named and openid:
            graph = directory.apps[GRAPH_CLIENT_ID]
            return [cls(Target(graph, GRAPH_URI), (), {}, openid)]
        return [
            cls(_target(uri, names, directory, tenant_id), tuple(names), names, openid)
            for uri, names in named.items()
        ]

    @property
    def is_default(self) -> bool:
        """Whether everything consented is asked for."""
        return self.names == (DEFAULT,)

    def grant(self, consented: set[str]) -> list[str]:
        """The permissions to give; raises 65001 when consent is missing for any of them."""
        if not self.names:
            return sorted(self.openid - {"offline_access"})
        granted = sorted(consented) if self.is_default else list(self.names)
        if not granted or not consented.issuperset(granted):
            raise RefusalError(65001)
        return granted

    def echo(self, granted: list[str], *, with_openid: bool) -> str:
        """``scope`` of the answer: in the words of the request, ``.default`` at the end."""
        openid = ["openid", "profile", "email"] if with_openid else []
        if not self.names:
            return " ".join(granted)
        full = [self.written.get(name, f"{self.target.uri}/{name}") for name in granted]
        default = [self.written[DEFAULT]] if self.is_default else []
        return " ".join([*openid, *full, *default])


def _target(uri: str, names: Collection[str], directory: Directory, tenant_id: str) -> Target:
    if (DEFAULT in names and len(names) > 1) or "" in names:
        raise RefusalError(70011)
    resource = directory.find_resource(uri, tenant_id)
    if resource is None:
        raise RefusalError(500011, f"The resource principal named {uri} was not found.")
    for name in names:
        if name not in (*resource.scopes, DEFAULT):
            raise RefusalError(650053, f"The scope '{name}' does not exist on {uri}.")
    return Target(resource, uri)
