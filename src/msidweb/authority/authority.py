"""Which authority the application trusts, and its addresses."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from msidweb.configuration import MicrosoftIdentityOptions, Place
from msidweb.encoding import GUID
from msidweb.errors import ConfigurationError, Problem

from .clouds import Cloud, cloud_of

DEFAULT_INSTANCE = "https://login.microsoftonline.com/"
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""Tenant of personal Microsoft accounts."""

CIAM_SUFFIX = ".ciamlogin.com"
_B2C_SUFFIX = ".b2clogin.com"

_MULTI_TENANT = frozenset({"common", "organizations"})
META_TENANTS = _MULTI_TENANT | {"consumers"}
"""Tenant segments that name no single directory, in lower case."""

_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\])(?::\d{1,5})?")
_LOOPBACK = re.compile(r"(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?")


class AuthorityKind(enum.StrEnum):
    """What kind of directory answers."""

    ENTRA = "entra"
    CIAM = "ciam"


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority: a host and a tenant on it.

    Attributes:
        host: Host as configured, in lower case, with its port if one was given.
        tenant: Tenant segment as configured: id, domain, ``common``, ``organizations`` or
            ``consumers``.
        kind: Entra ID, or External ID on ``ciamlogin.com``.
        listed_hosts: More hosts that its documents may name (KnownAuthorityHosts).
    """

    host: str
    tenant: str
    kind: AuthorityKind = AuthorityKind.ENTRA
    listed_hosts: frozenset[str] = frozenset()

    @property
    def cloud(self) -> Cloud | None:
        """The known cloud that the host belongs to, or None."""
        return cloud_of(self.host)

    @property
    def network_host(self) -> str:
        """Host for token requests: the cloud's preferred one."""
        return self.cloud.network_host if self.cloud else self.host

    @property
    def cache_environment(self) -> str:
        """``environment`` of cached entries, as MSAL names it."""
        return self.cloud.cache_host if self.cloud else self.host

    @property
    def aliases(self) -> frozenset[str]:
        """Every host under which entries of this authority may be cached."""
        return self.cloud.aliases if self.cloud else frozenset({self.host})

    @property
    def is_multi_tenant(self) -> bool:
        """Whether users of any tenant may come: ``common`` or ``organizations``."""
        return self.tenant.lower() in _MULTI_TENANT

    @property
    def is_meta_tenant(self) -> bool:
        """Whether the tenant segment names no single tenant's directory."""
        return self.tenant.lower() in META_TENANTS

    def token_endpoint(self, tenant: str | None = None) -> str:
        """Address of token requests, for *tenant* instead of the configured one where given."""
        return f"https://{self.network_host}/{tenant or self.tenant}/oauth2/v2.0/token"

    @property
    def authorization_endpoint(self) -> str:
        """Where a browser signs its user in."""
        return f"https://{self.network_host}/{self.tenant}/oauth2/v2.0/authorize"

    def metadata_url(self, version: int) -> str:
        """Address of the openid-configuration for tokens of *version* 1 or 2.

        It is asked at the configured host. The v1 document of ``organizations`` does not exist;
        that of ``common`` stands for it, as in .NET.
        """
        tenant = self.tenant
        if version == 1 and tenant.lower() == "organizations":
            tenant = "common"
        middle = "/v2.0" if version == 2 else ""  # noqa: PLR2004 - the version of the protocol
        return f"https://{self.host}/{tenant}{middle}/.well-known/openid-configuration"


def resolve_authority(options: MicrosoftIdentityOptions, *, place: str = "AzureAd") -> Authority:
    """The authority that *options* name.

    Instance and TenantId win; an Authority is taken apart into them, and must agree with those
    that are given besides (deliberate difference 13: .NET picks one of the two by chance).

    Raises:
        ConfigurationError: With every problem found; *place* says in which section.
    """
    problems: list[Problem] = []
    authority = read_authority(options, Place(place), problems)
    if authority is None or problems:
        raise ConfigurationError(problems)
    return authority


def read_authority(
    options: MicrosoftIdentityOptions, place: Place, problems: list[Problem]
) -> Authority | None:
    """The authority that *options* name, what is wrong with it added to *problems*.

    None where something is wrong, or where a value that *place* could not read decides.
    """
    return _Reading(options, place, problems).authority()


class _Reading:
    def __init__(
        self, options: MicrosoftIdentityOptions, place: Place, problems: list[Problem]
    ) -> None:
        self._options = options
        self._place = place
        self._problems = problems
        written = (options.authority or "").strip()
        # .NET computes "//v2.0" where neither Instance nor TenantId is set.
        self._authority = "" if written == "//v2.0" else written
        self._listed = frozenset(host.lower() for host in options.known_authority_hosts or ())

    def authority(self) -> Authority | None:
        if not all(map(_HOST.fullmatch, self._listed)):
            self._problem("KnownAuthorityHosts", "holds an entry that is no host")
        if self._options.sign_up_sign_in_policy_id:
            self._problem("SignUpSignInPolicyId", "Azure AD B2C is not supported yet")
            return None
        host, tenant = self._from_authority()
        host = self._agreed("Instance", self._instance_host(), host)
        if host is None:
            return None
        tenant = self._agreed("TenantId", self._options.tenant_id or None, tenant)
        if tenant is None and host.endswith(CIAM_SUFFIX):
            tenant = f"{host.removesuffix(CIAM_SUFFIX)}.onmicrosoft.com"
        if tenant is None:
            if self._place.knows("TenantId", "Authority"):
                self._problem("TenantId", "is missing", "a tenant id, a domain or 'organizations'")
            return None
        folded = tenant.lower()
        if not (folded in META_TENANTS or GUID.fullmatch(folded) or _is_domain(tenant)):
            self._problem("TenantId", "is no tenant id, domain or 'organizations'")
            return None
        kind = AuthorityKind.CIAM if host.endswith(CIAM_SUFFIX) else AuthorityKind.ENTRA
        return Authority(host, tenant, kind, self._listed)

    def _from_authority(self) -> tuple[str | None, str | None]:
        parts = self._address("Authority", self._authority) if self._authority else None
        if parts is None:
            return None, None
        host = self._known("Authority", parts.netloc.lower())
        if host is None:
            return None, None
        segments = [segment for segment in parts.path.split("/") if segment]
        if segments and segments[-1] == "v2.0":
            del segments[-1]
        if len(segments) > 1 or (segments and segments[0].lower() in {"dstsv2", "adfs", "tfp"}):
            self._problem(
                "Authority", "is not of the form https://host/tenant", "set Instance and TenantId"
            )
            return None, None
        return host, segments[0] if segments else None

    def _instance_host(self) -> str | None:
        value = (self._options.instance or "").strip()
        if not value:
            return None if self._authority else _DEFAULT_HOST
        parts = self._address("Instance", value)
        if parts is None:
            return None
        if parts.path not in {"", "/"}:
            self._problem("Instance", "has a path", "https://host/ alone")
            return None
        return self._known("Instance", parts.netloc.lower())

    def _address(self, key: str, value: str) -> SplitResult | None:
        try:
            parts = urlsplit(value)
            usable = parts.port is None or parts.port > 0
        except ValueError:
            self._problem(key, "is no URL")
            return None
        if parts.scheme != "https":
            self._problem(key, "must start with https://")
        elif not (usable and _HOST.fullmatch(parts.netloc.lower())):
            self._problem(key, "has no usable host")
        elif parts.query or parts.fragment:
            self._problem(key, "has a query or fragment", "put it into ExtraQueryParameters")
        else:
            return parts
        return None

    def _known(self, key: str, host: str) -> str | None:
        host = host.removesuffix(":443")
        if host.endswith(_B2C_SUFFIX):
            self._problem(key, "Azure AD B2C is not supported yet")
            return None
        known = cloud_of(host) or host.endswith(CIAM_SUFFIX) or _LOOPBACK.fullmatch(host)
        if known or host in self._listed:
            return host
        if self._place.knows("KnownAuthorityHosts"):
            self._problem(key, "names no known login host", "list it in KnownAuthorityHosts")
        return None

    def _agreed(self, key: str, given: str | None, derived: str | None) -> str | None:
        if given and derived and given.lower() != derived.lower():
            self._problem("Authority", f"contradicts {key}", "keep one of the two")
        return given or derived

    def _problem(self, key: str, message: str, hint: str | None = None) -> None:
        self._problems.append(Problem(self._place.of(key), message, hint))


_DEFAULT_HOST = urlsplit(DEFAULT_INSTANCE).netloc


def _is_domain(tenant: str) -> bool:
    return len(tenant) <= 253 and _DOMAIN.fullmatch(tenant) is not None  # noqa: PLR2004 - RFC 1035
