"""What a user must still agree to before a client gets its permissions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .directory import App, Directory
from .scopes import WantedScopes
from .tokens import Subject


@dataclass(frozen=True, slots=True)
class Permissions:
    """Scopes of one resource that a client wants."""

    resource: App
    scopes: tuple[str, ...]

    @property
    def needs_admin(self) -> bool:
        """Whether only an administrator may consent."""
        return not self.resource.admin_scopes.isdisjoint(self.scopes)


def missing_consent(
    client: App, wanted: Iterable[WantedScopes], subject: Subject, directory: Directory
) -> list[Permissions]:
    """The permissions that neither the user nor an administrator has granted yet."""
    missing = []
    for scopes in wanted:
        resource = scopes.target.resource
        given = directory.consented(client, resource, tenant_id=subject.tenant_id, oid=subject.oid)
        # Without a consent at all .default stands for what the client declares.
        names = wanted_names(client, scopes) if not (scopes.is_default and given) else ()
        open_names = tuple(name for name in names if name not in given)
        if open_names:
            missing.append(Permissions(resource, open_names))
    return missing


def wanted_permissions(client: App, wanted: Iterable[WantedScopes]) -> list[Permissions]:
    """Everything a client asks for, granted or not."""
    every = [Permissions(s.target.resource, wanted_names(client, s)) for s in wanted]
    return [permissions for permissions in every if permissions.scopes]


def wanted_names(client: App, wanted: WantedScopes) -> tuple[str, ...]:
    """The permissions behind a scope parameter; those declared, behind ``.default``."""
    if not wanted.is_default:
        return wanted.names
    resource = wanted.target.resource
    return client.permissions.get(resource.client_id, resource.scopes)


def described(client: App, permissions: Iterable[Permissions], directory: Directory) -> list[str]:
    """The permissions in words, with those that a consent covers beyond them."""
    lines = ["Sign you in and read your profile"]
    for wanted in permissions:
        lines += [f"{wanted.resource.name}: {name}" for name in wanted.scopes]
        for onward, names in directory.covered(client, wanted.resource):
            lines += [f"{onward.name}: {name} (through {wanted.resource.name})" for name in names]
    return lines


def is_admin(subject: Subject) -> bool:
    """Whether a user may consent for everybody in the tenant."""
    return subject.user.admin and subject.user.tid == subject.tenant_id


def needs_other_admin(asked: Iterable[Permissions], subject: Subject) -> bool:
    """Whether the permissions are not the user's to consent to."""
    return not is_admin(subject) and any(permissions.needs_admin for permissions in asked)
