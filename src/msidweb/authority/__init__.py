"""Entra ID authorities: clouds, tenants, metadata documents and signing keys."""

from .authority import (
    META_TENANTS,
    PERSONAL_TENANT,
    Authority,
    AuthorityKind,
    read_authority,
    resolve_authority,
)
from .clouds import Cloud, cloud_of
from .keys import KeySet, SigningKey
from .metadata import ANY_TENANT
from .rotation import AuthorityKeys

__all__ = [
    "ANY_TENANT",
    "META_TENANTS",
    "PERSONAL_TENANT",
    "Authority",
    "AuthorityKeys",
    "AuthorityKind",
    "Cloud",
    "KeySet",
    "SigningKey",
    "cloud_of",
    "read_authority",
    "resolve_authority",
]
