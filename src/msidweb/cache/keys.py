"""The names of kept tokens: partitions as in .NET, requests as tuples of typed fields.

A user's partition is the digest of the assertion (:class:`msidweb.principal.Assertion`).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from typing import TypeAlias

from msidweb.encoding import encode_base64url

Components: TypeAlias = tuple[tuple[str, str], ...]
"""What makes a token another one beside its scopes: name and value, sorted by name."""

RequestKey: TypeAlias = tuple[str, str, str, str | None, Components, tuple[str, ...]]
"""Cloud, client id, tenant, object id (or ``app``), components, scopes: rule 3.1.

A tuple of fields and no joined text, so no content of a field can make two requests one.
"""

RESERVED_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})
"""Scopes of the sign-in itself; they belong to no resource."""


@functools.lru_cache(maxsize=1024)
def app_partition(client_id: str, tenant: str, components: Components = ()) -> str:
    """Partition of an application's tokens: ``{client}_{tenant}[_{hash}]_AppTokenCache``."""
    middle = f"_{components_hash(components)}" if components else ""
    return f"{client_id}_{tenant}{middle}_AppTokenCache"


def components_hash(components: Components) -> str:
    """base64url(SHA-256) over every name and value, each with its length in bytes before it.

    MSAL.NET 4.90 hashes the same text; it sorts names by its culture, which is the order of code
    points only for lower-case ASCII names.
    """
    text = "".join(_measured(part) for component in sorted(components) for part in component)
    return encode_base64url(hashlib.sha256(text.encode()).digest())


def _measured(text: str) -> str:
    return f"{len(text.encode())}:{text}"


def normalized_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Scopes as they are compared: each once, ignoring case and order."""
    return tuple(sorted({scope.lower() for scope in scopes}))
