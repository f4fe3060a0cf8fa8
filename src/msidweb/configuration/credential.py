"""How the application proves who it is: the entries of ClientCredentials."""

from __future__ import annotations

import enum
from typing import Annotated, Any, ClassVar, Final, NoReturn

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from .model import Options
from .spelling import did_you_mean


class SourceType(enum.StrEnum):
    """Where a credential comes from, in the order of .NET's numbers. .NET: CredentialSource."""

    CERTIFICATE = "Certificate"
    KEY_VAULT = "KeyVault"
    BASE64_ENCODED = "Base64Encoded"
    PATH = "Path"
    STORE_WITH_THUMBPRINT = "StoreWithThumbprint"
    STORE_WITH_DISTINGUISHED_NAME = "StoreWithDistinguishedName"
    CLIENT_SECRET = "ClientSecret"  # noqa: S105 - a kind of credential, not a password
    SIGNED_ASSERTION_FROM_MANAGED_IDENTITY = "SignedAssertionFromManagedIdentity"
    SIGNED_ASSERTION_FILE_PATH = "SignedAssertionFilePath"
    SIGNED_ASSERTION_FROM_VAULT = "SignedAssertionFromVault"
    AUTO_DECRYPT_KEYS = "AutoDecryptKeys"
    CUSTOM_SIGNED_ASSERTION = "CustomSignedAssertion"
    MANAGED_CERTIFICATE = "ManagedCertificate"
    STORE_WITH_SUBJECT_NAME = "StoreWithSubjectName"


_BY_TEXT = {source.lower(): source for source in SourceType} | {
    str(number): source for number, source in enumerate(SourceType)
}


_NO_SOURCE: Final = "must be ClientSecret, Path, KeyVault … or a number from 0 to 13{near}"


def _source_type(value: object) -> object:
    named = isinstance(value, str | int) and not isinstance(value, bool)
    name = str(value).strip().replace("_", "").lower() if named else ""
    source = _BY_TEXT.get(name)
    if source is None:
        near = did_you_mean(name, [source.value for source in SourceType])
        raise PydanticCustomError("source_type", _NO_SOURCE, {"near": near})
    return source


class CredentialDescription(Options):
    """One credential. .NET: CredentialDescription, and the older CertificateDescription."""

    source_type: Annotated[SourceType, BeforeValidator(_source_type)] = SourceType.CERTIFICATE
    client_secret: SecretStr | None = None
    key_vault_url: str | None = None
    key_vault_certificate_name: str | None = None
    certificate_store_path: str | None = None
    certificate_thumbprint: str | None = None
    certificate_distinguished_name: str | None = None
    certificate_subject_name: str | None = None
    certificate_disk_path: str | None = None
    certificate_password: SecretStr | None = None
    base64_encoded_value: SecretStr | None = None
    managed_identity_client_id: str | None = None
    token_exchange_url: str | None = None
    token_exchange_authority: str | None = None
    signed_assertion_file_disk_path: str | None = None
    custom_signed_assertion_provider_name: str | None = None
    custom_signed_assertion_provider_data: dict[str, Any] | None = Field(default=None, repr=False)
    skip: bool = False

    ignored_keys: ClassVar[frozenset[str]] = frozenset(
        {
            "Algorithm",
            "CachedValue",
            "Certificate",
            "CredentialType",
            "DecryptKeysAuthenticationOptions",
            "Id",
            "UseBoundCredential",
            "X509KeyStorageFlags",
        }
    )

    def __reduce__(self) -> NoReturn:
        raise TypeError("A credential is not written out by pickle.")


class ManagedIdentityCredentialOptions(Options):
    """The older switch for a managed identity. .NET: ClientCredentialsUsingManagedIdentity."""

    is_enabled: bool = False
    managed_identity_client_id: str | None = None
