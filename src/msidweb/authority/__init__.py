"""Entra ID authorities: clouds, tenants, metadata documents and signing keys."""

from .authority import Authority, AuthorityKind, resolve_authority
from .clouds import Cloud, cloud_of
from .keys import KeySet, SigningKey
from .rotation import AuthorityKeys

__all__ = [
    "Authority",
    "AuthorityKeys",
    "AuthorityKind",
    "Cloud",
    "KeySet",
    "SigningKey",
    "cloud_of",
    "resolve_authority",
]
