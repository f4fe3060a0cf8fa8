"""The clouds of Entra ID that are known without asking: hosts, aliases, issuers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud.

    Attributes:
        network_host: Host that token requests go to, and that v2 issuers name.
        cache_host: ``environment`` of cached entries, as MSAL writes it.
        sts_host: Host that v1 issuers name.
        aliases: Every host of the cloud.
    """

    network_host: str
    cache_host: str
    aliases: frozenset[str] = field(repr=False)
    sts_host: str = "sts.windows.net"


def _cloud(*hosts: str, cache: str | None = None, sts: str = "sts.windows.net") -> Cloud:
    return Cloud(hosts[0], cache or hosts[0], frozenset(hosts), sts)


CLOUDS: tuple[Cloud, ...] = (
    _cloud(
        "login.microsoftonline.com",
        "login.windows.net",
        "login.microsoft.com",
        "sts.windows.net",
        cache="login.windows.net",
    ),
    _cloud("login.microsoftonline.us", "login.usgovcloudapi.net"),
    _cloud(
        "login.partner.microsoftonline.cn", "login.chinacloudapi.cn", sts="sts.chinacloudapi.cn"
    ),
    _cloud("login-us.microsoftonline.com"),
    _cloud("login.microsoftonline.de"),
    _cloud(
        "login.windows-ppe.net",
        "sts.windows-ppe.net",
        "login.microsoft-ppe.com",
        sts="sts.windows-ppe.net",
    ),
    _cloud("login.sovcloud-identity.fr"),
    _cloud("login.sovcloud-identity.de"),
    _cloud("login.sovcloud-identity.sg"),
)

_BY_HOST = {alias: cloud for cloud in CLOUDS for alias in cloud.aliases}


def cloud_of(host: str) -> Cloud | None:
    """The cloud that *host* (lower case) belongs to, or None."""
    return _BY_HOST.get(host)
