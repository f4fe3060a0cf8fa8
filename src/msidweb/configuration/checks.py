"""What is wrong with options that are each well formed: contradictions, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPMethod

from msidweb.encoding import GUID
from msidweb.errors import Problem

from .binding import WHOLE
from .configuration import Section
from .credential import CredentialDescription, SourceType
from .model import pascal
from .options import DownstreamApiOptions, HttpClientOptions, MicrosoftIdentityOptions
from .spelling import nearest

_NEEDED: Mapping[SourceType, tuple[str, ...]] = {
    SourceType.KEY_VAULT: ("key_vault_url", "key_vault_certificate_name"),
    SourceType.BASE64_ENCODED: ("base64_encoded_value",),
    SourceType.PATH: ("certificate_disk_path",),
    SourceType.STORE_WITH_THUMBPRINT: ("certificate_store_path", "certificate_thumbprint"),
    SourceType.STORE_WITH_DISTINGUISHED_NAME: (
        "certificate_store_path",
        "certificate_distinguished_name",
    ),
    SourceType.STORE_WITH_SUBJECT_NAME: ("certificate_store_path", "certificate_subject_name"),
    SourceType.CLIENT_SECRET: ("client_secret",),
    SourceType.SIGNED_ASSERTION_FROM_VAULT: ("key_vault_url", "key_vault_certificate_name"),
    SourceType.CUSTOM_SIGNED_ASSERTION: ("custom_signed_assertion_provider_name",),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where options stand, for the problems found in them.

    Attributes:
        name: The section, or what stands for it.
        section: It gives the origin of single values; None when they came another way.
        unread: Paths of values that could not be read, as in a :class:`Draft`.
    """

    name: str
    section: Section | None = None
    unread: frozenset[str] = frozenset()

    def of(self, key: str) -> str:
        """Where *key* was given, or where it would stand."""
        origin = self.section.origin(key) if self.section is not None else None
        return origin or f"{self.name}:{key}"

    def knows(self, *keys: str) -> bool:
        """Whether the values of *keys* could be read, and so may be judged."""
        return not any(
            lost == WHOLE or f"{key}:".startswith(f"{lost}:")
            for lost in self.unread
            for key in keys
        )


def check_web_api(options: MicrosoftIdentityOptions, place: Place) -> list[Problem]:
    """What keeps the application from working, whatever its authority turns out to be."""
    return [
        *_identity(options, place),
        *_access(options, place),
        *_credentials(options, place),
        *_empty_entries(options, place, _WEB_API_LISTS),
    ]


def check_downstream_api(options: DownstreamApiOptions, place: Place) -> list[Problem]:
    """What keeps a downstream API from being called."""
    return list(_empty_entries(options, place, ("scopes",)))


def check_http_client(options: HttpClientOptions, place: Place) -> list[Problem]:
    """What keeps an HTTP client from being made."""
    problems: list[Problem] = []
    known = place.knows("ClientCertificateFile")
    if known and options.client_key_file and not options.client_certificate_file:
        where = place.of("ClientKeyFile")
        problems.append(Problem(where, "has no ClientCertificateFile beside it"))
    for verb in options.retry_methods:
        near = None if verb in _VERBS else nearest(verb, _VERBS)
        if near is not None:
            where = place.of("RetryMethods")
            problems.append(Problem(where, "holds no HTTP method", f"did you mean {near}?"))
    return problems


#: Others may be an API's own; the last two, of WebDAV, only look like misspelled ones.
_VERBS = (*map(str, HTTPMethod), "PROPPATCH", "REPORT")


_WORD = re.compile(r"[\x21-\x7e]+")
_WEB_API_LISTS = (
    "audiences",
    "allowed_client_applications",
    "allowed_tenants",
    "client_capabilities",
    "known_authority_hosts",
    "scopes",
    "app_permissions",
)


def _identity(options: MicrosoftIdentityOptions, place: Place) -> Iterator[Problem]:
    if options.client_id is None and place.knows("ClientId"):
        yield Problem(place.of("ClientId"), "is missing", "the application's id; .NET: IDW10106")
    for key, texts in (
        ("ClientId", [options.client_id]),
        ("ClientCapabilities", options.client_capabilities or ()),
    ):
        if any(text and text.strip() and not _WORD.fullmatch(text) for text in texts):
            yield Problem(place.of(key), "holds a space, or what is not visible ASCII")
    if options.tenant_id is None and options.authority is None:
        b2c = options.sign_up_sign_in_policy_id is not None
        known = place.knows("TenantId", "Authority", "SignUpSignInPolicyId", "Domain")
        if known and not (b2c and options.domain is not None):
            name = "Domain" if b2c else "TenantId"
            yield Problem(place.of(name), "is missing", f"{name}, or Authority; .NET: IDW10106")


def _access(options: MicrosoftIdentityOptions, place: Place) -> Iterator[Problem]:
    by_acl = options.allow_web_api_to_be_authorized_by_acl
    known = place.knows("AllowWebApiToBeAuthorizedByACL", "AllowedClientApplications")
    if known and by_acl and not options.allowed_client_applications:
        yield Problem(
            place.of("AllowWebApiToBeAuthorizedByACL"),
            "would let every application of the tenant in",
            "list the client ids in AllowedClientApplications",
        )
    if known and options.allowed_client_applications and not by_acl:
        yield Problem(
            place.of("AllowedClientApplications"),
            "restricts nobody without AllowWebApiToBeAuthorizedByACL",
            "to let these clients alone in, check Requirement(clients=…)",
        )
    tenants = (tenant.lower() for tenant in options.allowed_tenants or () if tenant.strip())
    if not all(map(GUID.fullmatch, tenants)):
        yield Problem(place.of("AllowedTenants"), "must hold tenant ids", "GUIDs, no domains")


def _credentials(options: MicrosoftIdentityOptions, place: Place) -> Iterator[Problem]:
    if options.client_secret is not None and options.client_credentials:
        yield Problem(
            place.of("ClientSecret"),
            "stands beside ClientCredentials",
            "give one of them; .NET: IDW10110",
        )
    lists = (
        ("ClientCredentials", options.client_credentials),
        ("ClientCertificates", options.client_certificates),
        ("TokenDecryptionCredentials", options.token_decryption_credentials),
        ("TokenDecryptionCertificates", options.token_decryption_certificates),
    )
    for name, credentials in lists:
        for index, credential in enumerate(credentials or ()):
            path = f"{name}:{index}"
            if not credential.skip and place.knows(f"{path}:SourceType", f"{path}:Skip"):
                yield from _credential(credential, place, path)


def _credential(credential: CredentialDescription, place: Place, path: str) -> Iterator[Problem]:
    if credential.source_type is SourceType.CERTIFICATE and credential.certificate is None:
        yield Problem(
            place.of(f"{path}:SourceType"), "names no source", "ClientSecret, Path, KeyVault …"
        )
    for name in _NEEDED.get(credential.source_type, ()):
        key = f"{path}:{pascal(name)}"
        if getattr(credential, name) is None and place.knows(key):
            yield Problem(place.of(key), f"is missing for {credential.source_type}")


def _empty_entries(
    options: MicrosoftIdentityOptions | DownstreamApiOptions, place: Place, names: Iterable[str]
) -> Iterator[Problem]:
    for name in names:
        entries: list[str] = getattr(options, name) or []
        if not all(map(str.strip, entries)):
            yield Problem(place.of(pascal(name)), "holds an empty entry")
