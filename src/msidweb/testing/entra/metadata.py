"""Where the emulator lives, and the public documents that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlsplit

from .directory import SHARED_TENANTS, Tenant
from .keys import SigningKey

PUBLIC_CLOUD = "https://login.microsoftonline.com"

_V1_ISSUERS = {
    "login.microsoftonline.com": "https://sts.windows.net",
    "login.microsoftonline.us": "https://sts.windows.net",
    "login.partner.microsoftonline.cn": "https://sts.chinacloudapi.cn",
}
_B2C_KEY = ("kid", "use", "kty", "e", "n")
_CLAIMS = (
    *("sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name"),
    *("msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username"),
    *("name", "tid", "oid", "ver", "at_hash", "c_hash", "email"),
)
_ALIASES = {
    "login.microsoftonline.com": (
        "login.windows.net",
        [
            "login.microsoftonline.com",
            "login.windows.net",
            "login.microsoft.com",
            "sts.windows.net",
        ],
    ),
    "login.microsoftonline.us": (
        "login.microsoftonline.us",
        ["login.microsoftonline.us", "login.usgovcloudapi.net"],
    ),
    "login.partner.microsoftonline.cn": (
        "login.partner.microsoftonline.cn",
        ["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one request is answered, when it is not the emulator's own address."""

    host: str | None = None
    policy: str | None = None


_HERE: ContextVar[Place] = ContextVar("msidweb_entra_place")
_OWN = Place()
_CIAM = ".ciamlogin.com"


class Address:
    """The login address: every URL and issuer of the emulator starts with it.

    Args:
        base_url: The emulator's own address.
        hosts: Names of other hosts that it answers for, as its ``Host`` field says.
    """

    def __init__(self, base_url: str = PUBLIC_CLOUD, hosts: Iterable[str] = ()) -> None:
        self._own = base_url.rstrip("/")
        self._hosts = frozenset(host.lower() for host in hosts)

    def move(self, base_url: str) -> None:
        """Have another address of its own."""
        self._own = base_url.rstrip("/")

    @contextmanager
    def at(self, host: str | None, policy: str | None = None) -> Iterator[None]:
        """Be at another host, maybe in a user flow of Azure AD B2C, while the block lasts."""
        token = _HERE.set(Place(host, policy))
        try:
            yield
        finally:
            _HERE.reset(token)

    def serves(self, host: str) -> str | None:
        """The host of a request, where it is one of the others."""
        return host.lower() if host.lower() in self._hosts else None

    @property
    def base_url(self) -> str:
        """The address, without a trailing slash."""
        host = _HERE.get(_OWN).host
        return self._own if host is None else f"https://{host}"

    @property
    def host(self) -> str:
        """Host with its port, as URLs carry it."""
        return urlsplit(self.base_url).netloc

    @property
    def policy(self) -> str | None:
        """The user flow of Azure AD B2C, lower case as in its tokens."""
        policy = _HERE.get(_OWN).policy
        return policy.lower() if policy else None

    def of_tenant(self, segment: str) -> str:
        """The address of a tenant, with the user flow if there is one."""
        policy = _HERE.get(_OWN).policy
        return f"{self.base_url}/{segment}" + (f"/{policy}" if policy else "")

    def issuer(self, tenant_id: str, *, version: int) -> str:
        """``iss`` of a tenant's tokens; pass ``{tenantid}`` for the template."""
        if self.policy:
            return f"{self.base_url}/{tenant_id}/v2.0/"
        external = self.host.endswith(_CIAM)
        if version == 1:
            own = "https://sts.windows.net" if external else self.base_url
            return f"{_V1_ISSUERS.get(self.host, own)}/{tenant_id}/"
        base = f"https://{tenant_id}{_CIAM}" if external else self.base_url
        return f"{base}/{tenant_id}/v2.0"


def issuer_tenant(segment: str, tenant: Tenant | None) -> str:
    """The tenant in a document's issuer: an id, or the literal that multi-tenant documents hold."""
    return "{tenantid}" if tenant is None or segment in SHARED_TENANTS else tenant.id


def openid_configuration(
    address: Address, segment: str, tenant: Tenant | None, *, version: int
) -> dict[str, object]:
    """The OpenID Connect discovery document of a tenant segment."""
    base = address.of_tenant(segment)
    v2 = "/v2.0" if version != 1 else ""
    return {
        "token_endpoint": f"{base}/oauth2{v2}/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "jwks_uri": f"{base}/discovery{v2}/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": address.issuer(issuer_tenant(segment, tenant), version=version),
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": f"{address.base_url}/oidc/userinfo",
        "authorization_endpoint": f"{base}/oauth2{v2}/authorize",
        "device_authorization_endpoint": f"{base}/oauth2{v2}/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{base}/oauth2{v2}/logout",
        "claims_supported": list(_CLAIMS),
        "kerberos_endpoint": f"{base}/kerberos",
        "tenant_region_scope": "EU",
        "cloud_instance_name": address.host,
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    }


def key_document(
    address: Address, segment: str, tenant: Tenant | None, keys: Iterable[SigningKey]
) -> dict[str, object]:
    """The JSON Web Key Set; its issuers are those of v2 in both versions."""
    issuer = address.issuer(issuer_tenant(segment, tenant), version=2)
    members = [key.jwk(issuer=issuer, cloud=address.host) for key in keys]
    if address.policy:
        members = [{name: jwk[name] for name in _B2C_KEY} for jwk in members]
    return {"keys": members}


def instance_discovery(address: Address, asked: str) -> dict[str, object] | None:
    """The clouds that the emulator knows, or None for an authority of an unknown host."""
    parts = urlsplit(asked)
    clouds = {address.host: (address.host, [address.host])} | _ALIASES
    if not any(parts.netloc in aliases for _, aliases in clouds.values()):
        return None
    tenant = parts.path.strip("/").split("/")[0] or "common"
    return {
        "tenant_discovery_endpoint": (
            f"https://{parts.netloc}/{tenant}/v2.0/.well-known/openid-configuration"
        ),
        "api-version": "1.1",
        "metadata": [
            {"preferred_network": host, "preferred_cache": cache, "aliases": aliases}
            for host, (cache, aliases) in clouds.items()
        ],
    }
