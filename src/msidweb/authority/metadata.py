"""The authority's documents, fetched and checked against the authority that was configured."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

from msidweb.encoding import GUID, EncodingError, parse_object
from msidweb.errors import MetadataUnavailableError

from .authority import CIAM_SUFFIX, PERSONAL_TENANT, Authority, AuthorityKind
from .keys import KeySet, read_keys

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]

OVERALL_TIMEOUT = 15.0
"""Seconds that one refresh of all documents may take (security.md 4.2)."""

ANY_TENANT = "{tenantid}"
"""What an issuer holds in the place of the tenant where any may come."""

_ISSUER = {
    1: re.compile(r"https://([^/?#]+)/([^/?#]+)/"),
    2: re.compile(r"https://([^/?#]+)/([^/?#]+)/v2\.0"),
}


async def fetch_key_set(authority: Authority, fetch: Fetch) -> KeySet:
    """Both metadata documents and the keys of *authority*.

    Keys come from the v2 document's ``jwks_uri`` alone, as in .NET: those of the v1 document carry
    no issuer, so rule K4 would not bind them to a tenant. The v1 document gives its issuer; it may
    be missing, then ``issuer_v1`` is None.

    Raises:
        MetadataUnavailableError: A document did not come, cannot be read, or is not this
            authority's.
    """
    try:
        async with asyncio.timeout(OVERALL_TIMEOUT):
            v2, v1 = await asyncio.gather(
                _metadata(authority, fetch, 2),
                _metadata(authority, fetch, 1),
                return_exceptions=True,
            )
            document, issuer, tenant = _landed(v2)
            keys = read_keys(await _document(fetch, _keys_url(authority, tenant, document)))
    except TimeoutError as error:
        raise MetadataUnavailableError("The authority's documents took too long.") from error
    cloud = document.get("cloud_instance_name")
    return KeySet(
        keys=keys,
        issuer_v2=issuer,
        issuer_v1=None if isinstance(v1, MetadataUnavailableError) else _landed(v1)[1],
        tenant=None if tenant == ANY_TENANT else tenant,
        cloud=cloud if isinstance(cloud, str) else None,
    )


_Metadata: TypeAlias = tuple[Mapping[str, object], str, str]


def _landed(outcome: _Metadata | BaseException) -> _Metadata:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


async def _metadata(authority: Authority, fetch: Fetch, version: int) -> _Metadata:
    document = await _document(fetch, authority.metadata_url(version))
    issuer = document.get("issuer")
    tenant = _issuer_tenant(authority, issuer if isinstance(issuer, str) else "", version)
    if tenant is None:
        raise MetadataUnavailableError(f"The issuer of the v{version} metadata is unexpected.")
    return document, str(issuer), tenant


async def _document(fetch: Fetch, url: str) -> Mapping[str, object]:
    body = await fetch(url)
    try:
        return parse_object(body)
    except EncodingError as error:
        message = f"A document of the authority cannot be read: {error.message}."
        raise MetadataUnavailableError(message) from None


def _issuer_tenant(authority: Authority, issuer: str, version: int) -> str | None:
    match = _ISSUER[version].fullmatch(issuer)
    if match is None:
        return None
    host, tenant = match.groups()
    fits = _host_fits(authority, host, tenant, version) and _tenant_fits(authority, tenant)
    return tenant if fits else None


def _host_fits(authority: Authority, host: str, tenant: str, version: int) -> bool:
    if authority.cloud is not None:
        cloud = authority.cloud
        return host == (cloud.sts_host if version == 1 else cloud.network_host)
    if host in authority.listed_hosts or (version == 1 and host == "sts.windows.net"):
        return True
    if authority.kind is AuthorityKind.CIAM:
        return version != 1 and host == f"{tenant}{CIAM_SUFFIX}"
    return host == authority.host


def _tenant_fits(authority: Authority, tenant: str) -> bool:
    if authority.is_multi_tenant:
        return tenant == ANY_TENANT
    configured = authority.tenant.lower()
    if configured == "consumers":
        return tenant in {PERSONAL_TENANT, ANY_TENANT}
    if GUID.fullmatch(configured):
        return tenant == configured
    return GUID.fullmatch(tenant) is not None


def _keys_url(authority: Authority, tenant: str, document: Mapping[str, object]) -> str:
    url = document.get("jwks_uri")
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        parts = urlsplit("")
    trusted = authority.aliases | authority.listed_hosts
    if authority.kind is AuthorityKind.CIAM:
        trusted |= {f"{tenant}{CIAM_SUFFIX}"}
    if parts.scheme != "https" or parts.netloc not in trusted:
        raise MetadataUnavailableError("The metadata names a key document on another host.")
    return parts.geturl()
