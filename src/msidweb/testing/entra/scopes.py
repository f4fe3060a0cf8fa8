"""What a ``scope`` parameter asks for, and what of it is granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .directory import GRAPH_URI, Directory
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
    def parse(cls, text: str, directory: Directory, *, tenant_id: str) -> WantedScopes:
        """Read a ``scope`` parameter; raises the refusal when it cannot be meant."""
        scopes = text.split()
        written = [scope for scope in scopes if scope not in _RESERVED]
        parts = [scope.rpartition("/") for scope in written]
        uris = {uri or GRAPH_URI for uri, _, _ in parts}
        names = {name: scope for (_, _, name), scope in zip(parts, written, strict=True)}
        if len(uris) != 1 or (DEFAULT in names and len(names) > 1) or "" in names:
            raise RefusalError(70011)
        uri = uris.pop()
        resource = directory.find_resource(uri, tenant_id)
        if resource is None:
            raise RefusalError(500011, f"The resource principal named {uri} was not found.")
        for name in names:
            if name not in (*resource.scopes, DEFAULT):
                raise RefusalError(650053, f"The scope '{name}' does not exist on {uri}.")
        return cls(Target(resource, uri), tuple(names), names, _RESERVED.intersection(scopes))

    @property
    def is_default(self) -> bool:
        """Whether everything consented is asked for."""
        return self.names == (DEFAULT,)

    def grant(self, consented: set[str]) -> list[str]:
        """The permissions to give; raises 65001 when consent is missing for any of them."""
        granted = sorted(consented) if self.is_default else list(self.names)
        if not granted or not consented.issuperset(granted):
            raise RefusalError(65001)
        return granted

    def echo(self, granted: list[str], *, with_openid: bool) -> str:
        """``scope`` of the answer: in the words of the request, ``.default`` at the end."""
        openid = ["openid", "profile", "email"] if with_openid else []
        full = [self.written.get(name, f"{self.target.uri}/{name}") for name in granted]
        default = [self.written[DEFAULT]] if self.is_default else []
        return " ".join([*openid, *full, *default])
